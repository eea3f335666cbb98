"""The orchestrator's end of a worker: ask, wait for the answer, wait until its threads sleep."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.peers import ROOT, System, variables

_SETTLE = 0.5  # Seconds that a worker's idle threads may go on spinning before the next worker starts anyway.


class Client:
    """One running worker."""

    def __init__(self, system: System, threads: int | None, log: Path) -> None:
        self.system = system
        self.settle_limit_hits = 0
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [str(system.python), "-m", system.worker],
            cwd=ROOT, env=variables(threads, system), text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        self.versions: dict[str, str] = {}

    def wait_loaded(self) -> None:
        """Wait until the system is imported; its versions are known from then on."""
        self.versions = self._read()["versions"]

    def ask(self, **question: Any) -> None:
        """Send a question, without waiting."""
        assert self._process.stdin is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        """The answer to the last question; a worker that died is an answer too."""
        try:
            return self._read()
        except RuntimeError as error:
            return {"failed": str(error)}

    def prepare(self, case: Case, expected: Path) -> None:
        """Ask for a case to be prepared and checked against the outputs in `expected`."""
        if self.alive:
            self.ask(do="prepare", case=case.as_dict(), expected=str(expected))

    def choose(self) -> dict[str, Any]:
        """Let the worker find its fastest way to run the case, alone on the machine; or take the system's only one."""
        self.settle()
        self.ask(do="choose", way=self.system.way)
        return self.answer()

    def first(self, case: Case) -> dict[str, Any]:
        """How long its first run of a case takes, compilation and all."""
        self.ask(do="first", case=case.as_dict())
        return self.answer()

    def memory(self, case: Case) -> dict[str, Any]:
        """Its memory between two runs of a case, and at most while it runs."""
        self.ask(do="memory", case=case.as_dict())
        return self.answer()

    def run(self, seconds: float) -> list[float]:
        """Samples of one round, nanoseconds a call; returns when no thread of the worker runs any more."""
        self.ask(do="run", seconds=seconds)
        samples = self.answer().get("samples", [])
        self.settle()
        return list(samples)

    def settle(self) -> None:
        """Wait until every thread of the worker sleeps: some spin for a while, on the next worker's core.

        Their waiting policy is left alone, so they keep what spinning gains them while they are measured.
        """
        limit = time.monotonic() + _SETTLE
        while self._running_threads():
            if time.monotonic() > limit:
                self.settle_limit_hits += 1
                return
            time.sleep(0.0005)

    def _running_threads(self) -> int:
        try:
            stats = [task.joinpath("stat").read_text() for task in Path(f"/proc/{self._process.pid}/task").iterdir()]
        except OSError:  # A thread ended while we looked, or there is no /proc here.
            return 0
        return sum(stat.rpartition(")")[2].split()[0] == "R" for stat in stats)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the worker, kindly first."""
        try:
            self.ask(do="stop")
            self._process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            tail = Path(self._log.name).read_text(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"the worker ended ({self._process.returncode}): {' '.join(tail)}")
        return dict(json.loads(line))


def run_in(system: System, arguments: list[str]) -> str:
    """What the system's Python prints, run with these arguments and the system's default threads."""
    command = [str(system.python), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=variables(None, system), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def start(systems: list[System], threads: int | None, logs: Path) -> list[Client]:
    """Start the workers together and wait until all have imported their system."""
    clients = [Client(system, threads, logs / f"{system.name}.log") for system in systems]
    ready = []
    for client in clients:
        try:
            client.wait_loaded()
            ready.append(client)
        except RuntimeError as error:
            print(f"{client.system.name} does not start: {error}", file=sys.stderr)
            client.stop()
    return ready
