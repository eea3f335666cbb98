"""Recorded models and layers, made again under the release that they came from."""

from __future__ import annotations

import json
from typing import Any

import golden_data
import jax
import numpy as np

import gatewise as gw
from gatewise.base.release import meaning

# float32: the project's promise. float64: what is left of 16 digits after a few steps of either system.
TOLERANCES = {"float32": 1e-5, "float64": 1e-12}


class Cases:
    """The cases of one file by their names."""

    def __init__(self, name: str) -> None:
        self.data = golden_data.data(name)
        self.lines = {line["id"]: line for line in self.data.lines}

    def build(self, line: dict[str, Any], config: Any = None) -> Any:
        """The model or layer that the case's config describes, with new weights."""
        gw.keras.backend.clear_session()
        with meaning(golden_data.release_of(line)):
            config = json.loads(json.dumps(config or line["config"]))
            if line["kind"] == "model":
                return gw.models.model_from_json(json.dumps(config))
            return gw.keras.layers.deserialize(config)

    def prepared(self, line: dict[str, Any], config: Any = None) -> Any:
        """The same, with the case's weights; a layer is built by a call, after which states are as new."""
        thing = self.build(line, config)
        first = next(call for call in line["calls"] if "inputs" in call)
        if not thing.built:
            thing(self.data.fill(first["inputs"]), **self.arguments(first))
            if getattr(thing, "stateful", False):
                thing.reset_states()
        thing.set_weights(self.data.fill(line["weights"]))
        return thing

    def arguments(self, call: dict[str, Any]) -> dict[str, Any]:
        """What the call was given beside its inputs."""
        kwargs = call.get("kwargs", {})
        return {key: value if isinstance(value, bool) else self.data.fill(value) for key, value in kwargs.items()}

    def run(self, line: dict[str, Any]) -> None:
        """Make the case's calls and resets, and hold each to what was recorded."""
        thing = self.prepared(line)
        for call in line["calls"]:
            if "reset" in call:
                thing.reset_states(**self.data.fill(call["reset"]))
            else:
                check(thing(self.data.fill(call["inputs"]), **self.arguments(call)), self.data.fill(call["outputs"]))

    def outputs_on_jax(self, line: dict[str, Any], thing: Any) -> list[Any]:
        """Each call's outputs under `jit`, as a pure function of the weights and the states before it."""
        with jax.enable_x64("float64" in json.dumps(line["config"])):
            function = jax.jit(lambda t, others, x, kwargs: thing.stateless_call(t, others, x, **kwargs))
            trainable = [v.numpy() for v in thing.trainable_variables]
            others = [v.numpy() for v in thing.non_trainable_variables]
            states = {id(v) for v in thing.state_variables}
            places = [i for i, v in enumerate(thing.non_trainable_variables) if id(v) in states]
            found = []
            for call in line["calls"]:
                if "reset" in call:
                    given = self.data.fill(call["reset"]).get("states")
                    for place, value in zip(places, given or [np.zeros_like(others[p]) for p in places], strict=True):
                        others[place] = value
                else:
                    kwargs = {k: v for k, v in self.arguments(call).items() if k != "training"}
                    outputs, new = function(trainable, others, self.data.fill(call["inputs"]), kwargs)
                    others = list(new)
                    found.append(jax.tree.map(np.asarray, outputs))
            return found


def check(found: Any, wanted: Any) -> None:
    """Equal structure, shape and dtype, and values within the tolerance of the dtype."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict)
        assert found.keys() == wanted.keys()
        for key in wanted:
            check(found[key], wanted[key])
    elif isinstance(wanted, list):
        assert isinstance(found, (list, tuple))
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            check(one, other)
    else:
        assert not isinstance(found, (list, tuple, dict))
        assert found.shape == wanted.shape
        assert found.dtype.name == wanted.dtype.name
        tolerance = TOLERANCES.get(wanted.dtype.name, 0)
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=tolerance, equal_nan=True)
