"""Cases of whole models: Sequential and functional, masks on their way, wrappers, sharing, nesting, structures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from case import Call, Case, Cases, ids, values
from recurrent_cases import mask
from systems import System

KINDS = ("LSTM", "GRU", "SimpleRNN")
X = values(3, 5, 4, seed=3)


def tokens(which: str) -> Any:
    """Token ids, 0 where the mask of that name says padding."""
    return ids(3, 5, high=7) * mask(which).astype(np.int32)


def cases(system: System) -> Cases:
    for family in (sequential, masked, functional, structures, wrapped, stateful):
        yield from family(system)


def stack(system: System, shape: tuple[int | None, ...], *layers: Callable[[], Any]) -> Callable[[], Any]:
    """A builder of a Sequential: the layers are made when the case is built, so that their names start afresh."""

    def build() -> Any:
        return system.keras.Sequential([system.keras.Input(shape), *(layer() for layer in layers)])

    return build


def sequential(system: System) -> Cases:
    L = system.layer
    for kind in KINDS:
        yield Case.once(f"sequential_{kind}", stack(system, (5, 4), lambda k=kind: L(k)(3)), X)
        yield Case.once(
            f"stacked_{kind}",
            stack(
                system,
                (None, 4),
                lambda k=kind: L(k)(3, return_sequences=True),
                lambda k=kind: L(k)(5, return_sequences=True, go_backwards=True),
                lambda k=kind: L(k)(2),
                lambda: L("Dense")(1, activation="sigmoid"),
            ),
            X,
        )
        yield Case.once(
            f"autoencoder_{kind}",
            stack(
                system,
                (5, 4),
                lambda k=kind: L(k)(3, activation="relu"),
                lambda: L("RepeatVector")(5),
                lambda k=kind: L(k)(3, return_sequences=True),
                lambda: L("TimeDistributed")(L("Dense")(4)),
            ),
            X,
        )
    yield Case.once(
        "domains",
        stack(
            system,
            (11,),
            lambda: L("Embedding")(7, 4),
            lambda: L("Conv1D")(5, 3, padding="same", activation="relu"),
            lambda: L("MaxPooling1D")(2),
            lambda: L("LSTM")(3),
            lambda: L("Dropout")(0.5),
            lambda: L("Dense")(1, activation="sigmoid"),
        ),
        ids(2, 11, high=7),
    )
    yield Case.once(
        "deferred", lambda: system.keras.Sequential([L("LSTM")(3, return_sequences=True), L("Dense")(2)]), X
    )
    if not system.is_keras3:
        yield Case.once(
            "input_shape", lambda: system.keras.Sequential([L("GRU")(3, input_shape=(5, 4)), L("Dense")(2)]), X
        )
        yield Case.once(
            "batch_input_shape", lambda: system.keras.Sequential([L("LSTM")(3, batch_input_shape=(3, 5, 4))]), X
        )
        yield Case.once("input_dim", lambda: system.keras.Sequential([L("Dense")(3, input_dim=4)]), X[:, 0])
        yield Case.once(
            "embedding_input_length",
            lambda: system.keras.Sequential(
                [L("Embedding")(7, 4, input_length=5), L("LSTM")(3, dropout=0.2, recurrent_dropout=0.2)]
            ),
            tokens("right"),
        )
    yield Case.once(
        "float64",
        lambda: system.keras.Sequential([system.keras.Input((5, 4), dtype="float64"), L("GRU")(3, dtype="float64")]),
        X.astype("float64"),
    )
    yield Case.once(
        "normalized",
        stack(
            system,
            (5, 4),
            L("BatchNormalization"),
            lambda: L("LSTM")(3, return_sequences=True),
            L("LayerNormalization"),
            L("GlobalMaxPooling1D"),
            lambda: L("Activation")("softmax"),
        ),
        X,
    )
    yield Case.once(
        "shapes",
        stack(
            system,
            (5, 4),
            lambda: L("Permute")((2, 1)),
            lambda: L("Reshape")((2, 10)),
            lambda: L("SimpleRNN")(3, return_sequences=True),
            L("Flatten"),
            lambda: L("Dense")(2),
        ),
        X,
    )


def masked(system: System) -> Cases:
    L = system.layer
    for which in ("right", "left", "middle", "full"):
        for kind in KINDS:
            yield Case.once(
                f"embedding_{which}_{kind}",
                stack(system, (None,), lambda: L("Embedding")(7, 4, mask_zero=True), lambda k=kind: L(k)(3)),
                tokens(which),
            )
        yield Case.once(
            f"masking_{which}_stacked",
            stack(
                system,
                (5, 4),
                L("Masking"),
                lambda: L("GRU")(3, return_sequences=True),
                lambda: L("Dropout")(0.3),
                lambda: L("LSTM")(3, return_sequences=True),
                lambda: L("TimeDistributed")(L("Dense")(2)),
            ),
            X * mask(which)[:, :, None],
        )
        yield Case.once(
            f"masking_{which}_through_dense",
            stack(
                system,
                (5, 4),
                lambda: L("Masking")(mask_value=0.0),
                lambda: L("Dense")(3, activation="tanh"),
                lambda: L("Activation")("relu"),
                lambda: L("LSTM")(3, return_sequences=True, go_backwards=True),
                lambda: L("SimpleRNN")(2),
            ),
            X * mask(which)[:, :, None],
        )
        yield Case.once(
            f"masking_{which}_normalized",
            stack(
                system,
                (5, 4),
                lambda: L("Masking")(mask_value=0.0),
                L("BatchNormalization"),
                L("LayerNormalization"),
                lambda: L("GRU")(3),
            ),
            X * mask(which)[:, :, None],
        )
    yield Case.once(
        "masked_average",
        stack(
            system,
            (None,),
            lambda: L("Embedding")(7, 4, mask_zero=True),
            lambda: L("LSTM")(3, return_sequences=True),
            L("GlobalAveragePooling1D"),
        ),
        tokens("right"),
    )
    yield from masked_merges(system)


def masked_merges(system: System) -> Cases:
    L, K = system.layer, system.keras

    def two(merge: Callable[[], Any], second_masked: bool) -> Callable[[], Any]:
        def build() -> Any:
            a, b = K.Input((5,), name="a"), K.Input((5,), name="b")
            left = L("Embedding")(7, 4, mask_zero=True)(a)
            right = L("Embedding")(7, 4, mask_zero=second_masked)(b)
            return K.Model([a, b], L("LSTM")(3)(merge()([left, right])))

        return build

    both = [tokens("right"), tokens("left")]
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract"):
        yield Case.once(f"masked_{name}_both", two(lambda n=name: L(n)(), True), both)
        yield Case.once(f"masked_{name}_one", two(lambda n=name: L(n)(), False), both)
    for axis in (-1, 1):
        for second in (True, False) if axis == -1 or system.is_keras3 else (True,):  # tf_keras fails inside itself
            label = f"masked_Concatenate_axis_{axis}_{'both' if second else 'one'}"
            yield Case.once(label, two(lambda a=axis: L("Concatenate")(axis=a), second), both)


def functional(system: System) -> Cases:
    L, K = system.layer, system.keras

    def states(kind: str, sequences: bool) -> Callable[[], Any]:
        def build() -> Any:
            x = K.Input((5, 4))
            return K.Model(x, L(kind)(3, return_sequences=sequences, return_state=True)(x))

        return build

    def encoder_decoder(kind: str, masks: bool) -> Callable[[], Any]:
        def build() -> Any:
            source, target = K.Input((None,), name="source"), K.Input((None,), name="target")
            _, *state = L(kind)(3, return_state=True)(L("Embedding")(7, 4, mask_zero=masks)(source))
            decoded = L(kind)(3, return_sequences=True)(
                L("Embedding")(7, 4, mask_zero=masks)(target), initial_state=state
            )
            return K.Model([source, target], L("Dense")(7, activation="softmax")(decoded))

        return build

    def state_and_mask(kind: str) -> Callable[[], Any]:
        """A mask that travels, a state that is given: Keras 3 loses the mask there, and has it again behind."""

        def build() -> Any:
            source = K.Input((None,), name="ids")
            state = [K.Input((3,), name=f"s{i}") for i in range(1 + (kind == "LSTM"))]
            y = L(kind)(3, return_sequences=True)(L("Embedding")(7, 4, mask_zero=True)(source), initial_state=state)
            z = L("Bidirectional")(L(kind)(3, return_sequences=True))(y, initial_state=[*state, *state])
            return K.Model([source, *state], [y, z, L(kind)(2)(y)])

        return build

    def given_state(kind: str) -> Callable[[], Any]:
        def build() -> Any:
            x = K.Input((5, 4), name="x")
            state = [K.Input((3,), name=f"s{i}") for i in range(2 if kind == "LSTM" else 1)]
            out = L(kind)(3, return_state=True, return_sequences=True)(x, initial_state=state)
            return K.Model([x, *state], out)

        return build

    for kind in KINDS:
        for sequences in (False, True):
            yield Case.once(f"states_{kind}_{'sequences' if sequences else 'last'}", states(kind, sequences), X)
        yield Case.once(f"encoder_{kind}", encoder_decoder(kind, False), [tokens("right"), tokens("middle")])
        yield Case.once(f"encoder_masked_{kind}", encoder_decoder(kind, True), [tokens("right"), tokens("left")])
        inputs = [X, *(values(3, 3, seed=60 + i) for i in range(2 if kind == "LSTM" else 1))]
        yield Case.once(f"given_state_{kind}", given_state(kind), inputs)
        yield Case.once(f"state_and_mask_{kind}", state_and_mask(kind), [tokens("left"), *inputs[1:]])

    def shared() -> Any:
        a, b = K.Input((5, 4), name="a"), K.Input((5, 4), name="b")
        rnn, dense = L("GRU")(3), L("Dense")(2)
        return K.Model([a, b], [dense(rnn(a)), dense(rnn(b)), L("Subtract")()([rnn(a), rnn(b)])])

    def residual() -> Any:
        x = K.Input((5, 4))
        y = L("LSTM")(4, return_sequences=True)(x)
        y = L("Add")()([x, y])
        y = L("Concatenate")()([y, L("Conv1D")(3, 3, padding="causal")(x)])
        return K.Model(x, L("GRU")(2)(y))

    def nested() -> Any:
        a, b = K.Input((5, 4), name="a"), K.Input((5, 4), name="b")
        z = K.Input((5, 4), name="z")
        inner = K.Model(z, L("LSTM")(3)(L("Dense")(4, activation="relu")(z)), name="inner")
        tail = K.Sequential([K.Input((3,)), L("Dense")(2), L("Activation")("tanh")], name="tail")
        return K.Model([a, b], L("Concatenate")()([tail(inner(a)), inner(b)]), name="outer")

    def nested_norm() -> Any:
        """Weights that training changes and others in turn, and a frozen part: the order of weights is at stake."""
        z, x = K.Input((5, 4), name="z"), K.Input((5, 4), name="x")
        y = L("Dense")(4)(L("BatchNormalization")()(L("Dense")(4, trainable=False)(z)))
        inner = K.Model(z, L("BatchNormalization")(trainable=False)(y), name="inner")
        return K.Model(x, L("Dense")(4)(L("TimeDistributed")(L("BatchNormalization")())(inner(x))), name="outer")

    def nested_twice() -> Any:
        x, y, z = (K.Input((5, 4), name=name) for name in "xyz")
        first = K.Model(x, L("GRU")(4, return_sequences=True)(x), name="first")
        second = K.Model(y, L("Add")()([first(y), y]), name="second")
        return K.Model(z, [L("LSTM")(2)(second(z)), second(L("Activation")("tanh")(z))], name="third")

    def nested_in_sequential() -> Any:
        z = K.Input((4,), name="z")
        inner = K.Model(z, L("Dense")(3)(z), name="inner")
        return K.Sequential([K.Input((5, 4)), L("LSTM")(4), inner, L("Dense")(1)])

    def nested_outputs() -> Any:
        z, x = K.Input((5, 4), name="z"), K.Input((5, 4), name="x")
        inner = K.Model(z, L("LSTM")(3, return_state=True)(z), name="inner")
        out, h, c = inner(x)
        return K.Model(x, [L("Add")()([out, c]), h])

    pair = [X, values(3, 5, 4, seed=9)]
    yield Case.once("shared", shared, pair)
    yield Case.once("residual", residual, X)
    yield Case.once("nested", nested, pair)
    yield Case.once("nested_norm", nested_norm, X)
    yield Case.once("nested_twice", nested_twice, X)
    yield Case.once("nested_in_sequential", nested_in_sequential, X)
    yield Case.once("nested_outputs", nested_outputs, X)
    yield Case.once("time_distributed_model", lambda: _time_distributed_model(system), values(2, 3, 5, 4))
    yield Case.once("passed_through", lambda: _passed_through(system), X)


def _time_distributed_model(system: System) -> Any:
    L, K = system.layer, system.keras
    z = K.Input((5, 4), name="z")
    inner = K.Model(z, L("GRU")(3)(z), name="inner")
    return K.Sequential([K.Input((3, 5, 4)), L("TimeDistributed")(inner), L("LSTM")(2)])


def _passed_through(system: System) -> Any:
    """An input that is itself an output."""
    L, K = system.layer, system.keras
    x = K.Input((5, 4), name="x")
    return K.Model(x, [x, L("LSTM")(2)(x)])


def structures(system: System) -> Cases:
    L, K = system.layer, system.keras

    def dict_in() -> Any:
        b, a = K.Input((5, 4), name="b"), K.Input((4,), name="a")
        return K.Model({"a": a, "b": b}, L("Concatenate")()([L("LSTM")(3)(b), a]))

    def dict_out() -> Any:
        x = K.Input((5, 4), name="x")
        y = L("GRU")(3)(x)
        return K.Model(x, {"score": L("Dense")(1)(y), "code": y})

    def lists() -> Any:
        a, b, c = K.Input((5, 4), name="a"), K.Input((4,), name="b"), K.Input((2,), name="c")
        y = L("Concatenate")()([L("SimpleRNN")(3)(a), b, c])
        return K.Model([a, b, c], [L("Dense")(2, name="p")(y), L("Dense")(3, name="q")(y), y])

    def list_of_one() -> Any:
        x = K.Input((5, 4), name="x")
        return K.Model([x], [L("LSTM")(3)(x)])

    yield Case.once("dict_in", dict_in, {"a": X[:, 0], "b": X})
    yield Case.once("dict_out", dict_out, X)
    yield Case.once("lists", lists, [X, X[:, 0], values(3, 2)])
    yield Case.once("list_of_one", list_of_one, [X])


def wrapped(system: System) -> Cases:
    L, K = system.layer, system.keras
    for kind in KINDS:
        for merge in ("concat", "sum", "mul", "ave", None):
            for sequences in (False, True):
                build = lambda k=kind, m=merge, s=sequences: L("Bidirectional")(  # noqa: E731
                    L(k)(3, return_sequences=s), merge_mode=m
                )
                if kind != "SimpleRNN" or merge == "concat":
                    yield Case.once(f"Bidirectional_{kind}_{merge}_{'all' if sequences else 'last'}", build, X)
        for which in ("right", "left", "middle", "full"):
            yield Case.once(
                f"Bidirectional_{kind}_mask_{which}",
                lambda k=kind: L("Bidirectional")(L(k)(3, return_sequences=True)),
                X,
                mask=mask(which),
            )
        yield Case.once(
            f"Bidirectional_{kind}_state",
            lambda k=kind: L("Bidirectional")(L(k)(3, return_sequences=True, return_state=True)),
            X,
            initial_state=[values(3, 3, seed=70 + i) for i in range(4 if kind == "LSTM" else 2)],
        )
    yield Case.once(
        "Bidirectional_two_layers",
        lambda: L("Bidirectional")(
            L("LSTM")(3, return_sequences=True),
            backward_layer=L("GRU")(2, return_sequences=True, go_backwards=True),
        ),
        X,
    )
    yield Case.once(
        "Bidirectional_stacked",
        stack(
            system,
            (None,),
            lambda: L("Embedding")(7, 4, mask_zero=True),
            lambda: L("Bidirectional")(L("LSTM")(3, return_sequences=True)),
            lambda: L("Bidirectional")(L("GRU")(2), merge_mode="sum"),
            lambda: L("Dense")(2, activation="softmax"),
        ),
        tokens("right"),
    )

    def states() -> Any:
        x = K.Input((5, 4))
        out, fh, fc, bh, bc = L("Bidirectional")(L("LSTM")(3, return_state=True))(x)
        return K.Model(x, [out, L("Concatenate")()([fh, bh]), L("Concatenate")()([fc, bc])])

    yield Case.once("Bidirectional_states", states, X)


def stateful(system: System) -> Cases:
    L, K = system.layer, system.keras

    def build(*layers: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: K.Sequential([K.Input(batch_shape=(3, 5, 4)), *(layer() for layer in layers)])

    def calls(*resets: int) -> list[Call]:
        made: list[Call] = []
        for i in range(4):
            made += [Call(reset=True)] if i in resets else []
            made.append(Call(values(3, 5, 4, seed=i)))
        return made

    for kind in KINDS:
        layers = (
            lambda k=kind: L(k)(3, stateful=True, return_sequences=True),
            lambda k=kind: L(k)(2, stateful=True),
        )
        yield Case(f"stateful_{kind}", build(*layers), calls(2))
    mixed = (lambda: L("GRU")(3, stateful=True, return_sequences=True), lambda: L("LSTM")(2), lambda: L("Dense")(2))
    yield Case("stateful_mixed", build(*mixed), calls(3))
    yield Case(
        "stateful_Bidirectional",
        build(lambda: L("Bidirectional")(L("LSTM")(3, stateful=True, return_sequences=True))),
        calls(2),
    )
    if not system.is_keras3:
        layer = lambda: L("LSTM")(3, stateful=True)  # noqa: E731
        states = {"states": [values(3, 3, seed=80), values(3, 3, seed=81)]}
        yield Case("stateful_given_states", layer, [Call(X), Call(None, states, reset=True), Call(X), Call(X)])
