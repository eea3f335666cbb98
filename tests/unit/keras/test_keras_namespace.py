"""`tf.keras` under `import gatewise as tf`: the modules and names that programs use, and what is said of others."""

from __future__ import annotations

import importlib
import inspect
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gatewise as tf

# What programs take from where. A name here is a promise: it does not go away.
NAMES = {
    "tf.keras": "Input InputSpec KerasTensor Layer Model Sequential Variable __version__ activations backend config "
    "constraints initializers layers losses metrics models preprocessing regularizers saving utils",
    "tf.keras.layers": "Activation Add Average AveragePooling1D BatchNormalization Bidirectional Concatenate Conv1D Dense "
    "Dot Dropout ELU Embedding Flatten GRU GlobalAveragePooling1D GlobalMaxPooling1D Input InputLayer InputSpec LSTM "
    "Lambda Layer LeakyReLU Masking MaxPooling1D Maximum Multiply PReLU Permute ReLU RepeatVector Reshape SimpleRNN "
    "Softmax SpatialDropout1D Subtract TimeDistributed add average concatenate deserialize dot multiply serialize",
    "tf.keras.models": "Model Sequential clone_model load_model model_from_config model_from_json save_model",
    "tf.keras.activations": "deserialize elu exponential gelu get hard_sigmoid linear relu selu serialize sigmoid silu "
    "softmax softplus softsign swish tanh",
    "tf.keras.initializers": "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity Initializer LecunNormal "
    "LecunUniform Ones Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros deserialize get "
    "glorot_uniform he_normal ones orthogonal serialize zeros",
    "tf.keras.regularizers": "L1 L1L2 L2 OrthogonalRegularizer Regularizer deserialize get l1 l1_l2 l2 serialize",
    "tf.keras.constraints": "Constraint MaxNorm MinMaxNorm NonNeg UnitNorm deserialize get max_norm non_neg serialize",
    "tf.keras.losses": "BinaryCrossentropy CategoricalCrossentropy Huber Loss MSE MeanSquaredError Reduction "
    "SparseCategoricalCrossentropy binary_crossentropy deserialize get mean_squared_error mse serialize",
    "tf.keras.metrics": "AUC Accuracy BinaryAccuracy F1Score Mean MeanMetricWrapper Metric Precision Recall Sum "
    "binary_accuracy deserialize get mean_squared_error mse serialize sparse_categorical_accuracy",
    "tf.keras.backend": "backend clear_session epsilon floatx get_uid get_value image_data_format int_shape "
    "is_keras_tensor set_epsilon set_floatx set_image_data_format set_value",
    "tf.keras.config": "backend epsilon floatx image_data_format set_epsilon set_floatx set_image_data_format",
    "tf.keras.saving": "CustomObjectScope custom_object_scope get_custom_objects get_registered_name "
    "get_registered_object load_model register_keras_serializable",
    "tf.keras.utils": "CustomObjectScope clear_session custom_object_scope get_custom_objects is_keras_tensor normalize "
    "pad_sequences register_keras_serializable set_random_seed to_categorical",
    "tf.keras.preprocessing": "sequence",
    "tf.keras.preprocessing.sequence": "pad_sequences",
}


def module(address):
    return importlib.import_module(address.replace("tf.", "gatewise.", 1))


@pytest.mark.parametrize("address", NAMES)
def test_the_names_that_programs_use(address):
    by_attributes = eval(address, {"tf": tf})
    by_import = module(address)
    assert by_attributes is by_import
    for name in NAMES[address].split():
        namespace = {}
        exec(f"from {by_import.__name__} import {name}", namespace)
        assert namespace[name] is getattr(by_import, name)


@pytest.mark.parametrize("address", NAMES)
def test_a_star_gives_what_is_public_and_nothing_else(address):
    namespace = {}
    exec(f"from {module(address).__name__} import *", namespace)
    del namespace["__builtins__"]
    assert set(namespace) == set(module(address).__all__)
    for name, value in namespace.items():
        assert not name.startswith("_")
        assert value.__module__.startswith("gatewise") if callable(value) else inspect.ismodule(value)


@pytest.mark.parametrize("address", NAMES)
def test_a_name_that_is_not_here_says_so_however_it_is_asked_for(address):
    found = module(address)
    said = rf"^Gatewise has no `{address}\.Nonesuch`\."
    with pytest.raises(AttributeError, match=said):
        found.Nonesuch  # noqa: B018
    with pytest.raises(AttributeError, match=said):
        getattr(found, "Nonesuch")  # noqa: B009
    with pytest.raises(ImportError, match=said):
        exec(f"from {found.__name__} import Nonesuch")
    with pytest.raises(ImportError, match=said):
        exec(f"def inside():\n    from {found.__name__} import __name__, Nonesuch as n\ninside()")
    assert not hasattr(found, "Nonesuch")
    assert getattr(found, "Nonesuch", None) is None


