"""Names that Keras has and Gatewise has not: they can be imported, and refuse when they are used."""

from __future__ import annotations

import importlib
import sys

import pytest

import gatewise as tf
from gatewise.base import keras_names
from gatewise.base.absent import Absent, AbsentError, keras_module
from gatewise.compat import addresses

IMPORTS = [
    "from keras.layers import RandomCrop, Highway",
    "from keras.layers.core import Dense, MaxoutDense",
    "from keras.layers.local import LocallyConnected1D",
    "from keras.layers import recurrent, wrappers",
    "from keras.layers.cudnn_recurrent import CuDNNLSTM",
    "from keras.engine import Layer, InputSpec, topology, training",
    "from keras.engine.topology import Container, get_source_inputs",
    "from keras.engine.base_layer import Layer",
    "from keras.legacy import interfaces",
    "from keras.legacy.layers import Recurrent",
    "from keras.utils import np_utils, generic_utils, data_utils, vis_utils, layer_utils, conv_utils, io_utils",
    "from keras.utils.multi_gpu_utils import multi_gpu_model",
    "from keras.utils.generic_utils import Progbar",
    "from keras.utils.training_utils import multi_gpu_model",
    "from keras.optimizer_v2.adam import Adam",
    "from keras.optimizers import TFOptimizer",
    "from keras.backend.tensorflow_backend import set_session",
    "from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor",
    "from keras.applications import VGG16, vgg16",
    "import keras.applications.resnet50",
    "from keras.preprocessing import image",
    "from keras.preprocessing.image import ImageDataGenerator",
    "from keras import objectives, applications, wrappers",
    "from tensorflow.keras.layers.experimental import preprocessing",
    "from tensorflow.python.keras.layers import recurrent_v2",
    "from tensorflow.python.keras.engine import training_utils",
    "from tensorflow.python.keras.engine.base_layer_utils import make_variable",
    "from tensorflow.python.keras.saving.hdf5_format import save_model_to_hdf5",
    "from tensorflow.compat.v1.keras.layers import CuDNNGRU",
]


@pytest.fixture
def finder(monkeypatch):
    """What `gatewise run` puts in the way of imports, for one test."""
    before = set(sys.modules)
    ours = {module: dict(vars(module)) for name, module in sys.modules.items() if name.startswith("gatewise.keras")}
    monkeypatch.setattr(sys, "meta_path", [addresses.Finder(), *sys.meta_path])
    monkeypatch.setattr("gatewise.base.versions._layers_from", None)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("tensorflow", "keras", "tf_keras"):
            del sys.modules[name]
    for module, names in ours.items():  # The import system has put submodules there.
        for name in set(vars(module)) - set(names):
            delattr(module, name)
        vars(module).update(names)


@pytest.mark.parametrize("statement", IMPORTS)
@pytest.mark.usefixtures("finder")
def test_what_programs_import_can_be_imported(statement, monkeypatch):
    monkeypatch.setattr("gatewise.base.release._process", "keras3")
    exec(statement, {})


@pytest.mark.usefixtures("finder")
def test_every_module_of_every_keras_can_be_imported():
    for module in keras_names.modules():
        if module:
            found = importlib.import_module(f"keras.{module}")
            assert found.__name__ in (f"gatewise.keras.{module}", f"tf.keras.{module}")
            assert sys.modules[f"keras.{module}"] is keras_module(module) is found
    assert callable(tf.keras.layers.add)  # The module keras.layers.merging.add is not in its place.


@pytest.mark.parametrize("module", sorted(keras_names.modules()))
def test_every_name_of_every_keras_can_be_imported(module):
    home = keras_module(module) if module else tf.keras
    for name in keras_names.modules()[module]:
        exec("def f():\n    from home import name".replace("home", home.__name__).replace(" name", f" {name}"))
        found = eval(f"home.{name}", {"home": home})
        assert found is not None


def test_a_name_that_is_not_here_refuses_where_it_is_used():
    RandomCrop = tf.keras.layers.RandomCrop
    assert isinstance(RandomCrop, Absent)

    class Mine(RandomCrop):
        pass

    words = r"Gatewise has no `tf\.keras\.layers\.RandomCrop`\. Its layers are those of recurrent networks\."
    for use in (lambda: RandomCrop(3, 3), Mine, lambda: tf.keras.layers.RandomCrop(2), lambda: Mine.from_config({})):
        with pytest.raises(AbsentError, match=r"^Gatewise has no `tf\.keras\.layers\.RandomCrop"):
            use()
    with pytest.raises(NotImplementedError, match=words):
        RandomCrop()
    with pytest.raises(AttributeError, match=words):
        RandomCrop()
    assert not isinstance(tf.keras.layers.LSTM(2), RandomCrop)
    assert repr(RandomCrop) == "<tf.keras.layers.RandomCrop, which Gatewise does not have>"
    with pytest.raises(AbsentError, match=r"`tf\.keras\.applications\.VGG16`\. It has no networks of pictures"):
        tf.keras.applications.VGG16(weights="imagenet")
    with pytest.raises(AbsentError, match=r"plot_model.* draws"):
        tf.keras.utils.model_to_dot(None)


def test_a_program_that_asks_is_told_no():
    for place, name in ((tf.keras.layers, "RandomCrop"), (tf.keras, "estimator"), (tf.keras.utils, "model_to_dot")):
        assert not hasattr(place, name)
        assert getattr(place, name, None) is None
        with pytest.raises(AttributeError, match=f"Gatewise has no `.*{name}`"):
            getattr(place, name)


@pytest.mark.usefixtures("finder")
def test_a_name_that_no_keras_had_is_no_name():
    with pytest.raises(AttributeError, match="Did you mean 'LSTM'"):
        tf.keras.layers.LTSM  # noqa: B018
    with pytest.raises(ImportError, match="vgg"):
        exec("from tensorflow.keras.applications import vgg")
    with pytest.raises(AttributeError, match=r"Gatewise has no `tf\.keras\.applications\.vgg`"):
        tf.keras.applications.vgg  # noqa: B018
