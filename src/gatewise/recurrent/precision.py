"""The precision of a recurrent layer's products: the layer's argument, and the attribute of what holds such layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gatewise.arguments import Argument

if TYPE_CHECKING:
    from gatewise.layer import Layer

PRECISIONS: Final = ("float32", "bfloat16")


class Precision(Argument[Any, str]):
    """The argument `precision`: "bfloat16", or None for the layer's dtype, as which it then reads."""

    def __init__(self) -> None:
        super().__init__(default=None, kw_only=True, in_config=None)

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        kept = super().__get__(instance, owner)
        return instance.__dict__["dtype"] if kept is None else kept

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, self.fitting(instance, value))

    def written(self, value: Any) -> bool:
        """Keras has no such argument: its configs stay as they are where nobody asks for bfloat16."""
        return bool(value == "bfloat16")

    @staticmethod
    def fitting(layer: Any, value: Any) -> str | None:
        """What `layer` keeps for `value`; ValueError where they do not fit."""
        dtype = vars(layer).get("dtype", "float32")
        if value is None or (isinstance(value, str) and value == dtype):
            return None
        label = layer.label if vars(layer).get("name") else type(layer).__name__
        check(label, value)
        if dtype != "float32":
            raise unfit(label, dtype, value)
        return "bfloat16"


def rounds_products(layer: Any) -> bool:
    """Whether the products of a float32 layer are to be made in bfloat16. (A layer whose dtype is bfloat16 computes in
    it throughout.)

    >>> from gatewise.recurrent import LSTM
    >>> rounds_products(LSTM(2, precision="bfloat16")), rounds_products(LSTM(2, dtype="bfloat16"))
    (True, False)
    """
    return bool(vars(layer)["precision"] == "bfloat16")


def check(label: str, value: Any) -> None:
    """Raise ValueError for what is no precision."""
    if value is not None and (not isinstance(value, str) or value not in PRECISIONS):
        raise ValueError(f"{label}: precision: expected 'float32', 'bfloat16' or None, got {value!r}.")


def unfit(label: str, dtype: str, value: str) -> ValueError:
    """The error for a layer that is not one of float32."""
    return ValueError(
        f"{label} computes in {dtype}, but precision={value!r} is for layers in float32: make this one with "
        "dtype='float32', or leave its precision at None and set that of the others."
    )


class PrecisionOfLayers:
    """The attribute `precision` of a model or a wrapper: that of all recurrent layers inside, however deep.

    It reads as "float32", "bfloat16", or "mixed" where they differ. Setting it sets all of them, or none where one
    cannot take it.
    """

    def __get__(self, holder: Any, owner: type) -> Any:
        if holder is None:
            return self
        if (own := vars(holder).get("precision", self)) is not self:
            return own
        found = {layer.precision for layer in _recurrent(holder)}
        return "mixed" if len(found) > 1 else found.pop() if found else holder.dtype

    def __set__(self, holder: Any, value: Any) -> None:
        if not isinstance(value, (str, type(None))) and not type(holder).__module__.startswith("gatewise."):
            vars(holder)["precision"] = value  # A program's own class may keep a metric under this name.
            return
        vars(holder).pop("precision", None)
        if value is None and "_variables" not in vars(holder):
            return  # Before its constructor has run, such a class has no layers.
        check(holder.label, value)
        layers = _recurrent(holder)
        if not layers and value not in (None, holder.dtype):
            raise ValueError(
                f"{holder.label} has no LSTM, GRU or SimpleRNN to compute in {value}; other layers always compute in "
                "their dtype. Add such a layer first, or leave the precision alone."
            )
        for layer in layers:
            Precision.fitting(layer, value)
        for layer in layers:
            layer.precision = value


def _recurrent(holder: Layer) -> list[Any]:
    """The layers inside that have a precision of their own."""
    return [layer for layer in holder._walk() if isinstance(layer._arguments.get("precision"), Precision)]
