"""Another optimizer for each part of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

import numpy as np

from gatewise.arguments import REQUIRED, Argument
from gatewise.base.typing import Config
from gatewise.base.variable import Variable, all_or_nothing
from gatewise.base.words import NOTHING
from gatewise.optimizers.loss_scale import LossScaleOptimizer
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import deserialize, registry, serialize


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Which optimizer changes which weight: by the weight's path, or a regular expression that matches all of it.

    Args:
        default_optimizer: for the weights that nothing else matches.
        optimizer_map: the others, by path or pattern.

    Raises:
        TypeError, ValueError: for what is no optimizer, a pattern that is there already, and, when a weight is looked
            up, where several patterns match.

    >>> from gatewise.optimizers import SGD, Adam
    >>> chosen = OptimizerMap(SGD(), {"encoder/.*": Adam()})
    >>> type(chosen["encoder/lstm/kernel"]).__name__, type(chosen["dense/kernel"]).__name__
    ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"OptimizerMap: default_optimizer must be an optimizer, got {default_optimizer!r}.")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"OptimizerMap: optimizer_map must be a dict, got {optimizer_map!r}.")
        self.default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Optimizer] = optimizer_map or {}

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"OptimizerMap: {key!r} is matched by {matching}: let one pattern match it.")
        return self._optimizer_map[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._optimizer_map:
            raise ValueError(f"OptimizerMap: {key!r} is there already, for {self._optimizer_map[key]!r}.")
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: a key must be a path or a pattern, got {key!r}.")
        self._optimizer_map[key] = _inner(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a weight."""
        return self[variable.path]

    def get_config(self) -> Config:
        """The optimizers' configs."""
        others = {key: serialize(optimizer) for key, optimizer in self.items()}
        return {"default_optimizer": serialize(self.default_optimizer), "optimizer_map": others}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> OptimizerMap:
        """Make the map that `get_config` described."""
        others = {key: deserialize(each, custom_objects) for key, each in config["optimizer_map"].items()}
        return cls(deserialize(config["default_optimizer"], custom_objects), others)


def _inner(optimizer: Any) -> Optimizer:
    """An optimizer that may be one of several.

    Raises:
        ValueError: for one that wraps others, and what is none.
    """
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"expected an optimizer for a weight, got {optimizer!r}.")
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(f"a {type(optimizer).__name__} cannot be one of several optimizers: wrap them all in it.")
    return optimizer


def _map(value: Any) -> Any:
    """An `OptimizerMap` of its config; a function as it is."""
    if isinstance(value, Mapping) and not isinstance(value, OptimizerMap) and "config" in value:
        return OptimizerMap.from_config(value["config"])
    return value


def _map_config(value: Any) -> Config:
    if not isinstance(value, OptimizerMap):
        raise ValueError(
            "MultiOptimizer: a function that chooses optimizers cannot be written to a config: use an OptimizerMap."
        )
    return {
        "module": "keras.optimizers", "class_name": "OptimizerMap", "config": value.get_config(),
        "registered_name": None,
    }  # fmt: skip


