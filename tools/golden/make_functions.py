"""`functions.jsonl.gz` and `functions.npz`: activations, initializers, regularizers and constraints on fixed values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from case import values
from store import Store, write_lines
from systems import SYSTEMS, System

Line = dict[str, Any]

GRID = np.array(
    [
        *(
            0.0,
            -0.0,
            1e-30,
            1e-7,
            1e-3,
            0.1,
            0.25,
            0.5,
            0.9999,
            1.0,
            1.5,
            2.0,
            2.4999,
            2.5,
            2.5001,
            3.0,
            3.5,
            5.0,
            5.9999,
        ),
        *(6.0, 6.5, 9.0, 10.0, 15.0, 17.0, 20.0, 30.0, 50.0, 80.0, 88.0, 90.0, 100.0, 1e3, 1e6, 1e30, np.inf),
    ],
    np.float32,
)
GRID = np.concatenate([GRID, -GRID, np.float32([np.nan])])

ROWS = np.array(
    [[1, 2, 3, 4], [0, 0, 0, 0], [1000, 0, -1000, 3], [-1e30, 1, 2, 3], [0.3, 0.2, 0.25, 0.1], [-100, -90, -200, -95]],
    np.float32,
)
ODD_ROWS = np.array([[1, np.nan, 2, 3], [np.inf, 1, 2, 3], [-np.inf, 1, 2, 3], [-np.inf] * 4], np.float32)

ALONG_AN_AXIS = ("softmax", "log_softmax", "sparsemax", "glu")

ARGUMENTS: dict[str, list[Line]] = {
    "relu": [{"max_value": 6.0}, {"threshold": 1.0}, {"negative_slope": 0.2, "max_value": 4.0, "threshold": 0.5}],
    "elu": [{"alpha": 0.5}],
    "celu": [{"alpha": 0.5}],
    "leaky_relu": [{"negative_slope": 0.3}],
    "gelu": [{"approximate": True}, {"approximate": False}],
    "softmax": [{"axis": 0}],
    "log_softmax": [{"axis": 0}],
    "glu": [{"axis": 0}],
    "squareplus": [{"b": 2}],
    "hard_shrink": [{"threshold": 1.0}],
    "soft_shrink": [{"threshold": 1.0}],
    "threshold": [{"threshold": 1.0, "default_value": -3.0}],
}


def make(out: Path) -> None:
    store, lines = Store(), []
    for system in SYSTEMS:
        for family in (activations, initial_biases, initializers, distributions, regularizers, constraints):
            for line in family(system, store):
                label = ",".join(str(part) for part in (line["kind"], line.pop("label")))
                lines.append({"id": f"{system.name}/{label}", **line})
    write_lines(out / "functions.jsonl.gz", lines)
    store.save(out / "functions.npz")
    print(len(lines), "function cases")


def activations(system: System, store: Store) -> Iterator[Line]:
    for name in system.activation_names():
        function = system.keras.activations.get(name)
        for given in [{}, *ARGUMENTS.get(name, [])]:
            arguments = dict(given)
            if name == "sparsemax" or (name == "threshold" and not given):
                continue  # the first is wrong in Keras 3.15 (keras #23469), the second needs its arguments
            if name == "relu" and not system.is_keras3 and "negative_slope" in arguments:
                arguments["alpha"] = arguments.pop("negative_slope")
            if name in ("leaky_relu", "log_softmax") and not system.is_keras3 and arguments:
                continue  # these are TensorFlow's own, with names of their own for their arguments
            for x in (ROWS, ODD_ROWS) if name in ALONG_AN_AXIS else (GRID, GRID.astype("float64")):
                outputs = np.asarray(function(_tensor(x), **arguments))
                label = f"{name}({json.dumps(arguments)}){x.dtype}{x.shape}"
                line = {"kind": "activation", "label": label, "name": name, "arguments": arguments}
                yield {**line, "inputs": store.put(x), "outputs": store.put(outputs)}


def _tensor(x: Any) -> Any:
    import tensorflow as tf

    return tf.constant(x)


def initial_biases(system: System, store: Store) -> Iterator[Line]:
    """The bias as built: `unit_forget_bias`, and the shape that `reset_after` gives."""
    options: list[tuple[str, Line]] = [
        ("LSTM", {}),
        ("LSTM", {"unit_forget_bias": False}),
        ("LSTM", {"bias_initializer": "ones"}),
        ("LSTM", {"bias_initializer": "ones", "unit_forget_bias": False}),
        ("GRU", {}),
        ("GRU", {"reset_after": True, "bias_initializer": "ones"}),
        ("GRU", {"reset_after": False}),
        ("SimpleRNN", {"bias_initializer": "ones"}),
    ]
    for kind, given in options:
        layer = system.layer(kind)(3, **given)
        layer.build((None, 5, 4))
        line = {"kind": "bias", "label": f"{kind}({json.dumps(given)})", "layer": kind, "arguments": given}
        shapes = [list(w.shape) for w in layer.get_weights()]
        yield {**line, "shapes": shapes, "outputs": store.put(layer.get_weights()[-1])}


def initializers(system: System, store: Store) -> Iterator[Line]:
    """Those without chance: the values themselves."""
    made: list[tuple[str, Line]] = [
        ("Zeros", {}),
        ("Ones", {}),
        ("Constant", {"value": 0.25}),
        ("Identity", {}),
        ("Identity", {"gain": 2.0}),
    ]
    for name, given in made:
        initializer = getattr(system.keras.initializers, name)(**given)
        config = {"class_name": name, "config": given}  # Keras 3's Identity leaves its gain out of its own config
        for shape in [(3, 4), (4, 3), (3, 3)]:
            line = {"kind": "initializer", "label": f"{name}({json.dumps(given)}){shape}", "config": config}
            yield {**line, "shape": list(shape), "outputs": store.put(np.asarray(initializer(shape)))}


def distributions(system: System, store: Store) -> Iterator[Line]:
    """Those with chance: mean, deviation and bounds of a large draw, as the real system draws."""
    plain = "GlorotUniform GlorotNormal HeUniform HeNormal LecunUniform LecunNormal RandomNormal RandomUniform"
    made: list[tuple[str, Line]] = [(name, {}) for name in (*plain.split(), "TruncatedNormal", "Orthogonal")]
    made += [
        ("RandomNormal", {"mean": 1.0, "stddev": 0.5}),
        ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
        ("TruncatedNormal", {"mean": -1.0, "stddev": 0.5}),
        ("Orthogonal", {"gain": 2.0}),
        *(
            ("VarianceScaling", {"scale": 2.0, "mode": mode, "distribution": distribution})
            for mode in ("fan_in", "fan_out", "fan_avg")
            for distribution in ("truncated_normal", "untruncated_normal", "uniform")
        ),
    ]
    for name, given in made:
        for shape in [(300, 200), (3, 100, 150)]:
            initializer = getattr(system.keras.initializers, name)(**given, seed=5)
            config = {"class_name": name, "config": initializer.get_config()}
            drawn = np.asarray(initializer(shape))
            line = {"kind": "distribution", "label": f"{name}({json.dumps(given)}){shape}", "config": config}
            facts = {"mean": drawn.mean(), "std": drawn.std(), "min": drawn.min(), "max": drawn.max()}
            yield {**line, "shape": list(shape), **{key: round(float(value), 7) for key, value in facts.items()}}


def regularizers(system: System, store: Store) -> Iterator[Line]:
    x = values(4, 3, seed=40)
    library = system.keras.regularizers
    made = {
        "l1": library.L1(),
        "l2": library.L2(),
        "l1(0.3)": library.L1(0.3),
        "l2(0.3)": library.L2(0.3),
        "l1_l2": library.L1L2(),
        "l1_l2(0.1,0.2)": library.L1L2(l1=0.1, l2=0.2),
        "orthogonal_rows": library.OrthogonalRegularizer(factor=0.1, mode="rows"),
        "orthogonal_columns": library.OrthogonalRegularizer(factor=0.1, mode="columns"),
    }
    for label, made_one in made.items():
        config = {"class_name": type(made_one).__name__, "config": made_one.get_config()}
        line = {"kind": "regularizer", "label": label, "config": json.loads(json.dumps(config, default=float))}
        yield {**line, "inputs": store.put(x), "outputs": store.put(np.asarray(made_one(_tensor(x))))}


def constraints(system: System, store: Store) -> Iterator[Line]:
    x, higher = values(4, 3, seed=41, scale=3.0), values(2, 4, 3, seed=42, scale=3.0)
    library = system.keras.constraints
    made = {
        "NonNeg": [{}],
        "MaxNorm": [{}, {"max_value": 1.0}, {"max_value": 1.0, "axis": 1}],
        "UnitNorm": [{}, {"axis": 1}],
        "MinMaxNorm": [
            {},
            {"min_value": 0.5, "max_value": 2.0, "rate": 0.5},
            {"min_value": 2.0, "max_value": 3, "axis": 1},
        ],
    }
    for name, all_given in made.items():
        for given in all_given:
            constraint = getattr(library, name)(**given)
            config = {"class_name": name, "config": constraint.get_config()}
            for values_in in (x, higher):
                label = f"{name}({json.dumps(given)}){values_in.shape}"
                outputs = np.asarray(constraint(_tensor(values_in)))
                line = {"kind": "constraint", "label": label, "config": config}
                yield {**line, "inputs": store.put(values_in), "outputs": store.put(outputs)}
