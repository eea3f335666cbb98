"""Layers that have a time axis of their own, even where their input has not the model's.

Those that need a whole sequence and otherwise work have no rule: the fact `why_whole_sequence` says it.
"""

from __future__ import annotations

from typing import Any

from gatewise.layers import Bidirectional, RepeatVector
from gatewise.streaming.rules.base import Rule, rule


@rule(Bidirectional, RepeatVector)
class OwnSequence(Rule):
    """A layer that never streams."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses."""
        raise self.refuse(self.layer.why_whole_sequence)
