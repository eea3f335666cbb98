"""CuDNNLSTM and CuDNNGRU: the same numbers as LSTM and GRU with the weights that cuDNN's become."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import h5py
import jax
import numpy as np
import pytest

import gatewise as gw
from gatewise import layers
from gatewise.base.release import meaning
from gatewise.recurrent.cudnn import from_cudnn, to_cudnn

X = np.random.default_rng(0).uniform(-1, 1, (2, 5, 3)).astype("float32")
KINDS = {"LSTM": layers.CuDNNLSTM, "GRU": layers.CuDNNGRU}
GATES = {"LSTM": 4, "GRU": 3}
STATES = {"LSTM": 2, "GRU": 1}
UNITS = 4

# Of TensorFlow 1.14, in its order; the LSTM has unit_forget_bias after the initializers.
ARGUMENTS = [
    *(f"{part}_initializer" for part in ("kernel", "recurrent", "bias")),
    *(f"{part}_regularizer" for part in ("kernel", "recurrent", "bias", "activity")),
    *(f"{part}_constraint" for part in ("kernel", "recurrent", "bias")),
    "return_sequences", "return_state", "go_backwards", "stateful",
]  # fmt: skip


def cudnn_weights(kind: str, seed: int = 1) -> list[np.ndarray]:
    draw, width = np.random.default_rng(seed), GATES[kind] * UNITS
    shapes = [(3, width), (UNITS, width), (2 * width,)]
    # Multiples of 1/1024: sums of two biases are exact in every dtype.
    return [(draw.integers(-512, 513, shape) / 1024).astype("float32") for shape in shapes]


def plain_weights(kind: str, weights: list[np.ndarray]) -> list[np.ndarray]:
    """What LSTM and GRU take, element by element: cuDNN's gate is the transpose, filled in its order of memory."""
    found = []
    for kernel in weights[:2]:
        rows, ours = kernel.shape[0], np.empty_like(kernel)
        for gate in range(GATES[kind]):
            memory = kernel[:, gate * UNITS : (gate + 1) * UNITS].ravel()
            for row in range(rows):
                for unit in range(UNITS):
                    ours[row, gate * UNITS + unit] = memory[unit * rows + row]
        found.append(ours)
    first, second = np.split(weights[2], 2)
    return [*found, np.stack([first, second]) if kind == "GRU" else first + second]


def pair(kind: str, **options: Any) -> tuple[Any, Any]:
    """The cuDNN layer and the plain layer that computes the same."""
    made, plain = KINDS[kind](UNITS, **options), getattr(layers, kind)(UNITS, **options)
    shape = (5, 2, 3) if options.get("time_major") else (2, 5, 3)
    for layer in (made, plain):
        layer.build(shape)
    weights = cudnn_weights(kind)
    made.set_weights(weights)
    plain.set_weights(plain_weights(kind, weights))
    return made, plain


def same(found: Any, wanted: Any) -> None:
    for one, other in zip(*(parts if isinstance(parts, list) else [parts] for parts in (found, wanted)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"return_sequences": True}, {"return_state": True}, {"go_backwards": True, "return_sequences": True},
     {"stateful": True}, {"time_major": True, "return_sequences": True}, {"dtype": "float64"}],
    ids=lambda options: "-".join(options) or "plain",
)  # fmt: skip
def test_the_numbers_are_those_of_the_plain_layer(kind: str, options: dict[str, Any]) -> None:
    made, plain = pair(kind, **options)
    x = X.swapaxes(0, 1) if options.get("time_major") else X
    for _ in range(2):  # a second time for what is stateful
        same(made(x), plain(x))
    start = [np.full((2, UNITS), 0.1 * k, "float32") for k in range(1, 1 + STATES[kind])]
    same(made(x, initial_state=start), plain(x, initial_state=start))


@pytest.mark.parametrize("kind", KINDS)
def test_layouts_undo_each_other(kind: str) -> None:
    kernel = cudnn_weights(kind)[0]
    np.testing.assert_array_equal(from_cudnn(to_cudnn(kernel, GATES[kind]), GATES[kind]), kernel)
    np.testing.assert_array_equal(from_cudnn(kernel, GATES[kind]), plain_weights(kind, cudnn_weights(kind))[0])


@pytest.mark.parametrize("kind", KINDS)
def test_in_models_wrappers_streams_and_under_jit(kind: str) -> None:
    made, plain = pair(kind, return_sequences=True)
    models = [gw.Sequential([gw.Input((5, 3)), layer]) for layer in (made, plain)]
    wanted = models[1].predict(X)
    same(models[0].predict(X), wanted)
    stream = models[0].stream(2)
    same([stream.push(X[:, step]) for step in range(5)], [wanted[:, step] for step in range(5)])
    run = jax.jit(lambda weights, x: models[0].stateless_call(weights, [], x)[0])
    found = run([v.value for v in models[0].trainable_variables], X)
    np.testing.assert_allclose(found, wanted, atol=1e-6)  # sums of seven products below one, in other orders
    both = [layers.Bidirectional(layer) for layer in (made, plain)]
    for layer, weights in zip(both, (made.get_weights(), plain.get_weights()), strict=True):
        layer.build((2, 5, 3))
        layer.set_weights(2 * weights)
    same(both[0](X), both[1](X))


