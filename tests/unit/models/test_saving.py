"""Saving: what comes back, what is refused, and that a file is whole whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import X, same, small, with_random_weights

import gatewise as gw
from gatewise.base.registry import get_custom_objects, register_keras_serializable
from gatewise.base.release import meaning
from gatewise.formats import open_contents
from gatewise.formats.hdf5 import writing
from gatewise.models import load_model, save_model

L = gw.layers
ENDINGS = (".keras", ".h5", ".hdf5", ".safetensors")


def optimized(model: Any, optimizer: Any) -> Any:
    """The model with an optimizer that has made a step."""
    optimizer.build(model.trainable_variables)
    pairs = [(np.full(v.shape, 0.5, "float32"), v) for v in model.trainable_variables]
    optimizer.apply_gradients(pairs)
    model.compile(optimizer, loss="mse", metrics=["mae", "accuracy"])
    return model


class Scaled(L.Layer):
    """A user's layer with an argument and a weight."""

    def __init__(self, factor: Any = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale * self.factor


class Unsaid(L.Layer):
    """A user's layer that keeps its argument under another name, and does not say it."""

    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kept = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.kept


class Says(Scaled):
    """A user's layer whose config is not plain."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": {1, 2}}


class Own(gw.Model):
    """A user's own model."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.rnn = L.LSTM(units)
        self._hidden = [L.Dense(2), [L.Dense(3)]]
        self.alpha = L.Dense(4)

    def call(self, x: Any) -> Any:
        return self._hidden[1][0](self._hidden[0](self.rnn(self.alpha(x))))  # type: ignore[index, operator]


# -- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_whole_model(tmp_path: Path, ending: str) -> None:
    model = small()
    model.save(tmp_path / f"m{ending}")
    again = load_model(tmp_path / f"m{ending}")
    same(again, model)
    assert again.get_config() == model.get_config()
    assert again.layers[0].name == "rnn"


def test_a_folder_holds_what_an_archive_does(tmp_path: Path) -> None:
    model = optimized(small(), gw.optimizers.Adam())
    model.save(tmp_path / "m.keras")
    for _ in range(2):  # The second one takes the place of the first.
        model.save(tmp_path / "m", zipped=False)
    names = ["assets", "config.json", "metadata.json", "model.weights.h5"]
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == names
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert sorted(archive.namelist()) == names[1:]
        for name in ("config.json", "model.weights.h5"):
            assert (tmp_path / "m" / name).read_bytes() == archive.read(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.keras"]
    again = load_model(tmp_path / "m")
    same(again, model)
    assert int(again.optimizer.iterations) == 1


def test_a_folder_takes_the_place_of_a_model_only(tmp_path: Path) -> None:
    model, mine = small(), tmp_path / "m" / "mine.txt"
    mine.parent.mkdir()
    mine.touch()
    for path, words in ((mine.parent, "holds 'mine.txt' too"), (mine, "it is no folder")):
        with pytest.raises(FileExistsError, match=words):
            model.save(path if path.is_dir() else path.rename(tmp_path / "mine"), zipped=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "mine"]


@pytest.mark.parametrize("name", ["metadata.json", "config.json", "model.weights.h5"])
def test_a_folder_is_read_without_its_links(tmp_path: Path, name: str) -> None:
    small().save(tmp_path / "m", zipped=False)
    (tmp_path / "m" / name).rename(tmp_path / "outside")
    (tmp_path / "m" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match=f"has no file '{name}'"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("ending", [".weights.h5", ".h5", ".hdf5"])
def test_weights_alone(tmp_path: Path, ending: str) -> None:
    model = small()
    model.save_weights(tmp_path / f"w{ending}")
    again = gw.models.clone_model(model)
    again.load_weights(tmp_path / f"w{ending}")
    same(again, model)


def test_text_paths_and_formats(tmp_path: Path) -> None:
    """A path may be text or a path; `save_format` decides where a name does not."""
    model = small()
    save_model(model, str(tmp_path / "plain"), save_format="h5")
    save_model(model, tmp_path / "zip", save_format="keras")
    assert h5py.is_hdf5(tmp_path / "plain")
    assert zipfile.is_zipfile(tmp_path / "zip")
    same(load_model(tmp_path / "plain"), model)
    same(load_model(tmp_path / "zip"), model)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_older_functions_meant(tmp_path: Path, ending: str) -> None:
    """TensorFlow 1's hard_sigmoid and GRU stay what they were, in its own form and in Keras 3's."""
    with meaning("tf1"):
        layers = [L.GRU(3, input_shape=(5, 4), return_sequences=True), L.LSTM(2), L.Dense(2, activation="hard_sigmoid")]
        model = with_random_weights(gw.Sequential(layers))
        model.save(tmp_path / f"tf1{ending}")
    model.save(tmp_path / f"keras3{ending}")
    for name in ("tf1", "keras3"):
        again = load_model(tmp_path / f"{name}{ending}")
        same(again, model)
        assert again.layers[0].reset_after is False
    with meaning("tf1"), open_contents(tmp_path / f"tf1{ending}") as contents:
        assert contents.keras_version == "2.2.4-tf"
        assert "keras2_hard_sigmoid" not in json.dumps(contents.config)


def test_own_layers(tmp_path: Path) -> None:
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), Scaled(2.5), L.LSTM(2)]))
    for ending in ENDINGS:
        model.save(tmp_path / f"m{ending}")
        if ending in (".h5", ".hdf5"):  # They keep no modules; in others a class of a module that runs is found.
            with pytest.raises(ValueError, match=r"custom_objects=\{'Scaled'"):
                load_model(tmp_path / f"m{ending}")
        else:
            same(load_model(tmp_path / f"m{ending}"), model)
        same(load_model(tmp_path / f"m{ending}", custom_objects={"Scaled": Scaled}), model)


