"""What is shown: on a terminal (a real one, of the kernel's) and in a file."""

import re

import pytest

from gatewise.callbacks import CallbackList, ProgbarLogger, progress


def work(verbose, epochs=2, steps=3):
    together = CallbackList([], add_progbar=True, verbose=verbose, epochs=epochs, steps=steps)
    together.on_train_begin()
    for epoch in range(epochs):
        together.on_epoch_begin(epoch)
        for batch in range(3):
            together.on_train_batch_end(batch, {"loss": 0.5 / (batch + 1)})
        together.on_test_begin()
        together.on_test_batch_end(0, {"loss": 9.0})
        together.on_test_end({"loss": 9.0})
        together.on_epoch_end(epoch, {"loss": 0.1, "val_loss": 0.0001})
    together.on_train_end()


LINE = r"Epoch {} - 0s - \d+us/step - loss: 0.1000 - val_loss: 1.0000e-04\n"


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_file_gets_a_line_an_epoch(verbose, capsys):
    work(verbose)
    assert re.fullmatch(LINE.format("1/2") + LINE.format("2/2"), capsys.readouterr().out)


def test_silence(capsys):
    work(0)
    assert capsys.readouterr() == ("", "")


def test_evaluate_and_predict(capsys):
    together = CallbackList([ProgbarLogger()], verbose=2, epochs=1, steps=None)
    for what in ("test", "predict"):
        getattr(together, f"on_{what}_begin")()
        getattr(together, f"on_{what}_batch_end")(0, {"loss": 0.5})
        getattr(together, f"on_{what}_end")({"loss": 0.5})
    evaluate, predict = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Evaluate - 0s - \d+us/step - loss: 0.5000", evaluate)
    assert re.fullmatch(r"Predict - 0s - \d+us/step", predict)


TERMINAL = """
from gatewise.callbacks import progress
import test_progress
progress._SECONDS_BEFORE_A_BAR = progress._SECONDS_BETWEEN_UPDATES = 0
test_progress.work("auto", epochs=2, steps=STEPS)
"""


@pytest.mark.parametrize(("steps", "shown"), [(3, "2/3"), (None, "2/?")])
def test_a_terminal_gets_a_bar_and_keeps_the_lines(steps, shown):
    import os
    import pty
    import subprocess
    import sys
    from pathlib import Path

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        [sys.executable, "-c", TERMINAL.replace("STEPS", str(steps))], stdout=theirs, env=environment
    )
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 4096):
            output += part
    except OSError:  # How Linux says that nobody has the terminal's other end.
        pass
    os.close(ours)
    assert child.wait(timeout=600) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output.decode())
    assert re.search(rf"Epoch 1/2 +\S+ +{re.escape(shown)} .*loss: 0.2500", text)
    assert "9.0000" not in text  # Validation inside is silent.
    kept = [line.split("\r")[-1] for line in text.split("\r\n")]
    assert [line.split(" - ")[0] for line in kept if "val_loss" in line] == ["Epoch 1/2", "Epoch 2/2"]


def test_words():
    assert progress.number("text") == "text"
    assert progress.number(-0.5) == "-0.5000"
    with pytest.raises(ValueError, match="count_mode: expected 'steps' or 'samples', got 'some'"):
        ProgbarLogger("some")