@pytest.mark.parametrize("kind", KINDS)
def test_new_weights_are_seen(kind: str) -> None:
    made, plain = pair(kind)
    before = made(X)
    weights = cudnn_weights(kind, seed=2)
    made.set_weights(weights)
    plain.set_weights(plain_weights(kind, weights))
    assert not np.allclose(before, made(X))
    same(made(X), plain(X))


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_either_layout_load_into_either_layer(kind: str, tmp_path: Any) -> None:
    made, plain = pair(kind)
    models = [gw.Sequential([gw.Input((5, 3)), layer]) for layer in (made, plain)]
    for layer in (made, plain):
        path = tmp_path / f"{type(layer).__name__}.h5"
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"rnn"]
            file.attrs["keras_version"] = b"2.2.4-tf"
            group = file.create_group("rnn")
            group.attrs["weight_names"] = [b"kernel:0", b"recurrent_kernel:0", b"bias:0"]
            for name, weight in zip(("kernel:0", "recurrent_kernel:0", "bias:0"), layer.get_weights(), strict=True):
                group[name] = weight
        for model in models:
            fresh = gw.models.clone_model(model)
            fresh.load_weights(path)
            same(fresh.predict(X), models[1].predict(X))


# -- arguments ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("release", ["tf1", "tf2", "keras3"])
def test_the_places_are_those_of_tensorflow_1(kind: str, release: Any) -> None:
    names = list(ARGUMENTS)
    if kind == "LSTM":
        names.insert(3, "unit_forget_bias")
    values = {"_initializer": "he_normal", "_regularizer": "l2", "_constraint": "non_neg"}
    with meaning(release):
        for place, name in enumerate(names):
            value = next((value for ending, value in values.items() if name.endswith(ending)), None)
            default = KINDS[kind](UNITS).get_config()[name]
            given = (not default) if value is None else value
            before = [KINDS[kind](UNITS).get_config()[other] for other in names[:place]]
            by_place = KINDS[kind](UNITS, *before, given, name="one").get_config()
            assert by_place == KINDS[kind](UNITS, **{name: given}, name="one").get_config()
            assert by_place[name] != default
        with pytest.raises(TypeError, match="positional"):
            KINDS[kind](UNITS, *(KINDS[kind](UNITS).get_config()[name] for name in names), True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_config_holds_what_keras_had_and_makes_the_layer_again(kind: str) -> None:
    layer = KINDS[kind](UNITS, kernel_regularizer="l2", return_sequences=True, name="one")
    config = layer.get_config()
    wanted = {"name", "trainable", "dtype", "units", *ARGUMENTS} | ({"unit_forget_bias"} if kind == "LSTM" else set())
    assert set(config) == wanted
    assert type(layer).from_config(config).get_config() == config
    model = gw.Sequential([gw.Input((5, 3)), layer])
    again = gw.models.model_from_json(model.to_json())
    assert type(again.layers[0]) is type(layer)
    assert repr(layer).startswith(f"CuDNN{kind}(units=4, ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["activation", "recurrent_activation", "use_bias", "dropout", "unroll", "reset_after"])
def test_arguments_that_cudnn_never_had(kind: str, name: str) -> None:
    with pytest.raises(TypeError, match=f"CuDNN{kind} has no argument '{name}'"):
        KINDS[kind](UNITS, **{name: None})


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments_and_inputs(kind: str) -> None:
    with pytest.raises(ValueError, match="units: expected a positive integer, got 0"):
        KINDS[kind](0)
    made, _ = pair(kind)
    with pytest.raises(ValueError, match=f"takes no mask, as cuDNN did not: make it a {kind}"):
        made(X, mask=np.ones((2, 5), bool))
    model = gw.Sequential([layers.Masking(input_shape=(5, 3)), KINDS[kind](UNITS)])
    with pytest.raises(ValueError, match="takes no mask"):
        model.predict(X)
    with pytest.raises(ValueError, match="expected an input with 3 axes"):
        made(X[0])
    with pytest.raises(ValueError, match="has shape"):
        made.set_weights([*made.get_weights()[:2], np.zeros(UNITS)])


def test_the_forget_gate_starts_open() -> None:
    for flag, wanted in ((True, 1.0), (False, 0.0)):
        layer = layers.CuDNNLSTM(UNITS, unit_forget_bias=flag)
        layer.build((None, 5, 3))
        sums = layer.bias.numpy().reshape(2, 4, UNITS).sum(0)
        np.testing.assert_array_equal(sums, np.outer([0, wanted, 0, 0], np.ones(UNITS)))


@pytest.mark.parametrize("address", ["tf.keras.layers", "tf.compat.v1.keras.layers"])
def test_programs_of_tensorflow_1_find_them(address: str) -> None:
    code = f"import gatewise as tf; x = tf.keras.Input((5, 3)); print({address}.CuDNNLSTM(4)({address}.CuDNNGRU(4, "
    code += "return_sequences=True)(x)).shape)"
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=600, capture_output=True, text=True)
    assert done.stdout.strip() == "(None, 4)"