def test_names_of_python_itself_are_left_to_python():
    with pytest.raises(AttributeError, match=r"module 'gatewise\.keras\.layers' has no attribute '__wrapped__'"):
        tf.keras.layers.__wrapped__  # noqa: B018
    assert inspect.unwrap(tf.keras.layers) is tf.keras.layers


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("tf.keras.layers.LTSM", "Did you mean 'LSTM'"),
        ("tf.keras.layers.lstm", "Did you mean 'LSTM'"),
        ("tf.keras.layer", "Did you mean 'layers'|Did you mean 'Layer'"),
        ("tf.keras.optimizers.Adan", "Did you mean '[Aa]dam'"),
        ("tf.keras.callbacks.EarlyStoping", "Did you mean 'EarlyStopping'"),
    ],
)
def test_a_missing_name_gets_the_nearest_or_the_way_out(address, hint):
    with pytest.raises(AttributeError, match=f"Gatewise has no `{address}`.*({hint})"):
        eval(address, {"tf": tf})


def test_they_are_the_same_objects_as_gatewises_own():
    from gatewise import activations, layers, models

    assert tf.keras.layers.LSTM is layers.LSTM is tf.layers.LSTM
    assert tf.keras.Sequential is tf.keras.models.Sequential is models.Sequential is tf.Sequential
    assert tf.keras.Model is tf.keras.models.Model is models.Model
    assert tf.keras.Input is tf.keras.layers.Input is tf.Input
    assert tf.keras.activations.tanh is activations.tanh
    assert tf.keras.utils.custom_object_scope is tf.keras.saving.CustomObjectScope


def test_versions():
    assert tf.__version__ == importlib.metadata.version("gatewise")
    assert tf.keras.__version__ == "3.15.1"


