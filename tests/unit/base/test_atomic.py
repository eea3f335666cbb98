import signal
import subprocess
import sys

import pytest

from gatewise.base.atomic import remove_leftovers, replacing


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


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="this is a folder"), replacing(tmp_path):
        pass


def test_a_killed_writer_leaves_the_old_file_and_its_rest_can_be_removed(tmp_path):
    path = tmp_path / "state.npz"
    path.write_text("old")
    program = (
        "import os, sys\nfrom gatewise.base.atomic import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=600)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / ".other.part.npz").touch()
    remove_leftovers(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".other.part.npz", "state.npz"]
