import os
import signal
import socket
import subprocess
import sys

import pytest

from gatewise.base import atomic
from gatewise.base.atomic import check_replaceable, remove_leftovers, replacing, replacing_folder


def test_the_new_file_takes_the_place_when_the_block_ends(tmp_path):
    path = tmp_path / "model.weights.h5"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".weights.h5")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(IsADirectoryError), replacing(path) as temporary:
        temporary.parent.write_text("an error")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "old")]


def test_permissions_are_those_of_the_old_file_or_the_usual_ones(tmp_path):
    usual, path = tmp_path / "usual", tmp_path / "a"
    usual.touch()
    with replacing(path):
        pass
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_goes_on_pointing_to_its_file(tmp_path):
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.parent.mkdir()
    link.symlink_to(target)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_link_to_nothing_makes_its_file(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def bind(path):
    os.chdir(path.parent)  # The path of a socket must be short.
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


KINDS = {
    "a folder": lambda path: path.mkdir(),
    r"a named pipe \(FIFO\)": os.mkfifo,
    "a socket": bind,
    "a device": lambda path: path.symlink_to(os.devnull),
    "a link that leads in a circle": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("said", KINDS)
def test_what_is_no_file_is_refused_and_stays(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # And back afterwards.
    path = tmp_path / "a"
    KINDS[said](path)
    before = path.lstat()
    for refuse in (check_replaceable, lambda path: replacing(path).__enter__()):
        with pytest.raises(OSError, match=f"'{path}': a file was to be written, but this is {said}"):
            refuse(path)
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [b"bytes.npz", "n" * 255, f"{'n' * 240}.weights.h5", "\u00e9" * 127])
def test_all_names_that_a_file_can_have(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing(name) as temporary:
        temporary.write_text("new")
    with open(name) as file:
        assert file.read() == "new"


def run(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, check=False, timeout=600, capture_output=True, text=True)


FULL = """
import resource, signal, sys
from gatewise.base.atomic import replacing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with replacing(sys.argv[1]) as temporary:
    temporary.write_bytes(bytes(2000))
"""


def test_where_there_is_no_room_the_old_file_stays(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    done = run(FULL, path)
    assert "OSError: [Errno 27]" in done.stderr
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a", "old")]


KILLED = """
import os, sys
from gatewise.base.atomic import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), 9)
"""


def written_anew(path):
    with replacing(path) as temporary:
        temporary.write_text("new")


def test_what_a_killed_writer_leaves_the_next_one_removes(tmp_path):
    path = tmp_path / "state.npz"
    path.write_text("old")
    strange = tmp_path / ".state.mine.part.npz"
    strange.touch()
    for remove in (remove_leftovers, written_anew):
        assert run(KILLED, path).returncode == -signal.SIGKILL
        assert path.read_text() == "old"
        assert len(list(tmp_path.iterdir())) == 3
        remove(path)
        assert sorted(tmp_path.iterdir()) == [strange, path]


def test_a_writer_leaves_alone_what_another_writes(tmp_path):
    path = tmp_path / "a.npz"
    with replacing(path) as first:
        first.write_text("first")
        remove_leftovers(path)
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


# -- folders ----------------------------------------------------------------------------------------------------------


def folder(path, text):
    with replacing_folder(path) as temporary:
        (temporary / "a" / "b").mkdir(parents=True)
        (temporary / "a" / "b" / "c.txt").write_text(text)


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_takes_the_place_of_another(exchanges, tmp_path, monkeypatch):
    if not exchanges:
        monkeypatch.setattr(atomic, "_exchanged", lambda one, other: False)
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    for path, text in ((target, "first"), (link, "second")):
        folder(path, text)
        assert (target / "a" / "b" / "c.txt").read_text() == text
        assert sorted(tmp_path.iterdir()) == [link, target]


def test_folders_exchange_names_in_one_step(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.mkdir()
        (path / f"{path.name}.txt").touch()
    assert atomic._exchanged(one, other)
    assert [path.name for path in (*one.iterdir(), *other.iterdir())] == ["other.txt", "one.txt"]
    assert not atomic._exchanged(one, tmp_path / "nothing")


def test_after_an_error_the_old_folder_is_there(tmp_path, monkeypatch):
    path = tmp_path / "m"
    folder(path, "old")
    with pytest.raises(IsADirectoryError), replacing_folder(path) as temporary:
        temporary.write_text("an error")
    real = os.rename

    def rename(one, other):
        if other == path and one.suffix == ".part":
            raise OSError(5, "Input/output error")
        real(one, other)

    monkeypatch.setattr(atomic, "_exchanged", lambda one, other: False)
    monkeypatch.setattr(atomic.os, "rename", rename)
    with pytest.raises(OSError, match=f"Input/output error: '{path}'"):
        folder(path, "new")
    assert (path / "a" / "b" / "c.txt").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_no_folder_to_replace(tmp_path):
    path = tmp_path / "a"
    path.touch()
    with pytest.raises(NotADirectoryError, match="a folder was to be written, but this is none"):
        folder(path, "new")
    assert list(tmp_path.iterdir()) == [path]
