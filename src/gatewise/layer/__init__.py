"""The base of all layers."""

from __future__ import annotations

from gatewise.layer.building import building as building
from gatewise.layer.calls import inside_a_call as inside_a_call
from gatewise.layer.layer import Layer as Layer
from gatewise.layer.layer import as_tensor as as_tensor
from gatewise.layer.layer import registered as registered
