"""Small programs on layers, which run with Keras 3, with tf_keras and with Gatewise: `PROGRAMS`, and `NEW` for Keras 3.

Each takes the module `keras` and gives what it found: arrays, dtypes, texts, shapes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Program = Callable[[Any], Any]
PROGRAMS: dict[str, Program] = {}
NEW: dict[str, Program] = {}

IDS = np.array([[1, 4, 0], [3, 2, 2]])
X2 = np.array([[-1.5, 0.25, 2.0], [0.5, -0.75, 3.0]], "float32")
X3 = np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(2, 3, 4)
WORDS = np.array([["b", "a", "z"], ["c", "", "a"]])
TEXTS = np.array([["b", "a", "b"], ["c", "b", "a"], ["a", "b", "d"]])


def program(into: dict[str, Program] = PROGRAMS) -> Callable[[Program], Program]:
    """A program under its name."""

    def keep(function: Program) -> Program:
        into[function.__name__] = function
        return function

    return keep


def each(name: str, made: dict[str, Program], into: dict[str, Program] = PROGRAMS) -> None:
    """Several programs of one kind."""
    into.update({f"{name}_{label}": function for label, function in made.items()})


def refusal(function: Callable[[], Any]) -> str:
    """Whether a call is refused, as an error of some kind."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function()
    except Exception:
        return "refused"
    return "taken"


def weighted(layer: Any, inputs: Any, **kwargs: Any) -> Any:
    """What a layer gives with fixed weights."""
    layer(inputs)
    layer.set_weights([np.linspace(-0.5, 1.0, w.size, dtype=w.dtype).reshape(w.shape) for w in layer.get_weights()])
    return [layer(inputs, **kwargs), [list(w.shape) for w in layer.get_weights()]]


def adapted(layer: Any, data: Any) -> Any:
    layer.adapt(data)
    return layer


# --- Rows and bins ---------------------------------------------------------------------------------------------------

each(
    "categories",
    {
        mode: lambda keras, mode=mode: [
            keras.layers.CategoryEncoding(5, output_mode=mode)(x)
            for x in (IDS, IDS[0], IDS[:, :1])[: 3 - 2 * (mode == "one_hot")]
        ]
        for mode in ("multi_hot", "count")
    }
    | {
        "weights": lambda keras: keras.layers.CategoryEncoding(5, output_mode="count")(
            IDS, count_weights=np.array([[0.5, 1.0, 2.0], [1.0, 0.25, 0.5]], "float32")
        ),
        "one_hot": lambda keras: [
            keras.layers.CategoryEncoding(5, output_mode="one_hot")(x) for x in (IDS[0], IDS[:, :1])
        ],
        "config": lambda keras: [
            keras.layers.CategoryEncoding(5, output_mode="count", name="c").get_config()[k]
            for k in ("name", "num_tokens", "output_mode")
        ],
        "refused": lambda keras: refusal(lambda: keras.layers.CategoryEncoding(5)(IDS, count_weights=IDS)),
    },
)
each(
    "bins",
    {
        mode: lambda keras, mode=mode: keras.layers.Discretization([-1.0, 0.25, 1.0], output_mode=mode)(X2)
        for mode in ("int", "multi_hot", "count")
    }
    | {
        "adapted": lambda keras: adapted(keras.layers.Discretization(num_bins=3), X3).bin_boundaries,
        "of_many": lambda keras: (
            adapted(keras.layers.Discretization(num_bins=4, epsilon=0.1), np.arange(100.0) ** 2).bin_boundaries
        ),
        "both": lambda keras: refusal(lambda: keras.layers.Discretization([1.0], num_bins=3)),
    },
)

# --- Scaling ---------------------------------------------------------------------------------------------------------

