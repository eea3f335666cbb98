"""Random chains of layers: however a model is run, stored or copied, it computes the same.

The ways differ in the order of float32 sums alone: with at most 12 terms of size 1 or so in each and 6 layers, 1e-5 is some
ten times the rounding that can come of it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise as gw
from gatewise import layers as L  # noqa: N812

UNITS = st.integers(1, 6)


@st.composite
def recurrent(draw: Any, sequences: bool) -> Any:
    cls = draw(st.sampled_from([L.LSTM, L.GRU, L.SimpleRNN]))
    options: dict[str, Any] = {
        "return_sequences": sequences,
        "go_backwards": draw(st.booleans()),
        "activation": draw(st.sampled_from(["tanh", "relu", "softsign", "elu", None])),
        "use_bias": draw(st.booleans()),
        "dropout": draw(st.sampled_from([0.0, 0.5])),
    }
    if cls is L.GRU:
        options["reset_after"] = draw(st.booleans())
    layer = cls(draw(UNITS), **options)
    if draw(st.booleans()):
        layer = L.Bidirectional(layer, merge_mode=draw(st.sampled_from(["concat", "sum", "ave", "mul"])))
    return layer


def timewise() -> Any:
    return st.one_of(
        recurrent(sequences=True),
        UNITS.map(lambda n: L.Dense(n, activation="tanh")),
        st.just(L.Dropout).map(lambda cls: cls(0.5)),
        st.sampled_from(["relu", "linear", "sigmoid"]).map(L.Activation),
        UNITS.map(lambda n: L.Conv1D(n, 2, padding="causal")),
        UNITS.map(lambda n: L.TimeDistributed(L.Dense(n))),
    )


@st.composite
def chains(draw: Any) -> tuple[list[Any], np.ndarray]:
    """Layers, and the input for them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    batch, steps = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    start = draw(st.sampled_from(["ids", "masked ids", "numbers", "masked numbers"]))
    if "ids" in start:
        x = rng.integers(0, 5, (batch, steps))
        made: list[Any] = [L.Input((steps,), dtype="int32"), L.Embedding(5, 3, mask_zero="masked" in start)]
    else:
        x = rng.uniform(-1, 1, (batch, steps, 3)).astype("float32")
        made = [L.Input((steps, 3))]
        if "masked" in start:
            x[rng.random((batch, steps)) < 0.4] = 0
            made.append(L.Masking())
    made += draw(st.lists(timewise(), max_size=3))
    made.append(draw(st.one_of(recurrent(sequences=False), st.builds(L.GlobalAveragePooling1D), st.builds(L.Flatten))))
    if draw(st.booleans()):
        made.append(L.Dense(2, activation="softmax"))
    return made, x


def same(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@given(chains())
@settings(max_examples=150)
def test_however_a_model_is_run_and_stored(chain: tuple[list[Any], np.ndarray]) -> None:
    (_, *layers), x = chain
    model = gw.Sequential(chain[0])
    y: Any = x
    for layer in layers:
        y = layer(y)
    same(model.predict(x), y)
    same(model.predict(x), y)  # By the plan, where there is one.
    same(model(x), y)
    same(model.predict(x, batch_size=1), y)
    assert model.output_shape == (None, *y.shape[1:])

    again = gw.Sequential.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    same(again.predict(x), y)

    start = gw.Input(x.shape[1:], dtype=str(model.input.dtype))
    nested = gw.Model(start, gw.Model(start, model(start))(start))
    same(nested.predict(x), y)
    again = gw.models.model_from_json(nested.to_json())
    again.set_weights(nested.get_weights())
    same(again.predict(x), y)


@given(chains())
@settings(max_examples=6)
def test_on_jax(chain: tuple[list[Any], np.ndarray]) -> None:
    import jax

    model, x = gw.Sequential(chain[0]), chain[1]
    y = model.predict(x)
    trainable, others = ([v.value for v in each] for each in (model.trainable_variables, model.non_trainable_variables))
    same(jax.jit(lambda weights: model.stateless_call(weights, others, x)[0])(trainable), y)