def test_registered_layers(tmp_path: Path) -> None:
    register_keras_serializable("tests")(Scaled)
    try:
        model = with_random_weights(gw.Sequential([gw.Input((5, 4)), Scaled(2.5), L.LSTM(2)]))
        for ending in ENDINGS:
            model.save(tmp_path / f"m{ending}")
            same(load_model(tmp_path / f"m{ending}"), model)
    finally:
        del get_custom_objects()["tests>Scaled"]


def test_own_model(tmp_path: Path) -> None:
    """Layers among attributes, in lists in lists, and under private names; the file says for which shape it is built."""
    model = Own(2)
    model(X)
    with_random_weights(model)
    model.save(tmp_path / "own.keras")
    same(load_model(tmp_path / "own.keras", custom_objects={"Own": Own}), model)
    model.save_weights(tmp_path / "own.weights.h5")
    again = Own(2)
    again(X)
    again.load_weights(tmp_path / "own.weights.h5")
    same(again, model)
    with h5py.File(tmp_path / "own.weights.h5") as file:
        assert set(file) == {"alpha", "layers", "vars"}  # As Keras 3 walks: by name, and `layers` is one of them.
        assert set(file["layers"]) == {"lstm", "dense", "dense_1"}


def test_names_that_lie_in_each_others_way(tmp_path: Path) -> None:
    """Two weights of one name, a layer whose name is the beginning of another's, and more names than one attribute holds."""
    inner = [L.Dense(4, name="dense"), L.Dense(4, name="dense/kernel")]
    one, two = gw.Input((4,), name="one"), gw.Input((4,), name="two")
    first, second = (gw.Model(x, L.Dense(3, name="d")(inner[k](x)), name=f"m{k}") for k, x in enumerate((one, two)))
    start = gw.Input((4,), name="x")
    both = gw.Model(start, L.Add(name="m")([first(start), second(start)]), name="both")
    with_random_weights(gw.Sequential([gw.Input((4,)), both]))
    both.save(tmp_path / "both.h5")
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(load_model(tmp_path / "both.h5").predict(x), both.predict(x))
    many = with_random_weights(
        gw.Sequential([gw.Input((2,)), *(L.Dense(2, name=f"{'n' * 300}{k}") for k in range(240))])
    )
    many.save(tmp_path / "many.h5")
    x = np.ones((1, 2), "float32")
    np.testing.assert_array_equal(load_model(tmp_path / "many.h5").predict(x), many.predict(x))


def test_distinct_names() -> None:
    """No name twice, and no array where another's group has to be."""
    names = writing._distinct(["a/b:0", "a/b:0", "a", "c", "c/d"])
    assert names == ["a/b:0", "a/b_1:0", "a_1", "c", "c_1/d"]