each(
    "rescaling",
    {
        "numbers": lambda keras: keras.layers.Rescaling(2.0, offset=-1.0)(X2),
        "integers": lambda keras: keras.layers.Rescaling(0.5)(IDS),
        "arrays": lambda keras: keras.layers.Rescaling([1.0, 2.0, 0.5], offset=[0.0, 1.0, 2.0])(X2),
    },
)
each(
    "normalization",
    {
        "adapted": lambda keras: adapted(keras.layers.Normalization(), X2)(X2),
        "one": lambda keras: adapted(keras.layers.Normalization(axis=None), X3)(X3),
        "axes": lambda keras: adapted(keras.layers.Normalization(axis=(1, 2)), X3)(X3),
        "time": lambda keras: adapted(keras.layers.Normalization(axis=1), X3)(X3),
        "given": lambda keras: keras.layers.Normalization(mean=1.5, variance=4.0, axis=None)(X2),
        "given_arrays": lambda keras: keras.layers.Normalization(mean=[1.0, 0.0, 2.0], variance=[4.0, 0.0, 1.0])(X2),
        "inverted": lambda keras: adapted(keras.layers.Normalization(invert=True), X2)(X2),
        "weights": lambda keras: [list(w.shape) for w in adapted(keras.layers.Normalization(), X2).get_weights()],
        "mean_alone": lambda keras: refusal(lambda: keras.layers.Normalization(mean=1.0)),
    },
)

# --- Words -----------------------------------------------------------------------------------------------------------


def words(keras: Any, **given: Any) -> Any:
    return keras.layers.StringLookup(**{"vocabulary": ["a", "b", "c"], **given})


each(
    "words",
    {
        "int": lambda keras: words(keras)(WORDS),
        "mask": lambda keras: words(keras, mask_token="")(WORDS),
        "buckets": lambda keras: words(keras, num_oov_indices=4)(np.array([["x", "yy", "a", "a longer text, hashed"]])),
        "whole": lambda keras: words(keras, vocabulary=["", "[UNK]", "a"], mask_token="")(WORDS),
        "multi_hot": lambda keras: words(keras, output_mode="multi_hot")(WORDS),
        "count": lambda keras: words(keras, output_mode="count", mask_token="")(WORDS),
        "one_hot": lambda keras: words(keras, output_mode="one_hot")(WORDS[0]),
        "padded": lambda keras: words(keras, output_mode="count", max_tokens=6, pad_to_max_tokens=True)(WORDS),
        "tf_idf": lambda keras: words(keras, output_mode="tf_idf", idf_weights=[0.5, 1.0, 2.0])(WORDS),
        "inverted": lambda keras: words(keras, invert=True)(np.array([[1, 3, 0]])),
        "inverted_mask": lambda keras: words(keras, invert=True, mask_token="")(np.array([[1, 3, 0, 2]])),
        "learned": lambda keras: adapted(keras.layers.StringLookup(), TEXTS).get_vocabulary(),
        "learned_few": lambda keras: adapted(keras.layers.StringLookup(max_tokens=3), TEXTS).get_vocabulary(),
        "unknown": lambda keras: refusal(lambda: words(keras, num_oov_indices=0)(WORDS)),
        "twice": lambda keras: refusal(lambda: words(keras, vocabulary=["a", "a"])),
        "too_many": lambda keras: refusal(lambda: words(keras, max_tokens=3)),
    },
)
each(
    "integers",
    {
        "int": lambda keras: keras.layers.IntegerLookup(vocabulary=[4, 2, 9])(IDS),
        "mask": lambda keras: keras.layers.IntegerLookup(vocabulary=[4, 2], mask_token=0)(IDS),
        "buckets": lambda keras: keras.layers.IntegerLookup(vocabulary=[4, 2], num_oov_indices=3)(IDS),
        "count": lambda keras: keras.layers.IntegerLookup(vocabulary=[4, 2], output_mode="count")(IDS),
        "inverted": lambda keras: keras.layers.IntegerLookup(vocabulary=[4, 2], invert=True)(np.array([[1, 0, 2]])),
        "learned": lambda keras: adapted(keras.layers.IntegerLookup(), IDS).get_vocabulary(),
    },
)
each(
    "hashing",
    {
        "words": lambda keras: keras.layers.Hashing(7)(WORDS),
        "integers": lambda keras: keras.layers.Hashing(7)(IDS),
        "mask": lambda keras: keras.layers.Hashing(7, mask_value="")(WORDS),
        "salt": lambda keras: keras.layers.Hashing(7, salt=[133, 137])(WORDS),
        "count": lambda keras: keras.layers.Hashing(3, output_mode="count")(WORDS),
        "crossing": lambda keras: keras.layers.HashedCrossing(9)([WORDS[0], IDS[0]]),
        "crossing_one_hot": lambda keras: keras.layers.HashedCrossing(4, output_mode="one_hot")(
            [WORDS[:, :1], IDS[:, :1]]
        ),
        "crossing_alone": lambda keras: refusal(lambda: keras.layers.HashedCrossing(4)([IDS[0]])),
    },
)