def loaded_by(code):
    """The modules in a new process after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    return set(done.stdout.split())


def test_importing_gatewise_loads_nothing_heavy():
    loaded = loaded_by("import gatewise")
    heavy = "jax h5py rich click gatewise.keras gatewise.compat gatewise.formats.hdf5 gatewise.cli logging.config"
    assert loaded.isdisjoint(heavy.split())
    assert loaded_by("import gatewise as tf; tf.keras.layers.LSTM").isdisjoint(["jax", "h5py", "rich", "click"])
    assert loaded_by("import gatewise.cli").isdisjoint(["jax", "h5py", "rich"])


# --- backend ----------------------------------------------------------------------------------------------------


def test_settings_go_where_layers_read_them():
    backend = tf.keras.backend
    try:
        backend.set_floatx("float64")
        assert (backend.floatx(), tf.config.floatx, tf.keras.layers.Dense(2).dtype) == ("float64",) * 3
        assert backend.cast_to_floatx([1]).dtype == np.float64
    finally:
        backend.set_floatx("float32")
    with pytest.raises(ValueError, match="float31"):
        backend.set_floatx("float31")


@pytest.mark.parametrize(
    ("name", "value", "wrong"), [("epsilon", 1e-3, "small"), ("image_data_format", "channels_first", "x")]
)
def test_settings_that_programs_read_back(name, value, wrong):
    backend = tf.keras.backend
    before = getattr(backend, name)()
    with pytest.raises((TypeError, ValueError), match=wrong):
        getattr(backend, f"set_{name}")(wrong)
    try:
        getattr(backend, f"set_{name}")(value)
        assert getattr(backend, name)() == getattr(tf.keras.config, name)() == value
    finally:
        getattr(backend, f"set_{name}")(before)


def test_clear_session_starts_names_anew():
    tf.keras.backend.clear_session()
    assert [tf.keras.layers.LSTM(2).name for _ in range(2)] == ["lstm", "lstm_1"]
    tf.keras.utils.clear_session()
    assert tf.keras.layers.LSTM(2).name == "lstm"


def test_values_of_variables():
    layer = tf.keras.layers.Dense(2)
    layer.build((None, 3))
    kernel, bias = layer.weights
    tf.keras.backend.set_value(bias, [1, 2])
    assert tf.keras.backend.get_value(bias).tolist() == [1, 2]
    tf.keras.backend.batch_set_value([(kernel, np.ones((3, 2))), (bias, np.zeros(2))])
    assert [value.sum() for value in tf.keras.backend.batch_get_value([kernel, bias])] == [6, 0]
    with pytest.raises(ValueError, match=r"\(2,\)"):
        tf.keras.backend.set_value(bias, [1])


def test_symbolic_tensors_are_known():
    x = tf.keras.Input((5, 3))
    assert tf.keras.backend.is_keras_tensor(x)
    assert isinstance(x, tf.keras.KerasTensor)
    assert tf.keras.backend.int_shape(x) == (None, 5, 3)
    assert tf.keras.backend.ndim(x) == 3
    assert not tf.keras.utils.is_keras_tensor(np.zeros(3))


# --- utils ------------------------------------------------------------------------------------------------------


def test_a_seed_repeats_all_random_numbers():
    def drawn():
        tf.keras.utils.set_random_seed(5)
        weights = tf.keras.Sequential([tf.keras.layers.LSTM(3, input_shape=(2, 2))]).get_weights()
        return [*weights, np.random.rand(3), random.random(), tf.random.normal((2,))]

    for one, other in zip(drawn(), drawn(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="-1"):
        tf.keras.utils.set_random_seed(-1)


@given(
    rows=st.lists(st.lists(st.integers(-9, 9), max_size=6), max_size=5),
    maxlen=st.none() | st.integers(0, 8),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
    value=st.integers(-3, 3),
)
def test_padding_as_its_definition_says(rows, maxlen, padding, truncating, value):
    found = tf.keras.utils.pad_sequences(rows, maxlen, padding=padding, truncating=truncating, value=value)
    length = max(map(len, rows), default=0) if maxlen is None else maxlen
    assert found.shape == (len(rows), length)
    assert found.dtype == np.int32
    for row, line in zip(rows, found.tolist(), strict=True):
        kept = (row[::-1][:length][::-1]) if truncating == "pre" else row[:length]
        filled = [value] * (length - len(kept))
        assert line == (filled + kept if padding == "pre" else kept + filled)


def test_padding_of_items_with_axes_and_of_texts():
    pad = tf.keras.preprocessing.sequence.pad_sequences
    found = pad([np.ones((1, 2)), np.zeros((3, 2)), []], dtype="float64", value=7.0)
    assert found.shape == (3, 3, 2)
    assert found[0].tolist() == [[7, 7], [7, 7], [1, 1]]
    assert pad([["a"], ["b", "c"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "c"]]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((5,), {}, TypeError, "expected a list of sequences, got 5"),
        (([1, 2],), {}, TypeError, "item 0 is 1"),
        (("text",), {}, TypeError, "expected a list of sequences"),
        (([[1]],), {"padding": "before"}, ValueError, "padding: expected one of 'pre', 'post', got 'before'"),
        (([[1]],), {"truncating": "end"}, ValueError, "truncating: expected one of 'pre', 'post', got 'end'"),
        (([[[1, 2]], [[1, 2, 3]]],), {}, ValueError, r"sequence 1 have shape \(3,\), those of others \(2,\)"),
    ],
)
def test_padding_says_what_is_wrong(arguments, options, error, words):
    with pytest.raises(error, match=f"pad_sequences: .*{words}"):
        tf.keras.utils.pad_sequences(*arguments, **options)


def test_classes_as_vectors():
    to_categorical = tf.keras.utils.to_categorical
    assert to_categorical([[0], [2]]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert to_categorical([1], 3).tolist() == [[0, 1, 0]]
    assert to_categorical(np.zeros((2, 3), int), 4).shape == (2, 3, 4)
    assert to_categorical(1, 2).tolist() == [0, 1]
    for wrong in ([3], [-1]):
        with pytest.raises(ValueError, match=f"num_classes=2 the numbers must be from 0 to 1, got {wrong[0]}"):
            to_categorical(wrong, 2)


def test_vectors_of_length_one():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert tf.keras.utils.normalize(x).tolist() == [[0.6, 0.8], [0, 0]]
    np.testing.assert_allclose(tf.keras.utils.normalize(x, axis=0, order=1), [[1, 1], [0, 0]])


# --- models and layers through the namespace --------------------------------------------------------------------


def test_a_layer_of_a_program_travels_through_a_config():
    @tf.keras.utils.register_keras_serializable("tests")
    class Twice(tf.keras.layers.Layer):
        def call(self, x):
            return 2 * x

    try:
        config = tf.keras.layers.serialize(Twice(name="two"))
        again = tf.keras.layers.deserialize(config)
        assert type(again) is Twice
        assert again.name == "two"
        assert np.asarray(again(np.ones(2, "float32"))).tolist() == [2, 2]
    finally:
        tf.keras.utils.get_custom_objects().clear()
    with pytest.raises(ValueError, match="Twice"):
        tf.keras.layers.deserialize(config)
    assert type(tf.keras.layers.deserialize(config, custom_objects={"Twice": Twice})) is Twice


def test_optimizers_have_their_old_names_too():
    from gatewise import optimizers

    keras = tf.keras.optimizers
    assert keras.adam is keras.Adam is keras.experimental.Adam is optimizers.Adam
    assert keras.adam_v2.Adam is keras.legacy.Adam is optimizers.legacy.Adam
    assert keras.schedules.CosineDecay is optimizers.schedules.CosineDecay
    assert not hasattr(keras, "Optax")


def test_callbacks_are_keras_names_alone():
    from gatewise import callbacks

    keras = tf.keras.callbacks
    assert keras.EarlyStopping is callbacks.EarlyStopping is tf.callbacks.EarlyStopping
    assert keras.experimental.BackupAndRestore is callbacks.BackupAndRestore
    assert set(callbacks.__all__) - set(keras.__all__) == {"LazyLogs", "Resumable"}
    assert set(keras.__all__) < set(callbacks.__all__)