@registry.register("MultiOptimizer")
class MultiOptimizer(Optimizer):
    """Gives each weight's gradient to an optimizer of its own.

    Args:
        optimizer_map: an `OptimizerMap`, or a function that gives the optimizer of a variable.
        loss_scale_factor: that of all of them.
        name: by default "multi_optimizer".

    It has no `learning_rate`; each of `optimizers` has. Source: Keras 3.15.

    >>> from gatewise.optimizers import SGD
    >>> fast, slow = Variable(np.ones(2), name="fast"), Variable(np.ones(2), name="slow")
    >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {"slow": SGD(0.125)}))
    >>> optimizer.apply([np.ones(2), np.ones(2)], [fast, slow])
    >>> fast.numpy().tolist(), slow.numpy().tolist()
    ([0.5, 0.5], [0.875, 0.875])
    """

    optimizer_map: Argument[Any, Any] = Argument(default=REQUIRED, parse=_map, serialize=_map_config)

    _fixed: ClassVar[dict[str, Any]] = {
        name: value for name, value in LossScaleOptimizer._fixed.items() if name != "loss_scale_factor"
    }

    def __init__(self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None) -> None:
        self.optimizers: list[Optimizer] = []
        self._var_to_optimizer_idx: dict[int, int] = {}
        super().__init__(**{"optimizer_map": optimizer_map, "loss_scale_factor": loss_scale_factor, "name": name})
        if isinstance(self.optimizer_map, OptimizerMap):
            for each in (*self.optimizer_map.values(), self.optimizer_map.default_optimizer):
                self._place_of(each)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "loss_scale_factor":
            for each in self.optimizers:
                each.loss_scale_factor = self.loss_scale_factor

    def _place_of(self, optimizer: Optimizer) -> int:
        """The place of an optimizer among `optimizers`, where it now is."""
        for place, each in enumerate(self.optimizers):
            if each is optimizer:
                return place
        optimizer.loss_scale_factor = self.loss_scale_factor
        self.optimizers.append(optimizer)
        return len(self.optimizers) - 1

    def _take_learning_rate(self, rate: Any) -> None:
        if self._learning_rate is not None:
            text = f"{self.label} has no learning_rate: set it on each of its `optimizers`."
            raise AttributeError(text, name="learning_rate", obj=NOTHING)
        super()._take_learning_rate(rate)

    def _learning_rate_now(self) -> Any:
        text = f"{self.label} has no learning_rate: each of its `optimizers` has."
        raise AttributeError(text, name="learning_rate", obj=NOTHING)

    @property
    def variables(self) -> list[Variable]:
        """The count of steps, and the state of all optimizers."""
        return [*self._variables, *(variable for each in self.optimizers for variable in each.variables)]

    @property
    def averages(self) -> list[tuple[Variable, Variable]]:
        """Each weight with its moving average, where its optimizer keeps one."""
        return [pair for each in self.optimizers for pair in each.averages]

    @staticmethod
    def _var_key(variable: Variable) -> int:
        return id(variable)

    def _of_each(self, variables: Iterable[Variable]) -> list[list[int]]:
        """For each optimizer the places of its weights among these."""
        places: list[list[int]] = [[] for _ in self.optimizers]
        for place, variable in enumerate(variables):
            places[self._var_to_optimizer_idx[self._var_key(variable)]].append(place)
        return places

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        chosen = [self._place_of(_inner(self.optimizer_map(variable))) for variable in variables]
        self._var_to_optimizer_idx = dict(zip(map(self._var_key, variables), chosen, strict=True))
        for optimizer, places in zip(self.optimizers, self._of_each(variables), strict=True):
            if places:
                optimizer.build([variables[place] for place in places])
        super().build(variables)

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        gradients = list(grads)
        if not gradients:
            return
        weights = self._weights_for(gradients, trainable_variables)
        self._present(gradients, weights)
        with all_or_nothing(), np.errstate(all="ignore"):
            for optimizer, places in zip(self.optimizers, self._of_each(weights), strict=True):
                present = [place for place in places if gradients[place] is not None]
                if present:
                    optimizer.apply([gradients[place] for place in present], [weights[place] for place in present])
            self.assign_add(self._iterations, 1)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        weights = list(var_list)
        for optimizer, places in zip(self.optimizers, self._of_each(weights), strict=True):
            optimizer.finalize_variable_values([weights[place] for place in places])

    def get_config(self) -> Config:
        return {name: self._serialized(name) for name in ("optimizer_map", "loss_scale_factor", "name")}

    def __getstate__(self) -> dict[str, Any]:
        chosen = [self._var_to_optimizer_idx[id(variable)] for variable in self._trainable_variables]
        return {**super().__getstate__(), "_var_to_optimizer_idx": chosen}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        chosen = zip(map(id, self._trainable_variables), state["_var_to_optimizer_idx"], strict=True)
        self._var_to_optimizer_idx = dict(chosen)