# --- Products --------------------------------------------------------------------------------------------------------


def product(equation: str, output_shape: Any, x: Any = X3, **given: Any) -> Program:
    return lambda keras: weighted(keras.layers.EinsumDense(equation, output_shape, **given), x)


each(
    "einsum",
    {
        "dense": product("abc,cd->abd", (3, 5), bias_axes="d"),
        "heads": product("abc,cde->abde", (3, 2, 5), bias_axes="de"),
        "back": product("abc,bcd->ad", 5, activation="relu"),
        "dots": product("...c,cd->...d", (2,), bias_axes="d"),
        "right_dots": product("ab...,bc->ac...", (5,), bias_axes="c"),
        "bias_in_time": product("abc,cd->abd", (3, 2), bias_axes="b"),
        "unknown_size": product("abc,cd->abd", (None, 2)),
        "bad_letter": lambda keras: refusal(lambda: weighted(keras.layers.EinsumDense("ab,bc->ad", 4), X2)),
        "bad_size": lambda keras: refusal(lambda: weighted(keras.layers.EinsumDense("abc,cd->abd", (9, 4)), X3)),
        "no_bias_axis": lambda keras: refusal(
            lambda: weighted(keras.layers.EinsumDense("ab,bc->ac", 4, bias_axes="x"), X2)
        ),
    },
)


@program(NEW)
def reversible(keras: Any) -> Any:
    layer = keras.layers.ReversibleEmbedding(5, 3)
    vectors = weighted(layer, IDS)
    return [vectors, layer(vectors[0], reverse=True)]


@program(NEW)
def reversible_capped(keras: Any) -> Any:
    layer = keras.layers.ReversibleEmbedding(5, 3, tie_weights=False, logit_soft_cap=0.5)
    vectors = weighted(layer, IDS)
    return [vectors, layer(vectors[0], reverse=True)]


@program(NEW)
def integers_by_farmhash(keras: Any) -> Any:
    return keras.layers.IntegerLookup(vocabulary=[4], num_oov_indices=3, oov_method="farmhash")(IDS)


@program(NEW)
def categories_outside(keras: Any) -> Any:
    return keras.layers.CategoryEncoding(3, output_mode="multi_hot")(np.array([[0, 7]]))


@program(NEW)
def words_learned_tf_idf(keras: Any) -> Any:
    return adapted(keras.layers.StringLookup(output_mode="tf_idf"), TEXTS)(TEXTS)


@program(NEW)
def bins_neither(keras: Any) -> Any:
    return refusal(keras.layers.Discretization)


@program(NEW)
def bins_one_hot(keras: Any) -> Any:
    return keras.layers.Discretization([-1.0, 0.25, 1.0], output_mode="one_hot")(X2)


# --- Activations -----------------------------------------------------------------------------------------------------

