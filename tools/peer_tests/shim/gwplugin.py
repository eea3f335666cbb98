"""A pytest plugin: Keras's names mean Gatewise, and each test's outcome becomes a line of JSON in `$GW_RESULTS`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras_is_gatewise
import pytest
from keras_is_gatewise import MissingFeature, State

from gatewise.base.absent import AbsentError

keras_is_gatewise.install()

OUT = Path(os.environ.get("GW_RESULTS", "results.jsonl"))
MARKS = ("requires_trainable_backend", "requires_tensorflow_backend", "skipif_backend", "multi_device", "is_flaky")


def pytest_configure(config):
    for mark in MARKS:
        config.addinivalue_line("markers", f"{mark}: of Keras's own")
    if not hasattr(config, "workerinput"):
        OUT.write_text("")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    State.in_test, State.other_words = True, []
    try:
        return (yield)
    finally:
        State.in_test = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    report.user_properties = [("words", State.other_words), ("error", told(error))]
    return report


def told(error: BaseException | None) -> dict[str, str] | None:
    """What a report keeps of an exception."""
    if error is None:
        return None
    missing = isinstance(error, (MissingFeature, AbsentError)) or "Gatewise has no `" in str(error)
    return {"kind": type(error).__name__, "text": str(error)[:1500], "is": "missing" if missing else "differs"}


def pytest_runtest_logreport(report):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
        write(test=report.nodeid.removeprefix("t/"), outcome=report.outcome, **dict(report.user_properties))


def pytest_collectreport(report):
    if report.failed and not os.environ.get("PYTEST_XDIST_WORKER"):
        error = {"kind": "collect", "text": str(report.longrepr)[-1500:], "is": "missing"}
        write(test=report.nodeid.removeprefix("t/"), outcome="failed", words=[], error=error)


def write(**record):
    with OUT.open("a") as out:
        out.write(json.dumps(record) + "\n")
