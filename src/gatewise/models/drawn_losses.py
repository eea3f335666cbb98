"""Losses and metrics drawn on the tensors of a model: `model.add_loss(tensor)`, as Keras 2 has it.

They belong to training alone: `predict` and streams do not compute them, and files do not keep them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gatewise.base import structure
from gatewise.graph import Graph
from gatewise.layer import Layer
from gatewise.layer.penalties import Penalties
from gatewise.layer.symbolic import SymbolicTensor


class Drawn(NamedTuple):
    """A tensor whose mean is added to the loss, or, with a name, reported."""

    tensor: SymbolicTensor
    name: str | None = None


class DrawnLosses:
    """Those of one model, and a graph that leads to its outputs and to them.

    Args:
        graph: the model's own.
        drawn: all of them.
    """

    def __init__(self, graph: Graph, drawn: tuple[Drawn, ...]) -> None:
        self.own = graph
        self.drawn = drawn
        self.graph = Graph(graph.inputs, [graph.outputs, [each.tensor for each in drawn]], graph.label)

    def run(self, inputs: Any, mask: Any, kept: Penalties) -> Any:
        """The model's outputs; the values of what was drawn go to what is collected."""
        outputs, values = self.graph.run(inputs, mask)
        for each, value in zip(self.drawn, values, strict=True):
            if each.name is None:
                kept.losses.append(value)
            else:
                kept.reported[each.name] = value
        return outputs

    def layers(self) -> list[Layer]:
        """The layers with weights that only lead to a loss, which training must know."""
        own = {id(layer) for layer in self.own.layers}
        return [layer for layer in self.graph.layers if id(layer) not in own and layer.weights]


def of(graph: Graph, before: DrawnLosses | None, tensors: Any, name: str | None = None) -> DrawnLosses:
    """What was drawn before, and these too.

    Raises:
        ValueError: for a tensor that needs others than the model's inputs.
    """
    drawn = () if before is None else before.drawn
    return DrawnLosses(graph, (*drawn, *(Drawn(tensor, name) for tensor in structure.flatten(tensors))))