each(
    "activation",
    {
        "relu_slope": lambda keras: keras.layers.ReLU(max_value=1.0, negative_slope=0.5, threshold=0.25)(X2),
        "relu_negative_max": lambda keras: refusal(lambda: keras.layers.ReLU(max_value=-1.0)),
        "relu_negative_slope": lambda keras: refusal(lambda: keras.layers.ReLU(negative_slope=-1.0)),
        "relu_negative_threshold": lambda keras: refusal(lambda: keras.layers.ReLU(threshold=-1.0)),
        "relu_no_slope": lambda keras: refusal(lambda: keras.layers.ReLU(negative_slope=None)),
        "elu": lambda keras: keras.layers.ELU(0.5)(X2),
        "softmax_mask": lambda keras: keras.layers.Softmax()(X2, mask=np.array([[True, False, True]] * 2)),
        "softmax_axes": lambda keras: keras.layers.Softmax(axis=(1, 2))(X3),
        "prelu": lambda keras: weighted(keras.layers.PReLU(shared_axes=[1]), X3),
    },
)

# --- Merging ---------------------------------------------------------------------------------------------------------


def dot(axes: Any, x: Any = X3, y: Any = X3, **given: Any) -> Program:
    return lambda keras: keras.layers.Dot(axes=axes, **given)([x, y])


each(
    "dot",
    {
        "time": dot(1),
        "features": dot(-1),
        "pair": dot((1, 1)),
        "samples": dot(1, X2, 2 * X2),
        "mixed_ranks": dot((2, 1), X3, X3[:, 0]),
        "cosine": dot(2, normalize=True),
    },
)
each(
    "merging",
    {
        "ranks": lambda keras: keras.layers.Add()([X3, X3[:, :1]]),
        "unequal": lambda keras: refusal(lambda: keras.layers.Add()([X2, X2[:, :2]])),
        "concatenate_unequal": lambda keras: refusal(lambda: keras.layers.Concatenate(axis=1)([X3, X3[:, :, :2]])),
        "subtract_three": lambda keras: refusal(lambda: keras.layers.Subtract()([X2, X2, X2])),
        "dot_unequal": lambda keras: refusal(lambda: keras.layers.Dot(axes=1)([X2, X2[:, :2]])),
        "functions": lambda keras: [
            keras.layers.add([X2, X2]), keras.layers.subtract([X2, 2 * X2]), keras.layers.multiply([X2, X2]),
            keras.layers.average([X2, X2]), keras.layers.maximum([X2, -X2]), keras.layers.minimum([X2, -X2]),
            keras.layers.concatenate([X2, X2]), keras.layers.dot([X2, X2], axes=1),
        ],
    },
)  # fmt: skip


# --- A file with vocabularies ----------------------------------------------------------------------------------------

VOCABULARIES = "vocabularies.keras"


def texts(array: Callable[[Any], Any]) -> list[Any]:
    """What the model below is called on."""
    return [array(WORDS), array(IDS), array(np.array(["a b z", "b b"]))]


def with_vocabularies(keras: Any) -> Any:
    """A model whose layers have learned their vocabularies."""
    layers = keras.layers
    words, ids = layers.Input((3,), dtype="string"), layers.Input((3,), dtype="int64")
    text = layers.Input((), dtype="string")
    outputs = [
        adapted(layers.StringLookup(mask_token=""), TEXTS)(words),
        adapted(layers.StringLookup(output_mode="tf_idf"), TEXTS)(words),
        adapted(layers.IntegerLookup(output_mode="count"), IDS)(ids),
        adapted(layers.TextVectorization(output_sequence_length=4), TEXTS[:, 0])(text),
        adapted(layers.TextVectorization(output_mode="tf_idf"), TEXTS[:, 0])(text),
        layers.Embedding(9, 2, embeddings_initializer="ones")(ids),
    ]
    return keras.Model([words, ids, text], outputs)


def said(value: Any) -> Any:
    """What was found, as JSON can hold it: an array with its dtype and shape."""
    if isinstance(value, (list, tuple)):
        return [said(part) for part in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    array = np.asarray(value)
    if array.dtype.kind in "SO":
        array = np.array([part.decode() if isinstance(part, bytes) else part for part in array.ravel()]).reshape(
            array.shape
        )
    dtype = "text" if array.dtype.kind == "U" else array.dtype.name
    return {"dtype": dtype, "shape": list(array.shape), "values": array.ravel().tolist()}