# -- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["keras3", "tf2"])
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_how_it_was_compiled(tmp_path: Path, ending: str, release: Any) -> None:
    with meaning(release):
        layers = [gw.Input((5, 4)), L.LSTM(3), L.Dense(1, name="out")]
        optimizer = gw.optimizers.Adam(0.02)
        model = optimized(with_random_weights(gw.Sequential(layers)), optimizer)
        model.save(tmp_path / f"m{ending}")
        with open_contents(tmp_path / f"m{ending}") as contents:
            config = contents.compile_config
            assert config is not None
            assert contents.training_config
            assert contents.optimizer_weights
            assert config["loss"] in ("mse", "mean_squared_error")
        again = load_model(tmp_path / f"m{ending}")
        assert load_model(tmp_path / f"m{ending}", compile=False).optimizer is None
    assert again.optimizer.generation == ("keras3" if release == "keras3" else "tf2")
    assert int(again.optimizer.iterations) == 1
    for one, other in zip(again.optimizer.stored_variables, optimizer.stored_variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam", "rmsprop"])
def test_fit_goes_on_as_it_would_have(tmp_path: Path, optimizer: str) -> None:
    """The same curve, to the last bit: weights, moving averages, slots, and the count of steps are all there."""
    files = [tmp_path / "m.keras", tmp_path / "m.h5"]
    layers = [gw.Input((5, 4)), L.LSTM(3), L.BatchNormalization(), L.Dense(1)]
    model = with_random_weights(gw.Sequential(layers))
    model.compile(optimizer, "mse", metrics=["mae"])
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((12, 5, 4)).astype("float32"), rng.standard_normal((12, 1)).astype("float32")
    options: dict[str, Any] = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
    model.fit(x, y, **options)
    for file in files:
        model.save(file)
    wanted = model.fit(x, y, **options).history
    for file in files:
        assert load_model(file).fit(x, y, **options).history == wanted
    fresh = load_model(files[0], compile=False)
    fresh.compile(optimizer, "mse", metrics=["mae"])
    curve = fresh.fit(x, y, **options).history
    assert curve == wanted if optimizer == "sgd" else curve != wanted  # Plain SGD alone remembers nothing.


def test_without_the_optimizer(tmp_path: Path) -> None:
    model = optimized(small(), gw.optimizers.SGD(momentum=0.5))
    for ending in (".keras", ".h5"):
        model.save(tmp_path / f"m{ending}", include_optimizer=False)
        with open_contents(tmp_path / f"m{ending}") as contents:
            assert contents.compile_config is None
            assert not contents.optimizer_weights


def test_an_optimizer_in_another_release_s_form(tmp_path: Path) -> None:
    """Keras 3's files hold the learning rate, tf_keras's do not; the step's count and the slots are both's."""
    model = optimized(small(), gw.optimizers.Adam(0.02))
    model.save(tmp_path / "m.h5", release="tf2")
    with h5py.File(tmp_path / "m.h5") as file:
        config = json.loads(file.attrs["training_config"])["optimizer_config"]
        assert config["class_name"] == "Custom>Adam"
        assert config["config"]["is_legacy_optimizer"] is False
        names = list(file["optimizer_weights"].attrs["weight_names"])
    assert len(names) == len(model.optimizer.variables) - 1
    assert names[0] == b"iteration:0"
    model = optimized(small(), gw.optimizers.Adam(0.02, loss_scale_factor=2.0))
    with pytest.raises(ValueError, match=r"Adam.*tf_keras.*include_optimizer=False"):
        model.save(tmp_path / "n.h5", release="tf2")


def test_state_that_does_not_fit(tmp_path: Path) -> None:
    model = optimized(small(), gw.optimizers.Adam())
    model.save_weights(tmp_path / "m.weights.h5")
    again = small()
    again.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"m\.weights\.h5.*SGD.*starts afresh"):
        again.load_weights(tmp_path / "m.weights.h5")
    assert int(again.optimizer.iterations) == 0


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("m.txt", {}, ValueError, r"m\.txt.*\.keras, \.h5, \.hdf5 or \.safetensors"),
        ("m", {}, ValueError, "SavedModel"),
        ("m.keras", {"save_format": "tf"}, ValueError, "SavedModel.*TensorFlow program"),
        ("m.keras", {"save_format": "zip"}, ValueError, 'save_format must be "keras", "h5"'),
        ("m.keras", {"zipped": False}, ValueError, "zipped=False makes a folder.*without the ending"),
        ("m.keras", {"release": "tf3"}, ValueError, "tf3.*tf1, tf2, keras3"),
        ("nowhere/m.keras", {}, FileNotFoundError, "no folder.*nowhere"),
        ("there.keras", {"overwrite": False}, FileExistsError, r"there\.keras.*overwrite=True"),
    ],
)
def test_refused(tmp_path: Path, name: str, options: dict[str, Any], error: type[Exception], words: str) -> None:
    (tmp_path / "there.keras").write_text("mine")
    with pytest.raises(error, match=words):
        small().save(tmp_path / name, **options)
    assert [file.name for file in tmp_path.iterdir()] == ["there.keras"]
    assert (tmp_path / "there.keras").read_text() == "mine"


