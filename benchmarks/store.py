"""Where results lie: `root/KIND/SET/*.json`, and `root/KIND/*.json` for what does not depend on the set.

KIND is the kind of machine (`machine.kind`), SET the set of instructions that ours used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.peers import ROOT

RESULTS = ROOT / "benchmarks" / "results"
ROUGH = ROOT / "build" / "benchmarks" / "results"  # For runs that are not whole.


def save(path: Path, results: dict[str, Any]) -> None:
    """Write results as JSON, in a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """What a folder's JSON files hold, by their names without the ending."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def pairs(root: Path) -> list[Path]:
    """The folders that hold the results of one machine and set."""
    return sorted({path.parent for path in root.glob("*/*/*.json")})
