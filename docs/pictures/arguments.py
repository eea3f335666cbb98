"""The pictures of docs/arguments.md, from what the layers compute: `python docs/pictures/arguments.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.patches import Rectangle

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

from drawn import BLUE, GREEN, GREY, ORANGE, Pictures, box, draw, empty, figure, finish, grid, lines, pulses, say  # noqa: E402

import gatewise as gw  # noqa: E402
from gatewise.base import release  # noqa: E402
from gatewise.layers import LSTM  # noqa: E402

STEPS: Final = 20
X: Final = np.zeros((1, STEPS, 1), "float32")
X[0, [2, 8, 9]] = 1


def made(seed: int = 0, features: int = 1, **arguments: Any) -> Any:
    """A fresh LSTM, the same for the same seed."""
    gw.keras.utils.set_random_seed(seed)
    layer = LSTM(**{"units": 4, **arguments})
    layer.build((1, None, features))
    return layer


def traced(layer: Any, x: Any = X) -> Any:
    return layer.trace(x)[layer.name]


def units() -> Any:
    drawing = figure(7, 2.6)
    axes = drawing.subplots()
    empty(axes, 14.6, 5.6)
    colors = {"i": "#dce9f5", "f": "#fbe3d0", "c": "#dff2e5", "o": "#ececec"}
    rows = [(4.0, 0.9, "kernel W", "I"), (1.6, 1.9, "recurrent kernel U", "H"), (0.3, 0.6, "bias b", "")]
    for bottom, height, words, letter in rows:
        axes.text(3.5, bottom + height / 2, say(words), ha="right", va="center")
        axes.text(4.0, bottom + height / 2, letter, ha="center", va="center", color=GREY)
        for place, (gate, color) in enumerate(colors.items()):
            box(axes, 4.4 + 2.5 * place, bottom, 2.5, height, gate, color)
    for place in range(4):
        axes.text(4.4 + 2.5 * (place + 0.5), 5.15, "H", ha="center", va="center", color=GREY)
    return drawing


def activation() -> Any:
    drawing = figure()
    ones = np.ones((1, STEPS, 1), "float32")
    left, right = drawing.subplots(1, 2, width_ratios=[1, 1])
    for axes, names in ((left, ("tanh",)), (right, ("relu", "linear"))):
        curves = []
        for name, color in zip(names, (BLUE, ORANGE), strict=False):
            layer = made(units=1, activation=name, kernel_initializer="ones", recurrent_initializer="ones")
            curves.append((name, traced(layer, ones).output[0, :10, 0], color))
        lines(axes, curves, say("step"), say("output h"))
    left.set_ylim(0, 1.05)
    right.set_yscale("log")
    right.lines[-1].set_linestyle("--")
    finish(right)
    return drawing


def recurrent_activation() -> Any:
    drawing = figure(7, 2.6)
    axes = drawing.subplots()
    z = np.linspace(-4, 4, 161)
    hard = gw.activations.get("hard_sigmoid")(z)
    with release.meaning("tf1"):
        older = gw.activations.get("hard_sigmoid")(z)
    axes.plot(z, gw.activations.sigmoid(z), color=BLUE, linewidth=1.8, label="sigmoid")
    axes.plot(z, hard, color=ORANGE, linewidth=1.8, label=say("hard_sigmoid, Keras 3"))
    axes.plot(z, older, color=GREEN, linewidth=1.8, linestyle="--", label=say("hard_sigmoid, before"))
    axes.set(xlabel=say("sum of a gate"), ylabel=say("gate"))
    finish(axes, fontsize=9)
    return drawing


def unit_forget_bias() -> Any:
    drawing = figure()
    axes = drawing.subplots()
    x = np.zeros((1, STEPS, 1), "float32")
    x[0, 2] = 1
    curves = []
    for choice, color in ((True, BLUE), (False, ORANGE)):
        layer = made(units=1, unit_forget_bias=choice, kernel_initializer="ones", recurrent_initializer="zeros")
        curves.append((f"unit_forget_bias={choice}", traced(layer, x).cell_state[0, :, 0], color))
    lines(axes, curves, say("step"), say("cell state c"))
    pulses(axes, x)
    return drawing


def initializers() -> Any:
    drawing = figure(7, 3.4)
    kernel, recurrent, bias = made(units=16, features=8).get_weights()
    panels = drawing.subplots(3, 1, height_ratios=[8, 16, 3])
    named = (("kernel W", kernel), ("recurrent kernel U", recurrent), ("bias b", bias[None]))
    for axes, (words, weights) in zip(panels, named, strict=True):
        shown = grid(axes, weights, high=1.0)
        axes.set_title(say(words), fontsize=10)
        axes.set_yticks([])
        axes.set_xticks([16 * gate + 7.5 for gate in range(4)], list("ifco"))
        for gate in range(1, 4):
            axes.axvline(16 * gate - 0.5, color="white", linewidth=2)
    drawing.colorbar(shown, ax=panels, ticks=[-1, 0, 1], aspect=25, pad=0.01)
    return drawing


def _learned(**arguments: Any) -> Any:
    """An LSTM that has learned to add up the second of 8 features; the others are noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(256, 10, 8)).astype("float32")
    y = x[:, :, 1].sum(axis=1, keepdims=True) / 3
    gw.keras.utils.set_random_seed(1)
    layer = LSTM(8, **arguments)
    model = gw.Sequential([gw.Input((10, 8)), layer, gw.layers.Dense(1)])
    model.compile(gw.optimizers.Adam(0.01), "mse")
    model.fit(x, y, epochs=60, verbose=0)
    return layer


