"""ONNX files, without the library: a graph of nodes over named values, in Protocol Buffers.

`writing.py` makes the bytes of one; `reading.py` makes plain objects of the bytes, and `graph.py` says what these are.
"""

from __future__ import annotations
