"""The snippets of docs/cluster.md, which the other tests leave out where they need an engine."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"


def test_every_snippet_runs(local_ray, url, tmp_path):
    snippets = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(snippets) == 5
    names = {}
    for snippet in snippets:
        here = snippet.replace("redis://127.0.0.1:6379", url).replace('"/tmp/', f'"{tmp_path}/')
        exec(compile(here, str(PAGE), "exec"), names)