def regularizers() -> Any:
    drawing = figure(7, 2.7)
    panels = drawing.subplots(2, 1, sharex=True)
    named = (("without", {}), ("kernel_regularizer=L1(0.003)", {"kernel_regularizer": gw.regularizers.L1(0.003)}))
    for axes, (words, arguments) in zip(panels, named, strict=True):
        shown = grid(axes, _learned(**arguments).get_weights()[0], high=1.0)
        axes.set_title(say(words), fontsize=10)
        axes.set(yticks=[1, 7], ylabel=say("feature"))
        axes.set_xticks([8 * gate + 3.5 for gate in range(4)], list("ifco"))
    drawing.colorbar(shown, ax=panels, ticks=[-1, 0, 1], aspect=20, pad=0.01)
    return drawing


def constraints() -> Any:
    drawing = figure()
    axes = drawing.subplots()
    named = (
        ("without", {}),
        ("recurrent_constraint=MaxNorm(0.5)", {"recurrent_constraint": gw.constraints.MaxNorm(0.5)}),
    )
    for place, ((words, arguments), color) in enumerate(zip(named, (GREY, BLUE), strict=True)):
        lengths = np.linalg.norm(_learned(**arguments).get_weights()[1], axis=0)
        axes.bar(np.arange(len(lengths)) + 0.4 * place, lengths, 0.4, color=color, label=say(words))
    axes.set(xlabel=say("column of U"), ylabel=say("length"))
    finish(axes)
    return drawing


def dropout() -> Any:
    """The input of a layer that hands on what it sees: what is missing at one step is missing at all."""
    drawing = figure(7, 2.2)
    layer = made(features=8, dropout=0.5, seed=3, implementation=2)
    panels = drawing.subplots(1, 3, sharey=True)
    for call, axes in enumerate(panels):
        factor = _input_factor(layer)
        grid(axes, np.repeat(factor, STEPS, axis=1), signed=False, high=2.0)
        axes.set(xlabel=say("step"), title=f"{say('call')} {call + 1}", xticks=[0, 10, 19], yticks=[0, 7])
    panels[0].set_ylabel(say("feature"))
    return drawing


def _input_factor(layer: Any) -> np.ndarray:
    """By what a call in training multiplies each feature, (I, 1), as the layer draws it."""
    from gatewise.recurrent.dropout import masks_of

    mask = masks_of(layer, np, np.ones((1, STEPS, 8), "float32"))["dropout"]
    return np.asarray(mask)[0, 0].T


def returned() -> Any:
    drawing = figure(7, 2.5)
    trace = traced(made(), X)
    panels = drawing.subplots(2, 1, sharex=True)
    high = float(max(np.abs(trace.output).max(), np.abs(trace.cell_state).max()))
    for axes, (words, values) in zip(
        panels, (("hidden state h", trace.output), ("cell state c", trace.cell_state)), strict=True
    ):
        grid(axes, values[0].T, high=high)
        axes.set_title(say(words), fontsize=10)
        axes.set_yticks([])
    frame = {"fill": False, "linewidth": 2.2, "clip_on": False}
    above, below = panels
    for axes, start, steps, color in (
        (above, 0, STEPS, BLUE),
        (above, STEPS - 1, 1, ORANGE),
        (below, STEPS - 1, 1, GREEN),
    ):
        axes.add_patch(Rectangle((start - 0.5, -0.5), steps, 4, edgecolor=color, **frame))
    below.set(xlabel=say("step"), xticks=[0, 5, 10, 15, 19])
    above.text(STEPS - 0.2, 0.2, "return_sequences=True", color=BLUE, va="center", fontsize=10)
    above.text(STEPS - 0.2, 2.4, say("the default"), color=ORANGE, va="center", fontsize=10)
    below.text(STEPS - 0.2, 1.5, say("return_state: this,\nand the h above it"), color=GREEN, va="center", fontsize=10)
    return drawing


