"""Run the tests that lean on JAX under both ends of the range of releases that the code names (`make test-jax`).

Each end has an environment of its own under .peers, with its JAX and optax and nothing else: pytest and Gatewise itself
come from the interpreter that runs this. What came out is kept in tests/jax_range.json, and a test holds that to the
range in the code.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from gatewise.engine import compiled

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tests" / "jax_range.json"
ROOMS = ("engine", "training", "recurrent", "optimizers")
OLDEST = ".".join(map(str, (*compiled.FIRST, 0)))
ENDS = {
    "oldest": (f"jax=={OLDEST}", f"jaxlib=={OLDEST}", "optax>=0.2.3,<1"),
    "newest": (f"jax{compiled.specifier()}", f"jaxlib{compiled.specifier()}", "optax>=0.2.3,<1"),
}
_VERSIONS = "import json, platform; from importlib.metadata import version as v; print(json.dumps({n: v(n) for n in \
('jax', 'jaxlib', 'optax', 'numpy')} | {'python': platform.python_version()}))"


def environment(end: str) -> Path:
    """The interpreter of an end's environment, made or brought up to date."""
    folder = ROOT / ".peers" / f"jax-{end}"
    python = folder / "bin" / "python"
    if not (folder / "pyvenv.cfg").is_file():
        venv.create(folder, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check"]
    subprocess.run([*install, *ENDS[end]], check=True)
    # Its own packages come first on the path, and those of this interpreter after them.
    own = next((folder / "lib").glob("python*")) / "site-packages" / "rest.pth"
    own.write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return python


def run(end: str) -> dict[str, str | int]:
    """The versions of an end and how many tests passed; exits where one did not."""
    python = environment(end)
    variables = {**os.environ, "JAX_PLATFORMS": "cpu"}
    versions = subprocess.run([str(python), "-c", _VERSIONS], capture_output=True, text=True, check=True, env=variables)
    found: dict[str, str | int] = json.loads(versions.stdout)
    print(f"== {end}: {found}", flush=True)
    tests = [f"tests/unit/{room}" for room in ROOMS]
    command = [
        str(python),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--ignore",
        "tests/unit/engine/test_jax_range.py",
    ]
    tested = subprocess.run([*command, *tests], capture_output=True, text=True, cwd=ROOT, env=variables, check=False)
    print(tested.stdout[-6000:], tested.stderr[-2000:], flush=True)
    passed = re.search(r"(\d+) passed", tested.stdout)
    if tested.returncode or passed is None:
        sys.exit(
            f"jax_range: the {end} end of the range fails: mend what fails, or move the range in engine/compiled.py"
        )
    return {**found, "passed": int(passed[1])}


def main() -> None:
    """Run the ends that are named, or both, and keep what came out."""
    kept = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    for end in sys.argv[1:] or ENDS:
        kept[end] = run(end)
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
