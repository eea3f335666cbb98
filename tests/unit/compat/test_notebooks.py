"""Notebooks run as programs, and `import tensorflow` in processes that no launcher started."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

import gatewise as gw
from gatewise.compat import notebooks


def notebook(*sources: str) -> str:
    cells: list[Any] = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "Words"}, *cells], "nbformat": 4})


def run(*sources: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for code in notebooks.code_of(notebook(*sources), "book.ipynb"):
        exec(code, names)
    return names


def test_cells_run_in_order_and_show_their_last_value(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("x = 3\nx + 1", "y = x\ny;", "None", "print('done')")
    assert capsys.readouterr().out == "4\ndone\n"
    assert names["y"] == 3


def test_what_is_for_ipython_alone_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("%matplotlib inline\nif True:\n    !ls\nx = 7 % 4\nlen?", "%%bash\nrm -rf x", "%%time\ny = x")
    out, err = capsys.readouterr()
    assert (names["x"], names["y"], out) == (3, 3, "")
    said = [line.rsplit("passed over: ", 1)[1] for line in err.splitlines()]
    assert said == ["%matplotlib inline", "!ls", "len?", "%%bash", "%%time"]


def test_an_error_shows_the_cells_line() -> None:
    with pytest.raises(ZeroDivisionError) as found:
        run("x = 0", "\n1 / x")
    last = traceback.extract_tb(found.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.line) == ("book.ipynb[cell 2]", 2, "1 / x")


@pytest.mark.parametrize("text", ["", "[]", '{"worksheets": []}', '{"cells": [3]}'])
def test_what_is_no_notebook(text: str) -> None:
    with pytest.raises(notebooks.NotANotebookError, match=r"'book.ipynb' is no notebook of format 4"):
        list(notebooks.code_of(text, "book.ipynb"))


def test_the_command_runs_one(tmp_path: Path) -> None:
    path = tmp_path / "book.ipynb"
    path.write_text(notebook("import tensorflow as tf", "tf.keras.layers.LSTM(3).units", "tf.keras.layers.LTSM"))
    done = subprocess.run(
        [sys.executable, "-m", "gatewise", "run", str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "3\n"
    assert done.stderr.splitlines()[1:3] == [
        f'  File "{path}[cell 3]", line 1, in <module>',
        "    tf.keras.layers.LTSM",
    ]
    assert done.stderr.splitlines()[-1].endswith("Did you mean 'LSTM'?")


def test_install_makes_tensorflow_mean_gatewise() -> None:
    program = (
        "import gatewise.compat\n"
        "gatewise.compat.install('2.15')\n"
        "import tensorflow as tf, keras\n"
        "from tensorflow.keras.layers import LSTM\n"
        "print(tf.__version__, LSTM.__module__, keras.layers.LSTM is LSTM)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "2.15.0 gatewise.recurrent.lstm True\n"


def test_the_usual_words_about_gpus() -> None:
    import gatewise as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.set_memory_growth(None, True)
    assert tf.config is gw.config
    with pytest.raises(AttributeError, match=r"Gatewise has no `tf.config.list_physical_device`. Did you mean"):
        tf.config.list_physical_device  # noqa: B018