def go_backwards() -> Any:
    drawing = figure()
    axes = drawing.subplots()
    curves = []
    for words, backwards, color in (("forwards", False, BLUE), ("go_backwards=True", True, ORANGE)):
        layer = made(seed=3, units=1, go_backwards=backwards)
        curves.append((say(words), traced(layer).output[0, :, 0], color))
    lines(axes, curves, say("step of the input"), say("output h"))
    pulses(axes, X)
    return drawing


def stateful() -> Any:
    drawing = figure()
    axes = drawing.subplots()
    for choice, color in ((True, BLUE), (False, ORANGE)):
        layer = made(units=1, kernel_initializer="ones", recurrent_initializer="zeros", stateful=choice)
        for call in range(2):
            values = traced(layer, X[:, :12]).cell_state[0, :, 0]
            layer(X[:, :12])
            label = f"stateful={choice}" if not call else None
            axes.plot(np.arange(12) + 12 * call, values, color=color, linewidth=1.8, label=label)
    axes.axvline(11.5, color=GREY, linewidth=1)
    for call in range(2):
        axes.text(0.3 + 12 * call, axes.get_ylim()[1], f"{say('call')} {call + 1}", va="top", color=GREY)
    axes.set(xlabel=say("step"), ylabel=say("cell state c"))
    finish(axes)
    return drawing


def zero_output_for_mask() -> Any:
    drawing = figure()
    axes = drawing.subplots()
    mask = np.arange(STEPS)[None] < 12
    for choice, color in ((False, BLUE), (True, ORANGE)):
        layer = made(seed=3, units=1, return_sequences=True, zero_output_for_mask=choice)
        axes.plot(layer(X, mask=mask)[0, :, 0], color=color, linewidth=1.8, label=f"zero_output_for_mask={choice}")
    axes.axvspan(11.5, STEPS - 0.5, facecolor="#eeeeee")
    axes.text(12, axes.get_ylim()[1], say("masked"), va="top", color=GREY)
    axes.set(xlabel=say("step"), ylabel=say("output h"))
    finish(axes)
    return drawing


PICTURES: Final[Pictures] = {
    "arguments_units": units,
    "arguments_activation": activation,
    "arguments_recurrent_activation": recurrent_activation,
    "arguments_unit_forget_bias": unit_forget_bias,
    "arguments_initializers": initializers,
    "arguments_regularizers": regularizers,
    "arguments_constraints": constraints,
    "arguments_dropout": dropout,
    "arguments_return": returned,
    "arguments_go_backwards": go_backwards,
    "arguments_stateful": stateful,
    "arguments_zero_output_for_mask": zero_output_for_mask,
}

CHINESE: Final = {
    "kernel W": "输入核 W",
    "recurrent kernel U": "循环核 U",
    "bias b": "偏置 b",
    "step": "时间步",
    "step of the input": "输入的时间步",
    "output h": "输出 h",
    "cell state c": "细胞状态 c",
    "hidden state h": "隐藏状态 h",
    "hard_sigmoid, Keras 3": "hard_sigmoid, Keras 3",
    "hard_sigmoid, before": "hard_sigmoid, 旧版本",
    "sum of a gate": "门的输入之和",
    "gate": "门",
    "without": "不加约束",
    "kernel_regularizer=L1(0.003)": "kernel_regularizer=L1(0.003)",
    "recurrent_constraint=MaxNorm(0.5)": "recurrent_constraint=MaxNorm(0.5)",
    "feature": "特征",
    "column of U": "U 的列",
    "length": "长度",
    "call": "调用",
    "the default": "默认",
    "return_state: this,\nand the h above it": "return_state：这一列，\n以及上方的 h",
    "forwards": "正向",
    "go_backwards=True": "go_backwards=True",
    "masked": "被掩码的步",
}


if __name__ == "__main__":
    draw(PICTURES, CHINESE, HERE)
