"""A layer made of a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gatewise.base import structure
from gatewise.base.arrays import array_of, described, is_array
from gatewise.base.registry import find_custom_object, get_registered_name
from gatewise.base.typing import Config
from gatewise.layer import Layer, registered

Function = Callable[..., Any]


@registered.register("Lambda")
class Lambda(Layer):
    """Applies a function of arrays, written in your program: y = function(x).

    Args:
        function: takes the inputs (NumPy or JAX arrays), and `mask` and `training` where it names them.
        output_shape: the output's shape without the batch axis, or a function of the input's shape; by default found by
            a trial.
        mask: the output's mask, or a function of the inputs and their mask.
        arguments: more keyword arguments for the function.
        **kwargs: see `Layer`.

    A file is data: loading never runs code from it. A Lambda around a named function is saved as that name, and found
    again among the custom objects. One around a Python `lambda` cannot be saved; a file that holds one (Keras writes
    its bytecode) loads when the function is given under the layer's name: `custom_objects={"lambda_1": function}`.

    >>> import numpy as np
    >>> Lambda(lambda x: x * 2)(np.array([[1.0, 2.0]])).tolist()
    [[2.0, 4.0]]
    """

    moves_axes = True
    why_whole_sequence = "is not among the layers that are known to work one time step at a time"

    def __init__(
        self, function: Function, output_shape: Any = None, mask: Any = None, arguments: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{self.label}: function: expected a function of arrays, got {function!r}.")
        self.function = function
        self.mask = mask
        self.supports_masking = mask is not None
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        self._passes = [name for name in ("mask", "training") if name in _parameters(function)]

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        """Apply the function."""
        offered = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: offered[name] for name in self._passes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """What the argument `mask` says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """What the argument `output_shape` says, or the shape that the function gives for zeros."""
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = structure.flatten(input_shape, leaf=structure.is_shape)[0][0]
        return structure.map_structure(
            lambda shape: (batch, *((shape,) if isinstance(shape, int) else shape)),
            self._output_shape,
            leaf=structure.is_shape,
        )

    def get_config(self) -> Config:
        """The function's name, and the rest.

        Raises:
            ValueError: where the function has no name of its own.
        """
        config = super().get_config() | {"function": self._named(self.function), "arguments": self.arguments}
        for key, value in (("output_shape", self._output_shape), ("mask", self.mask)):
            if value is not None:
                plain = described(value) if is_array(value) else value
                config[key] = self._named(value) if callable(value) else plain
        return config

    def _named(self, function: Function) -> Config:
        name = get_registered_name(function)
        if name == "<lambda>":
            raise ValueError(
                f"{self.label} holds a Python lambda, which cannot be saved: a file is data, and holds no code. "
                "Make it a named function (def), and pass it in custom_objects when you load the file."
            )
        return {"module": function.__module__, "class_name": "function", "config": name, "registered_name": name}

    def __repr__(self) -> str:
        return f"Lambda({getattr(self.function, '__name__', self.function)!s}, name={self.name!r})"

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """The functions that the config names, from the custom objects.

        Raises:
            ValueError: a function that is not among them, or code.
        """
        config = super().modernized(config)
        label = f"Lambda {config.get('name')!r}"
        given = find_custom_object(str(config.get("name")))
        config["function"] = given or _found(label, config["function"], config.get("function_type"))
        for key in ("output_shape", "mask"):
            if key in config:
                config[key] = _found(label, config[key], config.get(f"{key}_type"))
        spent = ("function_type", "module", "output_shape_type", "output_shape_module", "mask_type", "mask_module")
        return {key: value for key, value in config.items() if key not in spent}


def _found(label: str, value: Any, kind: str | None) -> Any:
    """What a config's entry stands for: a function by its name, or a plain value."""
    if kind == "lambda" or (isinstance(value, dict) and value.get("class_name") == "__lambda__"):
        raise ValueError(
            f"{label} holds the bytecode of a Python lambda. A file is data: its code is never run. "
            f"Write the function in your program and pass it under the layer's name: "
            f"custom_objects={{{label.split(' ', 1)[1]}: function}}."
        )
    if isinstance(value, dict) and isinstance(value.get("config"), str):
        names = [value.get("registered_name"), value["config"]]
    elif kind == "function" and isinstance(value, str):
        names = [value]
    else:
        return array_of(value)
    for name in names:
        if isinstance(name, str) and (found := find_custom_object(name)) is not None:
            return found
    raise ValueError(
        f"{label} applies the function {names[-1]!r}, which the file only names. "
        f"Pass it: custom_objects={{{names[-1]!r}: {names[-1]}}}."
    )


def _parameters(function: Function) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some built-in functions do not say
        return frozenset()
