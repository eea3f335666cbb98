"""The fully connected layer over any axes, which an equation names."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from gatewise import arguments
from gatewise.activations import Activation, linear
from gatewise.arguments import (
    NO_ADAPTERS,
    Argument,
    absent,
    activation,
    constraint,
    initializer,
    optional,
    regularizer,
    text,
)
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec

_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)",
        r"\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)",
        r"([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.",
    )
)


class Equation(NamedTuple):
    """An equation's letters, and where its dots stand: "left", "right" or "".

    >>> Equation.read("...x,xy->...y")
    Equation(inputs='x', kernel='xy', outputs='y', dots='left')
    """

    inputs: str
    kernel: str
    outputs: str
    dots: str

    @classmethod
    def read(cls, equation: str) -> Equation:
        """Read one.

        Raises:
            ValueError: another form, or a letter of the kernel or the output that stands nowhere else.
        """
        spaceless = equation.replace(" ", "")
        for form, dots in zip(_FORMS, ("", "left", "right"), strict=True):
            if found := form.fullmatch(spaceless):
                read = cls(found[1], found[2], found[3], dots)
                break
        else:
            raise ValueError(
                f"expected an equation such as 'abc,cd->abd', '...c,cd->...d' or 'ab...,bc->ac...', got {equation!r}."
            )
        if lost := set(read.outputs) - set(read.inputs + read.kernel):
            raise ValueError(
                f"the letter {min(lost)!r} of the output stands neither in the input nor in the kernel: {equation!r}."
            )
        if lost := set(read.kernel) - set(read.inputs + read.outputs):
            raise ValueError(
                f"the letter {min(lost)!r} of the kernel stands neither in the input nor in the output: {equation!r}."
            )
        return read

    def output_shape(self, input_shape: Shape, given: Shape) -> Shape:
        """The output's shape for an input's: the batch axis, what the dots stand for, and the sizes given.

        Raises:
            ValueError: a number of axes, or a size, that does not fit.
        """
        dotted = len(input_shape) - len(self.inputs)
        if dotted < 0 or (dotted and not self.dots):
            raise ValueError(f"the input must have {len(self.inputs)} axes, but its shape is {input_shape}.")
        before = input_shape[1:dotted] if self.dots == "left" else ()
        after = input_shape[len(self.inputs) :] if self.dots == "right" else ()
        whole = (input_shape[0], *before, *given, *after)
        if len(whole) != len(self.outputs) + dotted:
            raise ValueError(f"the output {self.outputs!r} has another number of axes than output_shape={given}.")
        sizes = self._sizes(input_shape, self.inputs)
        for letter, size in self._sizes(whole, self.outputs).items():
            other = sizes.get(letter)
            if None not in (size, other) and size != other:
                raise ValueError(f"the axis {letter!r} has the size {other} in the input, and {size} in the output.")
        return whole

    def _sizes(self, shape: Shape, letters: str) -> dict[str, int | None]:
        own = shape[len(shape) - len(letters) :] if self.dots == "left" else shape[: len(letters)]
        return dict(zip(letters, own, strict=True))

    def kernel_shape(self, input_shape: Shape, output_shape: Shape) -> Shape:
        """The kernel's shape: what the output says, and else the input."""
        inputs, outputs = self._sizes(input_shape, self.inputs), self._sizes(output_shape, self.outputs)
        return tuple(outputs[letter] if letter in outputs else inputs[letter] for letter in self.kernel)

    def bias_shape(self, axes: str, input_shape: Shape, output_shape: Shape) -> Shape:
        """The bias's shape: from the first of its axes on, with 1 on those that it does not have.

        Raises:
            ValueError: an axis that the output lacks.
        """
        if lost := set(axes) - set(self.outputs):
            raise ValueError(f"the letter {min(lost)!r} of bias_axes is not in the output {self.outputs!r}.")
        sizes = self._sizes(output_shape, self.outputs)
        first = min(map(self.outputs.index, axes))
        dotted = len(input_shape) - len(self.inputs) if self.dots == "right" else 0
        return (*(sizes[letter] if letter in axes else 1 for letter in self.outputs[first:]), *(1,) * dotted)


