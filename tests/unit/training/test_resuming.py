"""Trainings that are interrupted and go on, as if they had not been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import killed_fit
import numpy as np
import pytest
from stopping import StopAfter, StopError

import gatewise as gw
from gatewise.callbacks import BackupAndRestore, Callback
from gatewise.random import set_seed
from gatewise.training import fitting
from gatewise.training.program import Program

PROGRAM = Path(__file__).with_name("killed_fit.py")
POINTS = Path(__file__).parents[1]
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((22, 5, 3)).astype("float32"), RNG.standard_normal((22, 1)).astype("float32")


# -- killed -----------------------------------------------------------------------------------------------------------


# A process that imports JAX and compiles costs seconds. So processes are there to be killed, at few points (those in the
# writing itself are `test_backup.py`'s); the training without interruption, and what goes on, run in this one.


def killed(folder: Path, *arguments: str) -> bool:
    paths = [str(POINTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, str(PROGRAM), str(folder), *arguments]
    done = subprocess.run(command, env=environment, timeout=200, check=False)
    return done.returncode == -signal.SIGKILL and not (folder / "end.npz").exists()


def end(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "end.npz") as arrays:
        return {name: arrays[name].tobytes() for name in arrays.files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: Any) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    killed_fit.main(folder, "never")
    return end(folder)


@pytest.mark.parametrize(
    ("save_freq", "points"),
    [
        # Six batches an epoch. After "2.after" all batches of the first epoch are done, but not its end.
        ("2", [("batch", "0.2"), ("write", "2.after")]),
        ("epoch", [("batch", "1.1")]),
    ],
)
def test_killed_and_started_again_it_ends_with_the_same_bits(
    save_freq: str, points: list[tuple[str, str]], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    for point in points:
        assert killed(tmp_path, save_freq, *point)
    killed_fit.main(tmp_path, save_freq)
    assert end(tmp_path) == undisturbed


# -- all kinds of data --------------------------------------------------------------------------------------------------


class Shuffled:
    """As Keras's `Sequence`: it moves its batches itself when an epoch ends."""

    def __init__(self) -> None:
        self.rng, self.order = np.random.default_rng(4), np.arange(5)

    def __len__(self) -> int:
        return 5

    def __getitem__(self, number: int) -> Any:
        rows = slice(self.order[number] * 4, self.order[number] * 4 + 4)
        return X[rows], Y[rows]

    def on_epoch_end(self) -> None:
        self.rng.shuffle(self.order)


def generated() -> Iterator[Any]:
    rng = np.random.default_rng(4)
    while True:
        rows = rng.integers(0, 22, 4)
        yield X[rows], Y[rows]


