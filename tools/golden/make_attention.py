"""`attention.jsonl.gz` and `attention.npz`: attention, and the layers that normalise, with what both systems say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from case import Call, Case, Cases, record, values
from recurrent_cases import mask
from store import Store, write_lines
from systems import SYSTEMS, System

X, V, K = values(3, 5, 4, seed=20), values(3, 6, 4, seed=21), values(3, 6, 4, seed=22)
WIDE = values(3, 6, 2, seed=23)
SQUARE = values(2, 3, 4, 6, seed=24)
OF_V = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 1, 0]], bool)
OF_Q = mask("right")
PAIRS = np.arange(90).reshape(3, 5, 6) % 4 != 1
SCORES: dict[str, Any] = {"return_attention_scores": True}
CAUSAL: dict[str, Any] = {"use_causal_mask": True}


def one(system: System, name: str, label: str, inputs: Any, *args: Any, call: Any = None, **given: Any) -> Case:
    return Case.once(f"{name}_{label}", lambda: system.layer(name)(*args, **given), inputs, **(call or {}))


def without_projections(system: System) -> Cases:
    for name in ("Attention", "AdditiveAttention"):
        yield one(system, name, "pair", [X, V])
        yield one(system, name, "key", [X, V, K])
        yield one(system, name, "value_width", [X, WIDE, K] if name == "Attention" else [X, V, K], use_scale=False)
        yield one(system, name, "scale", [X, V], use_scale=True)
        yield one(system, name, "scores", [X, V], call=SCORES)
        yield one(system, name, "causal", [X, V], call=SCORES | CAUSAL)
        yield one(system, name, "masks", [X, V, K], call={"mask": [OF_Q, OF_V]} | SCORES)
        yield one(system, name, "masks_causal", [X, V], call={"mask": [OF_Q, OF_V]} | CAUSAL | SCORES)
        yield one(system, name, "float64", [X.astype("float64"), V.astype("float64")], dtype="float64")
        yield one(system, name, "dropout_idle", [X, V], dropout=0.3)
    yield one(system, "Attention", "concat", [X, V], score_mode="concat")
    yield one(system, "Attention", "concat_scale", [X, V, K], score_mode="concat", use_scale=True, call=SCORES)


def with_heads(system: System, name: str, *sizes: int) -> Cases:
    keras3 = system.is_keras3
    double = {"dtype": "float64"}
    yield one(system, name, "self", X, *sizes, call={"value": X})
    yield one(system, name, "cross", X, *sizes, call={"value": V})
    yield one(system, name, "key", X, *sizes, call={"value": V, "key": K})
    yield one(system, name, "scores", X, *sizes, call={"value": V} | SCORES)
    yield one(system, name, "causal", X, *sizes, call={"value": X} | CAUSAL)
    yield one(system, name, "causal_scores", X, *sizes, call={"value": V} | CAUSAL | SCORES)
    yield one(system, name, "attention_mask", X, *sizes, call={"value": V, "attention_mask": PAIRS})
    yield one(system, name, "mask_of_one", X, *sizes, call={"value": V, "attention_mask": PAIRS[:1]} | CAUSAL)
    yield one(system, name, "sees_nothing", X, *sizes, call={"value": V, "attention_mask": PAIRS & OF_Q[..., None]})
    yield one(
        system,
        name,
        "scores_of_nothing",
        X,
        *sizes,
        call={"value": V, "attention_mask": PAIRS & OF_Q[..., None]} | SCORES,
    )
    yield one(system, name, "no_bias", X, *sizes, use_bias=False, call={"value": V})
    yield one(system, name, "dropout_idle", X, *sizes, dropout=0.2, call={"value": V, "attention_mask": PAIRS})
    even = (2, 4) if len(sizes) == 2 else (4, 4, 2)  # Keras 3 rounds 1 / sqrt(3) to float32.
    yield one(system, name, "float64", X.astype("float64"), *even, **double, call={"value": V.astype("float64")})
    if keras3:
        yield one(system, name, "value_mask", X, *sizes, call={"value": V, "value_mask": OF_V} | SCORES)
        yield one(system, name, "gate", X, *sizes, use_gate=True, call={"value": V})
        yield one(system, name, "window", X, *sizes, sliding_window=2, call={"value": V} | SCORES)
        yield one(system, name, "window_causal", X, *sizes, sliding_window=3, call={"value": X} | CAUSAL)


def only_multi_head(system: System) -> Cases:
    name, square = "MultiHeadAttention", {"value": SQUARE}
    yield one(system, name, "value_dim", X, 2, 3, value_dim=5, call={"value": V})
    yield one(system, name, "output_shape", X, 2, 3, output_shape=(7,), call={"value": V})
    yield one(system, name, "output_axes", X, 2, 3, output_shape=(2, 3), call={"value": V})
    yield one(system, name, "four_axes", SQUARE, 2, 3, call=square | SCORES)
    yield one(system, name, "axis_2", SQUARE, 2, 3, attention_axes=(2,), call=square | SCORES)
    yield one(system, name, "axis_1", SQUARE, 2, 3, attention_axes=1, call=square | SCORES)
    if not system.is_keras3:
        call = {"value": V, "attention_mask": PAIRS & OF_Q[..., None]} | SCORES
        yield one(system, name, "robust", X, 2, 3, softmax_robust_masking=True, call=call)


def normalization(system: System) -> Cases:
    x, y = values(3, 5, 4, seed=30), values(2, 3, 5, 4, seed=31)
    name = "GroupNormalization"
    yield one(system, name, "two", x, 2)
    yield one(system, name, "each", x, -1)
    yield one(system, name, "axis", y, 3, axis=1)
    yield one(system, name, "plain", y, 1, center=False, scale=False, epsilon=0.1)
    yield one(system, name, "float64", x.astype("float64"), 2, dtype="float64")
    yield one(system, "UnitNormalization", "small", np.array([[3e-8, 4e-8], [0, 0], [3, 4]], "float32"))
    if system.is_keras3:
        yield one(system, "RMSNormalization", "defaults", x)
        yield one(system, "RMSNormalization", "axes", y, axis=[2, 3], epsilon=0.01)
        yield one(system, "LayerNormalization", "rms", x, rms_scaling=True)
    else:
        yield one(system, name, "mask", x, 2, call={"mask": mask("middle")[..., None]})
    build = lambda: system.layer("BatchNormalization")(momentum=0.5)  # noqa: E731
    training = {"training": True}
    yield Case("BatchNormalization_moving", build, [Call(x, training), Call(x)])
    yield Case("BatchNormalization_moving_4d", build, [Call(y, training), Call(y)])
    yield Case("BatchNormalization_moving_mask", build, [Call(x, training | {"mask": mask("right")}), Call(x)])
    yield Case("BatchNormalization_mask_4d", build, [Call(y, training | {"mask": y[..., 0] > 0}), Call(y)])


def models(system: System) -> Cases:
    layers = system.keras.layers

    def decoder() -> Any:
        tokens = system.keras.Input((5,), name="tokens")
        x = layers.Embedding(9, 4, mask_zero=True)(tokens)
        y = layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)
        y = layers.LayerNormalization()(layers.Add()([x, y]))
        y = layers.Attention(use_scale=True)([y, x])
        return system.keras.Model(tokens, layers.LSTM(3)(layers.AdditiveAttention()([y, x, x])))

    ids = np.array([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0], [1, 1, 0, 0, 0]], "float32")
    yield Case.once("model_decoder", decoder, ids)


def cases(system: System) -> Cases:
    yield from without_projections(system)
    yield from with_heads(system, "MultiHeadAttention", 2, 3)
    yield from only_multi_head(system)
    if system.is_keras3:
        yield from with_heads(system, "GroupQueryAttention", 3, 4, 2)
    yield from normalization(system)
    yield from models(system)


def make(out: Path) -> None:
    store, lines = Store(), []
    for system in SYSTEMS:
        if system.name != "tf1":
            lines += [record(system, case, store) for case in cases(system)]
    write_lines(out / "attention.jsonl.gz", lines)
    store.save(out / "attention.npz")
    print(len(lines), "cases of attention and normalisation")
