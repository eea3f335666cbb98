"""Running ONNX graphs on NumPy and the recurrent engine.

`operators.py`, what an operator is here < a file a family of them < `known.py`, all of them < `running.py`, the walk
over a graph < `model.py`, a graph as an object to call.
"""

from __future__ import annotations