class Again:
    """A loader: an iterable that starts anew."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": 4},
    "some batches of arrays": lambda: {"x": X, "y": Y, "batch_size": 4, "shuffle": "batch", "steps_per_epoch": 5},
    "unequal lengths": lambda: {"x": [x[: 1 + k % 5] for k, x in enumerate(X)], "y": Y, "batch_size": 3},
    "numbered": lambda: {"x": Shuffled()},
    "a loader": lambda: {"x": Again([(X[k : k + 4], Y[k : k + 4]) for k in range(0, 20, 4)])},
    "a generator": lambda: {"x": generated(), "steps_per_epoch": 5},
}


def trained(data: str, *callbacks: Callback, **options: Any) -> gw.Model:
    set_seed(3)
    layers = [gw.Input((None, 3)), gw.layers.GRU(3, dropout=0.2), gw.layers.BatchNormalization(), gw.layers.Dense(1)]
    model = gw.Sequential(layers)
    model.compile("adam", "mse", **options)
    model.fit(**DATA[data](), epochs=2, verbose=0, callbacks=callbacks)
    return model


@pytest.fixture(scope="module")
def on_arrays() -> gw.Model:
    return trained("arrays")


def assert_same_weights(found: gw.Model, wanted: gw.Model) -> None:
    for a, b in zip(found.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("data", [name for name in DATA if name != "arrays"])
def test_all_kinds_of_data_go_on_where_they_were(data: str, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        trained(data, BackupAndRestore(tmp_path / "b", save_freq=3), StopAfter(1, 2))
    found = trained(data, BackupAndRestore(tmp_path / "b", save_freq=3))
    assert found.history.epoch == [1]
    assert_same_weights(found, trained(data))


def test_several_steps_in_one_dispatch_go_on_inside_it(on_arrays: gw.Model, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        trained("arrays", BackupAndRestore(tmp_path / "b", save_freq=2), StopAfter(1, 3), steps_per_execution=2)
    found = trained("arrays", BackupAndRestore(tmp_path / "b", save_freq=2), steps_per_execution=3)
    assert_same_weights(found, on_arrays)


def test_what_was_done_is_not_done_again(on_arrays: gw.Model, tmp_path: Path) -> None:
    class Batches(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.seen: list[int] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(batch)

    with pytest.raises(StopError):
        trained("arrays", BackupAndRestore(tmp_path / "b", save_freq=2), StopAfter(0, 4))
    batches = Batches()
    found = trained("arrays", BackupAndRestore(tmp_path / "b", save_freq=2), batches)
    assert batches.seen == [4, 5, *range(6)]
    assert found.history.history == on_arrays.history.history
    assert_same_weights(found, on_arrays)


# -- the state ----------------------------------------------------------------------------------------------------------


class Takes(Callback):
    """Gives `fit` a state when it begins."""

    def __init__(self, state: dict[str, Any], batch: int = 0) -> None:
        super().__init__()
        self.state, self.batch = state, batch

    def on_train_begin(self, logs: Any = None) -> None:
        self.model.restore_training_state(self.state, epoch=0, batch=self.batch)


class Keeps(Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.state = self.model.training_state()


def test_a_state_of_another_training_is_refused_before_anything_changes() -> None:
    keeps = Keeps()
    model = trained("arrays", keeps)
    before = model.training_state()
    state = {name: value + 1 for name, value in keeps.state.items()}
    for wrong, said in (
        ({**state, "trainable/1": np.zeros((3, 8), "float32")}, r"'trainable/1' is float32 \(3, 8\), but .*\(3, 9\)"),
        ({**state, "steps": np.zeros(3, "int32")}, "'steps' is int32 .*, but the steps so far is int64"),
        ({**state, "more": np.zeros(3)}, "has 'more', and this one has not"),
        ({name: value for name, value in state.items() if name != "order"}, "no 'order' .*shuffle"),
    ):
        with pytest.raises(ValueError, match=said):
            model.fit(X, Y, batch_size=4, verbose=0, callbacks=[Takes(wrong)])
    after = model.training_state()
    assert {k: v.tobytes() for k, v in after.items() if k != "random"} == {
        k: v.tobytes() for k, v in before.items() if k != "random"
    }
    with pytest.raises(RuntimeError, match="on_train_begin"):
        model.restore_training_state(before, 0, 0)
    with pytest.raises(RuntimeError, match="compile"):
        gw.Sequential([gw.Input((2,)), gw.layers.Dense(1)]).training_state()


def test_data_that_ends_before_the_place_to_go_on_is_refused() -> None:
    keeps = Keeps()
    model = trained("arrays", keeps)
    with pytest.raises(ValueError, match="ended after 6 batches of this epoch, but 7 were done"):
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[Takes(keeps.state, batch=7)])


# -- Ctrl-C -------------------------------------------------------------------------------------------------------------


def test_ctrl_c_in_a_step_leaves_what_the_step_made(monkeypatch: Any) -> None:
    """The signal comes while the values are in the compiled function's hands."""
    program, made = fitting.program, []

    def interrupted(*args: Any, **options: Any) -> Program:
        compiled = program(*args, **options)

        def steps(*given: Any) -> Any:
            if len(made) == 2:
                signal.raise_signal(signal.SIGINT)
            state, logs = compiled.run(*given)
            made.append([np.array(weight) for weight in state.trainable])
            return state, logs

        return compiled._replace(run=steps)

    seen: list[gw.Model] = []

    class Sees(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(self.model)

    monkeypatch.setattr(fitting, "program", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained("arrays", Sees())
    monkeypatch.undo()
    assert (len(made), len(seen)) == (3, 2)
    for variable, weight in zip(seen[0].trainable_variables, made[2], strict=True):
        np.testing.assert_array_equal(variable.numpy(), weight)
    assert np.isfinite(seen[0].predict(X)).all()
    assert np.isfinite(seen[0].fit(X, Y, verbose=0).history["loss"]).all()