def test_refused_weights(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"w\.npz.*\.weights\.h5, \.h5, \.hdf5 or \.safetensors"):
        small().save_weights(tmp_path / "w.npz")
    with pytest.raises(ValueError, match=r"checkpoint.*\.weights\.h5"):
        small().save_weights(tmp_path / "w", save_format="tf")
    small().save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        small().save_weights(tmp_path / "w.weights.h5", overwrite=False)


@pytest.mark.parametrize("ending", ENDINGS)
def test_not_built(tmp_path: Path, ending: str) -> None:
    for save in (gw.Sequential([L.LSTM(3)]).save, gw.Sequential([L.LSTM(3)]).save_weights):
        with pytest.raises(ValueError, match=r"not built|ends in"):
            save(tmp_path / f"m{ending}")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: Unsaid(np.float32(2.0), name="mine"), r"Unsaid 'mine'.*'factor'.*Define get_config in Unsaid"),
        (lambda: Says(name="mine"), r"Says 'mine'.*'factor'.*a set.*get_config return plain values"),
    ],
)
def test_configs_that_a_file_cannot_hold(tmp_path: Path, layer: Any, words: str) -> None:
    model = gw.Sequential([gw.Input((5, 4)), layer()])
    for ending in ENDINGS:
        with pytest.raises(ValueError, match=words):
            model.save(tmp_path / f"m{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda x: x + 1, "operation Add.*layers.Add.*keras3"),
        (L.Dense(2, activation="hard_sigmoid"), "hard_sigmoid.*Keras 3"),
        (L.LayerNormalization(rms_scaling=True), "rms_scaling=True.*False"),
    ],
)
def test_what_tf_keras_has_no_words_for(tmp_path: Path, draw: Any, words: str) -> None:
    x = gw.Input((4,))
    with pytest.raises(ValueError, match=words):
        gw.Model(x, draw(x)).save(tmp_path / "m.keras", release="tf2")


# -- whole or not at all ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_an_error_in_the_middle(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full at the third array: the old file is there, and nothing beside it."""
    path, model = tmp_path / f"m{ending}", small()
    save = model.save_weights if "weights" in ending else model.save
    save(path)
    before = path.read_bytes()
    create, count = h5py.Group.create_dataset, iter(range(10))

    def full(*args: Any, **kwargs: Any) -> Any:
        if next(count) == 2:
            raise OSError(28, "No space left on device")
        return create(*args, **kwargs)

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(OSError, match="No space left"):
        save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


LOOP = """
import sys
import gatewise as gw
model = gw.models.load_model(sys.argv[1])
print("ready", flush=True)
while True:
    model.save(sys.argv[1])
"""


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_killed_in_the_middle(tmp_path: Path, ending: str) -> None:
    """A process that saves all the time is killed at many moments: the file at the path always loads."""
    path, model = tmp_path / f"m{ending}", with_random_weights(gw.Sequential([gw.Input((5, 4)), L.LSTM(200)]))
    model.save(path)
    for moment in range(4):
        writer = subprocess.Popen([sys.executable, "-c", LOOP, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.02 + 0.013 * moment)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        same(load_model(path), model)
