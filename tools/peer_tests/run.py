"""Runs Keras's own tests against Gatewise (`make peer-tests`), and counts: passed, differs, missing, left out, skipped.

    python tools/peer_tests/run.py                    all folders; writes the table into docs/peer-tests.md
    python tools/peer_tests/run.py layers/rnn losses  some folders; prints alone

The tests come from Keras's source archive on the package index, into `.peers/tests`, and are run from there; nothing of
them is kept in this repository. `shim/` lets them find Gatewise under Keras's names.
"""

from __future__ import annotations

import argparse
import collections
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / ".peers" / "tests"
PAGE = ROOT / "docs" / "peer-tests.md"
KERAS = "keras-3.15.1"
FOLDERS = (
    *("layers/rnn", "layers/core", "layers/activations", "layers/merging", "layers/pooling", "layers/reshaping"),
    *("layers/regularization", "layers/normalization", "layers/attention", "layers/convolutional"),
    "layers/layer_test.py",
    *("models", "activations", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers"),
    "callbacks",
)
OUTCOMES = ("passed", "differs", "missing", "left out", "skipped")


def fetch() -> None:
    """Unpack Keras's archive, and lay its tests apart, where no Keras stands beside them."""
    source = WORK / KERAS / "keras" / "src"
    if not source.is_dir():
        WORK.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        wanted = KERAS.replace("-", "==")
        subprocess.run([*pip, "--no-binary", ":all:", "--dest", str(WORK), wanted], check=True)
        with tarfile.open(WORK / f"{KERAS}.tar.gz") as archive:
            archive.extractall(WORK, filter="data")
    shutil.rmtree(WORK / "k3", ignore_errors=True)
    for folder in FOLDERS:
        place = source / folder
        for test in sorted(place.rglob("*_test.py")) if place.is_dir() else [place]:
            copy = WORK / "k3" / "t" / test.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(test, copy)
    (WORK / "k3" / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")


def run(folders: list[str], workers: str) -> list[dict]:
    """Each test's record, as the plugin writes them."""
    results = WORK / "results.jsonl"
    paths = os.pathsep.join([str(HERE / "shim"), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    variables = {
        "PYTHONPATH": paths.rstrip(os.pathsep),
        "PYTHONDONTWRITEBYTECODE": "1",
        "KERAS_TESTS": str(WORK / "k3"),
        "GW_RESULTS": str(results),
        "JAX_PLATFORMS": "cpu",
    }
    options = ["-p", "gwplugin", "--import-mode=importlib", "--continue-on-collection-errors", "--tb=no", "-q"]
    command = [sys.executable, "-m", "pytest", *options, "--timeout=600", "--numprocesses", workers]
    tests = [f"t/{folder}" for folder in folders]
    with (WORK / "log.txt").open("w") as log:
        subprocess.run(
            [*command, "--dist", "loadfile", *tests],
            cwd=WORK / "k3",
            env={**os.environ, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return [json.loads(line) for line in results.read_text().splitlines()]


def left_out() -> dict[str, str]:
    """Why a test is not counted, by its name, which may be a pattern."""
    lines = (HERE / "left_out.txt").read_text().splitlines()
    pairs = (line.split(" | ", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): reason.strip() for name, reason in pairs}


def judged(record: dict, apart: dict[str, str]) -> str:
    """What is said of a test."""
    if record["outcome"] in ("passed", "skipped"):
        return record["outcome"]
    if any(fnmatch.fnmatchcase(record["test"], pattern.replace("[", "[[]")) for pattern in apart):
        return "left out"
    return record["error"]["is"]


def table(records: list[dict], apart: dict[str, str]) -> str:
    """The counts by folder, as Markdown."""
    counts: dict[str, collections.Counter] = {}
    for record in records:
        folder = max((each for each in FOLDERS if record["test"].startswith((f"{each}/", f"{each}::"))), key=len)
        counts.setdefault(folder, collections.Counter())[judged(record, apart)] += 1
    rows = ["| folder | " + " | ".join(OUTCOMES) + " | of those about behaviour |", "| --- |" + " ---: |" * 6]
    whole = sum(counts.values(), collections.Counter())
    for folder, count in [*((f, counts[f]) for f in FOLDERS if f in counts), ("**all**", whole)]:
        asked = count["passed"] + count["differs"] + count["missing"]
        share = f"{100 * count['passed'] / asked:.1f} %" if asked else ""
        cells = " | ".join(str(count[each] or "") for each in OUTCOMES)
        rows.append(f"| {folder} | {cells} | {share} |")
    return "\n".join(rows)


def told(records: list[dict], apart: dict[str, str]) -> str:
    """Each test that does not pass, with the beginning of why."""
    lines = []
    for record in sorted(records, key=lambda each: each["test"]):
        what = judged(record, apart)
        if what in ("differs", "missing"):
            text = re.sub(r"\s+", " ", record["error"]["text"])[:160]
            lines.append(f"{what}: {record['test']}: {record['error']['kind']}: {text}")
    return "\n".join(lines)


def stale(records: list[dict], apart: dict[str, str]) -> list[str]:
    """The lines of `left_out.txt` that no failing test needs."""
    failing = [record["test"] for record in records if record["outcome"] == "failed"]
    tried = {record["test"].split("::")[0] for record in records}
    return [
        pattern
        for pattern in apart
        if fnmatch.filter(tried, pattern.split("::")[0])
        and not any(fnmatch.fnmatchcase(test, pattern.replace("[", "[[]")) for test in failing)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Keras's own tests, run against Gatewise.")
    parser.add_argument("folders", nargs="*", help=f"some of: {', '.join(FOLDERS)}; by default all")
    parser.add_argument("--workers", default="auto", help="how many processes, as pytest-xdist takes it")
    parser.add_argument("--words", action="store_true", help="print where a refusal has other words than Keras's")
    arguments = parser.parse_args()
    fetch()
    records = run(arguments.folders or list(FOLDERS), arguments.workers)
    apart = left_out()
    print(told(records, apart))
    if arguments.words:
        print("\n".join(f"words: {record['test']}: {each}" for record in records for each in record["words"]))
    counts = table(records, apart)
    print(counts)
    for pattern in stale(records, apart):
        print(f"left_out.txt: nothing fails that {pattern!r} names.")
    if not arguments.folders:
        before, rest = PAGE.read_text().split("<!-- table -->")
        after = rest.split("<!-- end -->")[1]
        PAGE.write_text(f"{before}<!-- table -->\n{counts}\n<!-- end -->{after}")
    return 1 if stale(records, apart) else 0


if __name__ == "__main__":
    sys.exit(main())
