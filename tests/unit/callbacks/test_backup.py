import signal
import subprocess
import sys
from pathlib import Path

import killed_training
import numpy as np
import pytest

from gatewise.callbacks import BackupAndRestore
from gatewise.callbacks.state_file import read_state, write_state

PROGRAM = str(Path(__file__).parents[1] / "killed_training.py")


def run(folder, *arguments):
    return subprocess.run([sys.executable, PROGRAM, str(folder), *arguments], timeout=600, check=False).returncode


def end(folder):
    with np.load(folder / "end.npz") as arrays:
        return {name: arrays[name].tobytes() for name in arrays.files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run(folder, "never", "single") == 0
    return end(folder)


@pytest.mark.parametrize(
    ("save_freq", "double", "points"),
    [
        ("epoch", "single", []),
        ("1", "double", []),
        ("epoch", "single", [("batch", "0.2"), ("batch", "2.3"), ("batch", "3.4")]),
        ("3", "single", [("batch", "0.1"), ("batch", "1.3"), ("batch", "2.0"), ("batch", "3.2")]),
        ("5", "single", [("batch", "1.4"), ("batch", "2.2")]),
        ("1", "double", [("batch", "0.4"), ("batch", "2.1")]),
        ("epoch", "single", [("write", "1.arrays"), ("write", "2.names"), ("write", "1.after")]),
        ("2", "single", [("write", "4.arrays"), ("write", "2.names"), ("write", "1.after"), ("write", "1.arrays")]),
        ("2", "double", [("write", "3.arrays"), ("write", "2.names"), ("write", "1.arrays")]),
    ],
)
def test_killed_and_started_again_it_ends_with_the_same_bits(save_freq, double, points, undisturbed, tmp_path):
    for point in points:
        assert run(tmp_path, save_freq, double, *point) == -signal.SIGKILL
        assert not (tmp_path / "end.npz").exists()
    assert run(tmp_path, save_freq, double) == 0
    assert end(tmp_path) == undisturbed
    assert not (tmp_path / "backup").exists()


def backed_up(folder, **options):
    model = killed_training.Model()
    model.fit([BackupAndRestore(folder, delete_checkpoint=False, **options)])
    return model


def test_a_kept_state_is_that_of_the_end(tmp_path):
    model = backed_up(tmp_path / "backup")
    assert [file.name for file in (tmp_path / "backup").iterdir()] == ["training_state.npz"]
    arrays, place = read_state(tmp_path / "backup" / "training_state.npz", "epoch", "batch")
    assert place == [killed_training.EPOCHS, 0]
    assert arrays["weights"].tobytes() == model.weights.tobytes()
    again = backed_up(tmp_path / "backup")  # Nothing is left to do.
    assert again.weights.tobytes() == model.weights.tobytes()


def test_a_damaged_state_is_said_and_the_one_before_is_taken(tmp_path):
    model = backed_up(tmp_path / "backup", double_checkpoint=True)
    latest = tmp_path / "backup" / "training_state.npz"
    content = bytearray(latest.read_bytes())
    content[len(content) // 2] ^= 1
    latest.write_bytes(content)
    again = backed_up(tmp_path / "backup", double_checkpoint=True)
    assert again.start == (killed_training.EPOCHS - 1, 0)
    assert again.weights.tobytes() == model.weights.tobytes()
    latest.write_bytes(content)
    (tmp_path / "backup" / "training_state.previous.npz").unlink()
    with pytest.raises(ValueError, match=r"cannot go on .*training_state.npz' is not a whole state.* delete .*backup'"):
        backed_up(tmp_path / "backup")


def test_others_files_in_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").touch()
    killed_training.Model().fit([BackupAndRestore(tmp_path)])
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_what_cannot_be_backed_up_is_refused(tmp_path):
    with pytest.raises(ValueError, match="save_freq: expected 'epoch' or a number of batches, got 0"):
        BackupAndRestore(tmp_path, save_freq=0)
    with pytest.raises(ValueError, match="backup_dir"):
        BackupAndRestore("")
    with pytest.raises(ValueError, match="save_before_preemption is not supported"):
        BackupAndRestore(tmp_path, save_before_preemption=True)
    callback = BackupAndRestore(tmp_path)
    callback.set_model(object())
    with pytest.raises(TypeError, match="object has no training_state"):
        callback.on_train_begin()


def test_arrays_of_every_kind_come_back_as_they_were(tmp_path):
    import ml_dtypes

    arrays = {
        "a/b:0 ü": np.arange(6, dtype="int8").reshape(2, 3).T,
        "scalar": np.float64(0.1),
        "empty": np.empty((0, 3), "uint32"),
        "truth": np.array([True, False]),
        "bfloat16": np.arange(4).astype(ml_dtypes.bfloat16),
        "file": np.array(np.nan, "float16"),
    }
    write_state(tmp_path / "s", arrays, epoch=2)
    found, numbers = read_state(tmp_path / "s", "epoch")
    assert numbers == [2]
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == np.shape(array)
        assert found[name].tobytes() == array.tobytes()
    with pytest.raises(TypeError, match="'text' is object"):
        write_state(tmp_path / "t", {"text": np.array([None])})
    assert [file.name for file in tmp_path.iterdir()] == ["s"]


def test_each_damaged_byte_and_each_end_is_noticed(tmp_path):
    path = tmp_path / "s"
    write_state(path, {"a": np.arange(5), "b": np.ones(2, "float32")}, epoch=1)
    whole, wanted = path.read_bytes(), {"a": list(range(5)), "b": [1.0, 1.0]}
    damaged = [whole[:size] for size in range(0, len(whole), 7)]
    damaged += [whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :] for at in range(0, len(whole), 3)]
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            arrays, numbers = read_state(path, "epoch")
        except ValueError:
            refused += 1
        else:  # A byte that says nothing, such as a time.
            assert numbers == [1]
            assert {name: array.tolist() for name, array in arrays.items()} == wanted
    assert refused > len(damaged) * 0.6