@registered.register("EinsumDense")
class EinsumDense(Layer):
    """y = phi(einsum(equation, x, W) + b), phi = activation.

    Args:
        equation: of the input, the kernel and the output: "abc,cd->abd" is `Dense` on sequences. Three dots, on the
            left or on the right of input and output, stand for axes that stay as they are.
        output_shape: the output's sizes without the batch axis and the dots' axes; None where the input says it.
        activation: None for linear.
        bias_axes: the output's letters along which there is a bias; None for no bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: as in `Dense`.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: accepted as None.
        **kwargs: see `Layer`.

    Raises:
        ValueError: an equation of another form, or an input that does not fit it.

    >>> import numpy as np
    >>> EinsumDense("abc,cde->abde", output_shape=(None, 3, 4), bias_axes="de")(np.zeros((2, 5, 6))).shape
    (2, 5, 3, 4)
    """

    equation: Argument[str, str] = Argument(parse=text)
    output_shape: Argument[Any, Any] = Argument(parse=arguments.shape)
    activation: Argument[Any, Activation] = activation()
    bias_axes: Argument[str | None, str | None] = Argument(default=None, parse=optional(text))
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()
    kernel_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    lora_rank: Argument[None, None] = absent(NO_ADAPTERS, kw_only=True)
    lora_alpha: Argument[None, None] = absent(NO_ADAPTERS, kw_only=True)
    gptq_unpacked_column_size: Argument[None, None] = absent(NO_ADAPTERS, kw_only=True)
    quantization_config: Argument[None, None] = absent(NO_ADAPTERS, kw_only=True)

    casts_integers = True
    moves_axes = True

    def _read(self, input_shape: Any) -> tuple[Equation, Shape]:
        """The equation, and the output's shape for an input's."""
        try:
            equation = Equation.read(self.equation)
            return equation, equation.output_shape(tuple(input_shape), tuple(self.output_shape))
        except ValueError as error:
            raise ValueError(f"{self.label}: {error}") from None

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        equation, whole = self._read(input_shape)
        sizes = equation.kernel_shape(tuple(input_shape), whole)
        if None in sizes:
            raise ValueError(
                f"{self.label}: every axis of the kernel {equation.kernel!r} must have a known size, got {sizes}: "
                "give it in output_shape, or in the input's shape."
            )
        self.kernel = self._add_declared("kernel", sizes, initializer=self._initializer(equation))
        self.bias = None
        if self.bias_axes is not None:
            try:
                bias = equation.bias_shape(self.bias_axes, tuple(input_shape), whole)
            except ValueError as error:
                raise ValueError(f"{self.label}: {error}") from None
            self.bias = self._add_declared("bias", bias)
        self.input_spec = InputSpec(ndim=len(input_shape))

    def _initializer(self, equation: Equation) -> Any:
        """The kernel's initializer, told which axes are inputs and which outputs where it asks for that."""
        given = self.kernel_initializer
        if getattr(given, "input_axes", 0) is not None and getattr(given, "output_axes", 0) is not None:
            return given
        axes: dict[bool, list[int]] = {True: [], False: []}
        for place, letter in enumerate(equation.kernel):
            axes[letter in equation.outputs].append(place)
        return type(given).from_config({**given.get_config(), "input_axes": axes[False], "output_axes": axes[True]})

    def keeps_time_apart(self, rank: int) -> bool:
        """Whether axis 1 of an output with `rank` axes is axis 1 of the input, and no weight has it."""
        equation = Equation.read(self.equation)
        if equation.dots == "left" and rank - len(equation.outputs) >= 2:
            return True
        place = 1 - (rank - len(equation.outputs) if equation.dots == "left" else 0)
        letter = equation.inputs[place : place + 1]
        apart = letter not in equation.kernel and letter not in (self.bias_axes or "")
        return bool(letter) and apart and equation.outputs[place : place + 1] == letter

    def call(self, inputs: Array) -> Array:
        """phi(einsum(equation, x, W) + b)."""
        kernel = self.kernel.value
        y = namespace(inputs, kernel).einsum(self.equation, inputs, kernel, optimize=True)
        if self.bias is not None:
            y = y + self.bias.value
        return y if self.activation is linear else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The batch axis, what the dots stand for, and the sizes given."""
        equation, whole = self._read(input_shape)
        inputs = equation._sizes(tuple(input_shape), equation.inputs)
        start = len(whole) - len(equation.outputs) if equation.dots == "left" else 0
        letters = {start + place: letter for place, letter in enumerate(equation.outputs)}
        return tuple(inputs.get(letters.get(axis, "")) if size is None else size for axis, size in enumerate(whole))
