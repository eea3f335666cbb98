"""`gatewise serve` as a process: it begins, is killed at any moment or stopped, and begins again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx2
import numpy as np
import pytest
from services import FEATURES, a_model, client, push, rows, waited_for, y_of


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    a_model().save(path)
    return path


@contextmanager
def serving(model_file, *options, token=None):
    """A process that serves; gives it and its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "gatewise", "serve", str(model_file), "--port", str(port), *map(str, options)]
    variables = {**os.environ, **({"GATEWISE_TOKEN": token} if token else {})}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables)
    try:
        waited_for(f"http://127.0.0.1:{port}")
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait()


def test_killed_in_the_middle_it_has_all_up_to_the_last_snapshot_that_was_acknowledged(model_file, tmp_path):
    """Numbered pushes, snapshots now and then, SIGKILL: what the client sends again from there on, it answers alike."""
    model = a_model()
    file = tmp_path / "streams.gw"
    options = ("--snapshot", file, "--snapshot-every", "50ms", "--new", "add")
    x = rows(30)
    wanted = {id_: model.stream().push_many(x) for id_ in ("a", 1)}
    acknowledged = {}
    with serving(model_file, *options) as (process, url), httpx2.Client(base_url=url) as talks:
        for k in range(25):
            for id_ in wanted:
                np.testing.assert_allclose(y_of(push(talks, id_, x[k], sequence=k + 1)), wanted[id_][k], atol=1e-6)
            if k == 12:
                assert talks.post("/snapshot").json()["streams"] == 2
                acknowledged = dict.fromkeys(wanted, k + 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(model_file, *options) as (process, url), httpx2.Client(base_url=url) as talks:
        for id_, least in acknowledged.items():
            at = talks.get(f"/streams/{id_}").json()["sequence"]
            assert least <= at <= 25
            again = push(talks, id_, x[at - 1], sequence=at).json()
            assert again["repeated"]
            np.testing.assert_allclose(again["y"], wanted[id_][at - 1], atol=1e-6)
            for k in range(at, 30):
                np.testing.assert_allclose(y_of(push(talks, id_, x[k], sequence=k + 1)), wanted[id_][k], atol=1e-6)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with client(model, snapshot=str(file)) as talks:
        for id_ in wanted:
            assert talks.get(f"/streams/{id_}").json()["sequence"] == 30


def test_stopped_it_finishes_what_it_began_and_needs_no_jax_and_no_silent_connections(model_file, tmp_path):
    """SIGTERM while a request is under way: it is answered, and what it pushed is in the snapshot."""
    file = tmp_path / "streams.gw"
    check = tmp_path / "sitecustomize.py"  # Says at the end what the process imported.
    check.write_text(
        "import atexit, sys\natexit.register(lambda: print('has jax:', 'jax' in sys.modules, flush=True))\n"
    )
    environment = os.environ.copy()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment.get("PYTHONPATH", "")])
    try:
        with serving(model_file, "--snapshot", file, "--new", "add", "--timeout", "1s", token="t") as (process, url):
            headers = {"authorization": "Bearer t"}
            assert httpx2.get(f"{url}/streams").status_code == 401
            assert httpx2.post(f"{url}/predict", json={"x": [[[0.0] * FEATURES]]}, headers=headers).status_code == 200
            host, port = url.removeprefix("http://").split(":")
            silent = socket.create_connection((host, int(port)))
            silent.settimeout(20)
            begin = time.monotonic()
            with pytest.raises(OSError, match=r"reset"):
                _read_until_closed(silent)
            assert time.monotonic() - begin > 0.9
            silent.close()
            with socket.create_connection((host, int(port))) as slow:
                body = b'{"x": [0, 0, 0]}'
                head = f"content-type: application/json\r\nauthorization: Bearer t\r\ncontent-length: {len(body)}\r\n"
                slow.sendall(f"POST /streams/a/push HTTP/1.1\r\nhost: a\r\n{head}\r\n".encode() + body[:5])
                time.sleep(0.2)
                process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
                slow.sendall(body[5:])
                assert slow.recv(100).startswith(b"HTTP/1.1 200")
            said = process.communicate(timeout=20)[0]
            assert "has jax: False" in said, said
    finally:
        os.environ.clear()
        os.environ.update(environment)
    with client(a_model(), snapshot=str(file)) as talks:
        assert talks.get("/streams").json()["ids"] == ["a"]


def _read_until_closed(connection):
    while connection.recv(100):
        pass
    raise ConnectionResetError("reset, or closed in order")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--max-wait", "soon"], 2, "expected a time such as 250us, 1ms"),
        (["--when-full", "drop"], 2, "expected 'error' or 'drop_least_recent'"),
        (["--snapshot-every", "1s"], 2, "there is no file to write"),
        (["--token-file", "/nowhere/token"], 1, "No such file"),
    ],
)
def test_what_cannot_be_is_said_before_it_begins(model_file, options, code, words):
    from click.testing import CliRunner

    from gatewise import cli

    done = CliRunner().invoke(cli.main, ["serve", str(model_file), *options])
    assert done.exit_code == code, done.output
    assert words in done.stderr
