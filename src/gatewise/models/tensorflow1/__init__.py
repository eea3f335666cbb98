"""TensorFlow 1: its cells' weights in our layers, and its frozen graphs, run on NumPy and the recurrent engine.

`weights.py`, arrays of cells as weights < `operators.py`, what an operator is here < `cells.py`, cells that are found
in a graph < `running.py`, the walk over nodes < `loops.py` < `model.py`, a graph as an object to call.
"""

from __future__ import annotations
