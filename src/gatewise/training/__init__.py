"""Training: the data that it takes, the targets matched to outputs, the step, and the loop around it."""

from __future__ import annotations
