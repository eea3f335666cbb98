"""TFLite files, without its packages: graphs of operators over numbered tensors, in FlatBuffers.

`schema.py` says which field is what; `reading.py` makes plain graphs (`formats/graph.py`) of the bytes; `scale.py` is
what integers stand for, and `weights.py` finds the arrays in graphs that layers of Keras have.
"""

from __future__ import annotations
