"""The programs are run, not imported."""

from __future__ import annotations

collect_ignore = ["unchanged"]
