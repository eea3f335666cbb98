"""Ours as a service beside ONNX Runtime in the same frame: `python -m benchmarks.service`.

An LSTM of 32 units on 8 features with Dense(1), one row a push, raw float32, over HTTP and over WebSockets, on the
loopback. Each connection has a stream of its own and one push under way. Three services come in turn: `gatewise serve`;
starlette and uvicorn around `onnxruntime`, the states in a dict; and the same around nothing, which is what the frame
alone can do. Beside rates and times there is what a push costs the service's processor, which holds on a busy machine
too. First, both services must say of the same rows what our stream says.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, peers
from benchmarks.peers import OURS, ROOT
from benchmarks.serving import stream_model
from benchmarks.store import RESULTS, ROUGH, save
from benchmarks.workers.client import run_in

CONNECTIONS = (1, 64, 1000)
WAYS = ("http", "websocket")
GATEWISE, ONNX, FRAME = "gatewise serve", "ONNX Runtime in uvicorn", "uvicorn alone"
_ROUNDS = 3
_RULE = "| --- | ---: | --- | ---: | ---: | ---: | ---: |"
_TOLERANCE = 1e-5


def _models(folder: Path) -> Any:
    """The model, written for both services."""
    import gatewise

    model = stream_model(gatewise)
    model.save(folder / "model.keras")
    model.export(folder / "model.onnx", states=True)
    return model


def _commands(folder: Path) -> dict[str, list[str]]:
    """How each service starts; the port comes last."""
    ours = [sys.executable, "-m", "gatewise", "serve", str(folder / "model.keras"), "--log-level", "warning"]
    theirs = [str(peers.python_of("onnx-service")), "-m", "benchmarks.workers.service_onnx", str(folder / "model.onnx")]
    return {
        GATEWISE: [*ours, "--new", "add", "--port"],
        ONNX: theirs,
        FRAME: [sys.executable, "-m", "benchmarks.workers.service_frame"],
    }


@contextmanager
def _serving(command: list[str]) -> Iterator[tuple[int, int]]:
    """A service in a process of its own, for as long as the block lasts; gives its port and its id."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen([*command, str(port)], cwd=ROOT, env=variables)
    try:
        stop = time.monotonic() + 300
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > stop:
                raise RuntimeError(f"{command} did not begin")
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _processor_seconds(process: int) -> float:
    """What a process and its threads have used of the processor: no other program's work is in it."""
    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _check(name: str, port: int, model: Any) -> None:
    """Raise where a service says anything else of a stream than our stream does."""
    x = np.random.default_rng(5).standard_normal((20, 8), dtype=np.float32)
    wanted = model.stream().push_many(x)
    for row, y in zip(x, wanted, strict=True):
        address = f"http://127.0.0.1:{port}/streams/check/push"
        headers = {"content-type": "application/octet-stream"}
        with urllib.request.urlopen(urllib.request.Request(address, row.tobytes(), headers)) as answer:
            error = np.abs(np.frombuffer(answer.read(), np.float32) - y).max()
        if not error <= _TOLERANCE:
            raise RuntimeError(f"{name} is off by {error:.1e}")


def _round(command: list[str], name: str, model: Any, seconds: float) -> dict[tuple[str, int], dict[str, float]]:
    """All ways and numbers of connections of one service, in a fresh process."""
    found = {}
    with _serving(command) as (port, process):
        if name != FRAME:
            _check(name, port, model)
        for way in WAYS:
            for connections in CONNECTIONS:
                options = ["-m", "benchmarks.workers.load", str(port), way, str(connections), str(seconds)]
                before = _processor_seconds(process)
                one = json.loads(run_in(OURS, options))
                one["processor_us"] = 1e6 * (_processor_seconds(process) - before) / one.pop("answers")
                found[way, connections] = one
    return found


def measure(seconds: float, rounds: int) -> list[dict[str, Any]]:
    """The median of the rounds for each service, way and number of connections."""
    with tempfile.TemporaryDirectory() as folder:
        model = _models(Path(folder))
        commands = _commands(Path(folder))
        all_rounds = [
            {name: _round(command, name, model, seconds) for name, command in commands.items()} for _ in range(rounds)
        ]
    return [
        {
            "service": name,
            "way": way,
            "connections": connections,
            **{
                figure: statistics.median(one[name][way, connections][figure] for one in all_rounds)
                for figure in ("pushes_per_second", "p50_ms", "p99_ms", "processor_us")
            },
        }
        for way in WAYS
        for connections in CONNECTIONS
        for name in commands
    ]


def table(results: dict[str, Any]) -> list[str]:
    """The table in docs/serving.md."""
    lines = ["| | connections | service | pushes/s | p50 | p99 | processor |", _RULE]
    words = {"http": "HTTP", "websocket": "WebSocket"}
    for row in results["rows"]:
        lines.append(
            f"| {words[row['way']]} | {row['connections']:,} | {row['service']} | {row['pushes_per_second']:,.0f} | "
            f"{row['p50_ms']:.2f} ms | {row['p99_ms']:.2f} ms | {row['processor_us']:.0f} us |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: does everything run?")
    parser.add_argument("--output", type=Path, help="folder of the result; benchmarks/results for a full run")
    arguments = parser.parse_args()
    peers.ensure("onnx-service")
    machine.warn_if_busy()
    facts = machine.facts()
    rows = measure(1.0 if arguments.quick else 4.0, 1 if arguments.quick else _ROUNDS)
    results = {"machine": facts, "rows": rows}
    save((arguments.output or (ROUGH if arguments.quick else RESULTS)) / "service.json", results)
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
