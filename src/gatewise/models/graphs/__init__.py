"""Running graphs of operators as they are: what ONNX and TFLite share.

`called.py`, a graph that is called with arrays by name; `operators.py`, what an operator is < `running.py`, the walk
over a graph < `model.py`, a graph as an object. The operators themselves stand in `models/onnx` and `models/tflite`.
"""

from __future__ import annotations
