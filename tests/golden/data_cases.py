"""Programs on data, which `tools/golden/make_data.py` runs with the real systems and `test_data.py` with ours.

Each takes `tf` (TensorFlow's names) and `keras`, and returns what is to be the same: arrays, numbers, text, datasets.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

CASES: dict[str, Callable[[Any, Any], Any]] = {}


def case(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    CASES[function.__name__] = function
    return function


def said(value: Any) -> Any:
    """A result as JSON can hold it: arrays with dtypes and shapes, datasets with all of their elements."""
    if hasattr(value, "element_spec"):
        count = int(value.cardinality())
        return {"elements": [said(each) for each in value], "spec": said_spec(value.element_spec), "count": count}
    if isinstance(value, dict):
        return {str(key): said(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [said(each) for each in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    text = array.dtype.kind in "OSU"
    items = [each.decode() if isinstance(each, bytes) else each for each in array.ravel().tolist()]
    return ["text" if text else array.dtype.name, list(array.shape), items]


def said_spec(spec: Any) -> Any:
    """Shapes and dtypes; a dataset in an element by its own."""
    if isinstance(spec, dict):
        return {key: said_spec(each) for key, each in spec.items()}
    if isinstance(spec, tuple):
        return [said_spec(each) for each in spec]
    if hasattr(spec, "element_spec"):
        return ["dataset", said_spec(spec.element_spec)]
    shape = None if spec.shape is None or getattr(spec.shape, "rank", 0) is None else list(spec.shape)
    name = getattr(spec.dtype, "name", str(spec.dtype))
    return [{"object": "text", "string": "text"}.get(name, name), shape]


X = np.arange(24, dtype="float32").reshape(8, 3)


# --- Datasets -----------------------------------------------------------------------------------------------------


def counted(start: int, stop: int, many: int = 1) -> Callable[[], Any]:
    def generate() -> Any:
        for number in range(start, stop):
            yield [number] * (number * many)

    return generate


def rowed() -> Any:
    for number in range(5):
        yield {"x": [[number, number + 1]] * (number + 1)}, number


@case
def slices(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset
    nested = ({"b": [1, 2, 3], "a": X[:3]}, ["one", "two", "thrée"])
    return [data.from_tensor_slices(given) for given in ([1.5, 2.5], X[:2], nested, ([1, 2],), [[1, 2], [3, 4]])]


@case
def tensors(tf: Any, keras: Any) -> Any:
    return [tf.data.Dataset.from_tensors(given) for given in (5, {"a": [1.0, 2.0]}, (X[:2], "text"))]


@case
def ranges(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset
    return [
        data.range(4),
        data.range(2, 9, 3),
        data.range(9, 2, -3),
        data.range(3, output_type=tf.int32),
        data.range(0),
    ]


@case
def batches(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset.from_tensor_slices((X, {"y": np.arange(8)}))
    again = [data.batch(3), data.batch(3, drop_remainder=True), data.batch(20, drop_remainder=True)]
    return [*again, data.batch(4).batch(2), data.batch(3).unbatch(), data.batch(3).take(1).unbatch()]


@case
def parts(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset.range(10)
    found = [data.take(3), data.take(-1), data.take(20), data.skip(4), data.skip(20), data.skip(-1)]
    found += [data.shard(3, 1), data.shard(4, 3), data.repeat(2).skip(8).take(4), data.repeat().skip(25).take(3)]
    found += [data.batch(4).repeat(2), data.take(2).repeat(3).batch(4), data.take(0).repeat(), data.repeat(0)]
    return found


@case
def functions(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset.from_tensor_slices((np.arange(6), X[:6]))
    found = [data.map(lambda n, x: (x[:2], n * 2)), data.map(lambda n, x: {"n": n, "x": x + 1.0})]
    found += [data.map(lambda n, x: [n, n]), data.map(lambda n, x: (n, 2.5)), data.map(lambda n, x: 7)]
    found += [data.filter(lambda n, x: n % 2 == 0), data.batch(4).map(lambda n, x: (x[:, :-1], x[:, -1]))]
    found += [data.map(lambda n, x: n, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE).cache()]
    found += [data.map(lambda n, x: n).take_while(lambda n: n < 3), data.apply(lambda each: each.batch(5))]
    return found


@case
def windows(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset.range(10)
    found = []
    for size, shift, stride, drop in (
        (3, 1, 1, True), (3, None, 1, False), (3, 2, 2, False), (2, 5, 1, False), (3, 1, 3, True)
    ):  # fmt: skip
        made = data.window(size, shift, stride, drop)
        found += [made.flat_map(lambda w: w.batch(3)), int(made.cardinality()), said_spec(made.element_spec)]
    pairs = tf.data.Dataset.from_tensor_slices((X, np.arange(8))).window(4, 2, drop_remainder=True)
    found.append(pairs.flat_map(lambda x, y: tf.data.Dataset.zip((x.batch(4), y.batch(4)))))
    mapped = data.map(lambda n: n * 3).window(5, 1, drop_remainder=True).flat_map(lambda w: w.batch(5))
    found.append(list(mapped.map(lambda w: (w[:-1], w[-1])).batch(4)))
    named = tf.data.Dataset.from_tensor_slices({"a": X, "b": np.arange(8)}).window(3)
    found.append([{key: list(each.as_numpy_iterator()) for key, each in window.items()} for window in named])
    return found


@case
def several(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset
    one, two = data.range(3), data.range(10, 15)
    found = [data.zip((one, two)), data.zip({"a": one, "b": (two, one)}), one.concatenate(two), two.enumerate(4)]
    lengths = {"cycle_length": 2, "block_length": 2}
    threes = data.range(1, 6).interleave(lambda n: data.from_tensors(n).repeat(3), **lengths)
    grown = data.range(1, 5).interleave(lambda n: data.from_tensors(n).repeat(n), cycle_length=3, block_length=1)
    return [*found, threes, grown, data.range(4).flat_map(data.range)]


@case
def padded(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset.from_generator(counted(1, 6), output_types=tf.int32, output_shapes=(None,))
    found = [data.padded_batch(2), data.padded_batch(2, padded_shapes=(7,)), data.padded_batch(2, [None], -1, True)]
    spec = ({"x": tf.TensorSpec((None, 2), tf.float32)}, tf.TensorSpec((), tf.int64))
    pairs = tf.data.Dataset.from_generator(rowed, output_signature=spec)
    found += [pairs, pairs.padded_batch(3), pairs.padded_batch(2, ({"x": (6, None)}, ()), ({"x": 0.5}, np.int64(9)))]
    words = tf.data.Dataset.from_tensor_slices(["a", "bc"]).batch(1).repeat(2).unbatch().padded_batch(3)
    return [*found, words]


@case
def counts(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset.range(7)
    endless, unknown = data.repeat(), data.filter(lambda n: n > 1)
    made = [endless, unknown, endless.batch(2), unknown.batch(2), endless.take(5), data.batch(2).unbatch()]
    made += [endless.window(2), unknown.repeat(), data.concatenate(endless), tf.data.Dataset.zip((endless, data))]
    made += [endless.shard(3, 1), data.shuffle(3), unknown.take(0), unknown.take(3), data.repeat(-1), data.cache()]
    return [int(each.cardinality()) for each in made]


@case
def reduced(tf: Any, keras: Any) -> Any:
    data = tf.data.Dataset.from_tensor_slices((np.arange(5), X[:5]))
    total = data.reduce(np.int64(0), lambda state, element: state + element[0])
    return [total, data.reduce((np.int64(0), 1), lambda state, element: (state[0] + 2, state[1] * 2))]


@case
def arguments_of_generators(tf: Any, keras: Any) -> Any:
    def generate(stop: Any, words: Any) -> Any:
        for number in range(int(stop)):
            yield number, words[number % 2]

    given = {"output_types": (tf.int64, tf.string), "args": (3, ["a", "b"])}
    return tf.data.Dataset.from_generator(generate, output_shapes=((), ()), **given)


# --- Time series --------------------------------------------------------------------------------------------------


@case
def timeseries(tf: Any, keras: Any) -> Any:
    series, target = np.arange(20), np.arange(20) * 10
    make = keras.utils.timeseries_dataset_from_array
    pairs = X[:, :2]
    found = [
        make(series, None, 4, batch_size=3), make(series, target, 4, batch_size=5, sampling_rate=2),
        make(series, target, 3, sequence_stride=3, batch_size=4), make(series[:-3], target[3:], 3, batch_size=128),
        make(series, target, 3, start_index=4, end_index=12), make(series, target, 3, 2, 2, 4, start_index=5),
        make(series, None, 3, batch_size=None, end_index=6), make(pairs, pairs[:5, 0], 2, batch_size=3),
    ]  # fmt: skip
    return [list(each) for each in found]


@case
def generator_of_timeseries(tf: Any, keras: Any) -> Any:
    make = keras.preprocessing.sequence.TimeseriesGenerator
    series, target = np.arange(20), np.arange(20) * 10
    found = []
    for given in (
        {}, {"length": 4}, {"sampling_rate": 2, "stride": 3}, {"start_index": 3, "end_index": 12}, {"reverse": True}
    ):  # fmt: skip
        batches = make(series, target, **{"length": 3, "batch_size": 4, **given})
        config = batches.get_config()
        for name in ("workers", "use_multiprocessing", "max_queue_size"):
            config.pop(name, None)
        found += [[batches[k] for k in range(len(batches))], config]
    np.random.seed(3)
    return [*found, make(X, X[:, 0], 2, batch_size=3, shuffle=True)[0]]


@case
def pairs_of_words(tf: Any, keras: Any) -> Any:
    module = keras.preprocessing.sequence
    table = module.make_sampling_table(12, 0.01)
    random.seed(5)
    found = [module.skipgrams([1, 2, 0, 3, 4, 5], 12, window_size=2, seed=3), table]
    found.append(module.skipgrams([1, 2, 3, 4], 12, 1, 0.5, categorical=True, sampling_table=table * 4, seed=1))
    return [*found, module.skipgrams([1, 2, 3], 5, 1, 0, shuffle=False)]


# --- Text ---------------------------------------------------------------------------------------------------------

TEXTS = ["The cat sat on the mat.", "The dog, the dog!", "A dog\tand a cat", "Ünder the É table; a-b c_d", ""]


@case
def words(tf: Any, keras: Any) -> Any:
    module = keras.preprocessing.text
    found = [module.text_to_word_sequence(text) for text in TEXTS]
    found.append(module.text_to_word_sequence("a,b,C", filters="", lower=False, split=","))
    return [*found, module.hashing_trick(TEXTS[0], 30, "md5"), module.one_hot(TEXTS[1], 2)]


@case
def tokenizers(tf: Any, keras: Any) -> Any:
    module = keras.preprocessing.text
    found = []
    for given in (
        {}, {"num_words": 4}, {"oov_token": "<?>", "num_words": 5}, {"char_level": True}, {"lower": False, "filters": "."}
    ):  # fmt: skip
        tokenizer = module.Tokenizer(**given)
        tokenizer.fit_on_texts(TEXTS)
        tokenizer.fit_on_texts([["a", "List", "of"], ["words"]])
        numbers = tokenizer.texts_to_sequences([*TEXTS, "a new cat", ["a", "List"]])
        found += [tokenizer.word_index, list(tokenizer.word_counts.items()), dict(tokenizer.word_docs), numbers]
        found += [tokenizer.sequences_to_texts([*numbers, [1, 99, 2]]), dict(tokenizer.index_docs)]
        found += [tokenizer.texts_to_matrix(TEXTS, mode) for mode in ("binary", "count", "freq", "tfidf")]
        again = module.tokenizer_from_json(tokenizer.to_json())
        found += [again.texts_to_sequences(TEXTS), again.texts_to_matrix(TEXTS, "tfidf"), again.document_count]
    return found


@case
def vectorized(tf: Any, keras: Any) -> Any:
    layer = keras.layers.TextVectorization
    found = []
    for given in (
        {}, {"max_tokens": 5}, {"output_sequence_length": 4}, {"output_sequence_length": 9, "ngrams": 2},
        {"ngrams": (2,)}, {"standardize": None}, {"standardize": "lower"}, {"standardize": "strip_punctuation"},
        {"split": "character", "max_tokens": 12}, {"split": None}, {"output_mode": "multi_hot"},
        {"output_mode": "count", "max_tokens": 30, "pad_to_max_tokens": True}, {"output_mode": "tf_idf"},
        {"output_mode": "tf_idf", "ngrams": 2, "max_tokens": 8},
    ):  # fmt: skip
        vectorize = layer(**given)
        vectorize.adapt(TEXTS)
        found += [vectorize.get_vocabulary(), vectorize.vocabulary_size()]
        found += [vectorize(TEXTS), vectorize(np.array([["new cat"], ["the dog dog"]]))]
        data = tf.data.Dataset.from_tensor_slices(TEXTS[:3]).batch(2)
        found.append(list(data.map(vectorize)))
    return found


@case
def given_vocabularies(tf: Any, keras: Any) -> Any:
    layer = keras.layers.TextVectorization
    words = ["cat", "dog", "the"]
    found = [layer(vocabulary=words)(TEXTS), layer(vocabulary=["", "[UNK]", *words])(TEXTS)]
    found += [layer(vocabulary=words, output_mode="tf_idf", idf_weights=[0.5, 1.0, 2.0])(TEXTS)]
    found += [layer(vocabulary=words, output_mode="count", max_tokens=9, pad_to_max_tokens=True)(TEXTS)]
    plain = layer(vocabulary=words)
    return [*found, plain.get_vocabulary(), plain.get_vocabulary(include_special_tokens=False)]
