"""Drawn models: inputs, the calls between them and the outputs, and the same as a config."""

from __future__ import annotations

from gatewise.graph.graph import Graph as Graph
from gatewise.graph.graph import Input as Input
from gatewise.graph.graph import InputLayer as InputLayer
from gatewise.graph.graph import WrongPartError as WrongPartError
