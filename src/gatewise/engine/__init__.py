"""The recurrence op and its executors."""

from __future__ import annotations

from gatewise.engine.limits import watch

watch()
