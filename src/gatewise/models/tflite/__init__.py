"""Running TFLite models on NumPy and the recurrent engine.

`operators.py`, where operators are made known < a file a family of them < `known.py`, all of them. What runs a graph is
`models/graphs`.
"""

from __future__ import annotations
