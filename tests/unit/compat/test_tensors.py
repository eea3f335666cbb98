"""What programs get from layers and functions: tensors, their shapes and dtypes, and their arithmetic."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.base.dtypes import as_dtype
from gatewise.base.tensor_shape import TensorShape
from gatewise.base.tensors import InvalidArgumentError, Tensor
from gatewise.compat import tensorflow as tf
from gatewise.compat.functions import FUNCTIONS
from gatewise.compat.old import OLD


def test_outputs_of_layers_are_tensors() -> None:
    y = gw.layers.LSTM(3)(np.zeros((2, 4, 5), "float32"))
    assert y.shape.as_list() == [2, 3]
    assert y.dtype == tf.float32 == np.float32
    assert (y[0, 0] + 1).numpy() == np.float32(1)


def test_numpy_takes_tensors_and_gives_its_own() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    for made in (
        np.sum(x, 0),
        np.concatenate([x, x]),
        np.exp(x),
        np.where(x > 2, x, 0),
        np.stack([x, x]),
        np.dot(x, x),
    ):
        assert type(made) is np.ndarray
    assert type(np.mean(x)) is np.float32
    out = np.zeros((2, 2), "float32")
    assert np.add(x, 1, out=out) is out


def test_tensors_are_saved_and_copied(tmp_path) -> None:
    x = tf.constant([1.0, 2.0])
    np.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), x)
    again = pickle.loads(pickle.dumps(x))
    assert isinstance(again, Tensor)
    assert again.dtype is x.dtype
    assert pickle.loads(pickle.dumps(tf.float32)) is tf.float32


def test_what_grows_is_a_new_tensor() -> None:
    x = tf.constant([1.0, 2.0])
    y = x
    y += 1
    assert (x.numpy().tolist(), y.numpy().tolist()) == ([1.0, 2.0], [2.0, 3.0])


def test_jax_takes_tensors() -> None:
    import jax
    import jax.numpy as jnp

    x = tf.constant([1.0, 2.0])
    np.testing.assert_array_equal(jax.jit(lambda a: a * 2)(x), [2, 4])
    np.testing.assert_array_equal(tf.reduce_sum(jnp.asarray([1.0, 2.0])), 3)
    np.testing.assert_array_equal(x + jnp.ones(2), [2, 3])


@pytest.mark.parametrize("name", [d for d in dir(tf) if isinstance(getattr(tf, d), type(tf.float32))])
def test_dtypes_compare_with_numpys(name: str) -> None:
    dtype = getattr(tf, name)
    assert dtype == dtype.name
    assert dtype == dtype.as_numpy_dtype or name == "string"
    assert as_dtype(dtype.dtype) is dtype
    assert np.zeros(1, dtype).dtype == dtype.dtype
    assert dtype != "nothing of the kind"


def test_shapes_are_tuples() -> None:
    shape = TensorShape([2, None, 3])
    assert shape == (2, None, 3) == shape
    assert {shape: 1}[(2, None, 3)] == 1
    assert shape.num_elements() is None
    with pytest.raises(ValueError, match="incompatible"):
        shape.assert_is_compatible_with((3, 3, 3))


def test_two_dtypes_are_refused_in_words() -> None:
    with pytest.raises(InvalidArgumentError, match=r"float32.*int32.*tf\.cast"):
        tf.constant([1.0]) + tf.constant([1])
    with pytest.raises(ValueError, match=r"tf\.matmul: matrices of shapes"):
        tf.matmul(tf.ones((2, 3)), tf.ones((2, 3)))


def test_random_numbers() -> None:
    tf.random.set_seed(1)
    drawn = tf.random.categorical([[0.0, 1.0, 2.0]], 4000)
    assert (drawn.shape, drawn.dtype) == ((1, 4000), tf.int64)
    shares = np.bincount(drawn.numpy()[0]) / 4000
    # Six deviations of a share of 4000 draws: 6 * sqrt(1/4 / 4000) < 0.05.
    np.testing.assert_allclose(shares, tf.nn.softmax([0.0, 1.0, 2.0]), atol=0.05)
    assert sorted(tf.random.shuffle(tf.range(10)).numpy()) == list(range(10))
    dropped = tf.nn.dropout(tf.ones(4000), rate=0.25)
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert abs(np.mean(np.asarray(dropped) == 0) - 0.25) < 0.05
    with pytest.raises(ValueError, match="of shape"):
        tf.random.categorical([0.0, 1.0], 1)


def test_random_numbers_of_a_traced_call_differ_from_call_to_call() -> None:
    class Noise(gw.layers.Layer):
        def call(self, x):
            return x + tf.random.normal(tf.shape(x))

    model = gw.Sequential([gw.Input((3,)), Noise(), gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((4, 3), "float32")
    with tf.GradientTape() as tape:
        first = model(x, training=True)
    assert tape.gradient(first, model.trainable_variables)[0] is not None
    with tf.GradientTape():
        second = model(x, training=True)
    assert not np.array_equal(first, second)


def test_the_page_lists_what_is_there() -> None:
    page = (Path(__file__).parents[3] / "docs" / "tensorflow.md").read_text()
    rows = re.findall(r"^\| `tf\.?([\w.]*)` \| (.*) \|$", page, re.MULTILINE)
    listed = {f"{part}.{name}" for part, names in rows if part for name in names.split()}
    listed |= {name for part, names in rows if not part for name in names.split()}
    inside = {address for address in (*FUNCTIONS, *tf._BESIDE) if not address.startswith("_")}
    old = {f"compat.v1.{name}" for name in OLD}
    randoms = {each for each in listed if each.startswith("random.")}
    assert all(callable(getattr(tf.random, each.partition(".")[2])) for each in randoms)
    tops = {name for name in dir(tf) if not any(each.startswith(f"{name}.") for each in (*inside, "random."))}
    assert listed - randoms - {"random"} == {each for each in inside if "." in each} | old | tops


def test_every_part_names_what_is_missing() -> None:
    for part, name, near in (("math", "sqart", "sqrt"), ("nn", "sofmax", "softmax"), ("io", "gfle", "gfile")):
        with pytest.raises(AttributeError, match=f"Gatewise has no `tf.{part}.{name}`. Did you mean '{near}'"):
            getattr(getattr(tf, part), name)


def test_ragged_tensors_go_into_models() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(n, 2)).astype("float32") for n in (3, 1, 4, 3)]
    ragged = tf.RaggedTensor.from_row_lengths(np.concatenate(rows), [3, 1, 4, 3])
    model = gw.Sequential([gw.Input((None, 2), ragged=True), gw.layers.LSTM(3), gw.layers.Dense(1)])
    each = np.concatenate([model.predict(row[None]) for row in rows])
    np.testing.assert_allclose(model.predict(ragged), each, atol=1e-6)
    model.compile("sgd", "mse")
    loss = model.evaluate(ragged, np.zeros((4, 1)), verbose=0)
    np.testing.assert_allclose(loss, np.mean(each**2), rtol=1e-5)
    assert np.isfinite(model.fit(ragged, np.zeros((4, 1)), verbose=0).history["loss"][0])
    equal = tf.ragged.constant([[[1.0, 2.0]], [[3.0, 4.0]]], ragged_rank=1)
    assert model.predict(equal).shape == (2, 1)
    with pytest.raises(ValueError, match="row lengths must make up"):
        tf.RaggedTensor.from_row_lengths([1, 2], [1])


def test_files_and_checkpoints(tmp_path) -> None:
    path = str(tmp_path / "a" / "b.txt")
    tf.io.gfile.makedirs(str(tmp_path / "a"))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write("äb")
    assert tf.io.gfile.exists(path)
    assert tf.io.read_file(path).numpy() == "äb".encode()
    with pytest.raises(ValueError, match="files of this machine"):
        tf.io.gfile.exists("gs://bucket/x")

    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    optimizer = gw.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, step=tf.Variable(0))
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "ckpts"), max_to_keep=2)
    before = model.get_weights()
    for step in range(3):
        checkpoint.step.assign(step)
        manager.save()
    assert [name[-1] for name in manager.checkpoints] == ["2", "3"]
    assert tf.train.latest_checkpoint(str(tmp_path / "ckpts")) == manager.latest_checkpoint
    model.set_weights([w + 1 for w in before])
    checkpoint.restore(manager.checkpoints[0]).expect_partial()
    assert int(checkpoint.step) == 1
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="does not read TensorFlow's"):
        checkpoint.restore(str(tmp_path / "nothing"))
    other = tf.train.Checkpoint(model=gw.Sequential([gw.Input((4,)), gw.layers.Dense(2)]))
    with pytest.raises(ValueError, match="holds other variables"):
        other.restore(manager.latest_checkpoint)


# --- Functions that draw ----------------------------------------------------------------------------------------

DRAWN = [
    lambda x: tf.reduce_mean(x, axis=1),
    lambda x: tf.math.log(tf.exp(x) + 1.0),
    lambda x: tf.nn.softmax(x, axis=1),
    lambda x: tf.concat([x, tf.zeros_like(x)], axis=-1),
    lambda x: tf.expand_dims(x, 1),
    lambda x: tf.transpose(x, [0, 2, 1]),
    lambda x: tf.matmul(x, x, transpose_b=True),
    lambda x: tf.split(x, 2, axis=2)[1],
    lambda x: tf.cast(tf.argmax(x, axis=-1), tf.float32),
    lambda x: tf.reshape(x, (-1, 20)),
    lambda x: tf.where(tf.greater(x, 0.0), x, 0.0),
    lambda x: tf.einsum("btf,bsf->bts", x, x),
    lambda x: tf.gather(x, [0, 2], axis=1),
    lambda x: tf.clip_by_value(x, -0.5, 0.5),
]


@pytest.mark.parametrize("function", DRAWN)
def test_functions_draw_layers_on_symbolic_tensors(function) -> None:
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    inputs = gw.Input((5, 4))
    outputs = function(inputs)
    wanted = function(tf.constant(x))
    model = gw.Model(inputs, outputs)
    np.testing.assert_allclose(model.predict(x), wanted, atol=1e-6)
    assert outputs.dtype == wanted.dtype.name
    assert outputs.shape[1:] == wanted.shape[1:]


def test_a_model_with_functions_is_saved_and_trained(tmp_path) -> None:
    inputs = gw.Input((5, 4))
    outputs = tf.reduce_sum(tf.einsum("bij,j->bij", gw.layers.Dense(3)(inputs), tf.range(3.0)), axis=[1])
    model = gw.Model(inputs, outputs)
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    before = model.predict(x)
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(gw.models.load_model(tmp_path / "m.keras").predict(x), before)
    model.compile("adam", "mse")
    assert np.isfinite(model.fit(x, np.zeros((3, 3)), verbose=0).history["loss"][0])
