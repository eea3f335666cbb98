"""Multi-head attention."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, ClassVar

from gatewise.arguments import (
    KEYWORD_IN_KERAS2,
    Argument,
    constraint,
    count,
    flag,
    initializer,
    integer,
    optional,
    positive,
    rate,
    regularizer,
    seed,
)
from gatewise.base.typing import Config, Shape
from gatewise.layer import Layer, registered
from gatewise.layers.attention.heads import ManyHeads
from gatewise.layers.attention.scores import window


def _sizes(value: Any) -> tuple[int, ...] | None:
    """One positive integer or several; None and an empty list are None."""
    if isinstance(value, (list, tuple)):
        return tuple(map(positive, value)) or None
    if isinstance(value, float):
        raise ValueError(f"expected one positive integer or several, got {value!r}.")
    return None if value is None else (positive(value),)


def _axes(value: Any) -> tuple[int, ...] | None:
    if isinstance(value, (list, tuple)):
        return tuple(map(integer, value)) or None
    return None if value is None else (integer(value),)


class OutputShape(Argument[Any, Any]):
    """The argument `output_shape`, which the attribute of that name does not show: that is every layer's own."""

    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else Layer.output_shape.fget(instance)  # type: ignore[attr-defined]

    def value_of(self, instance: object) -> Any:
        """What was given."""
        return vars(instance)[self.name]


@registered.register("MultiHeadAttention")
class MultiHeadAttention(ManyHeads):
    """Attention of several heads: softmax(Q K^T / sqrt(key_dim)) V for each, of inputs that each head projects.

    Called on a query (B, Tq, I), a value (B, Tk, J) and a key (B, Tk, K), which is the value where it is left out.
    Gives (B, Tq, I). Inputs may have several axes between B and the features.

    Args:
        num_heads, key_dim: how many heads, and the size of each for queries and keys.
        value_dim: the size of each for values; `key_dim` by default.
        dropout: the rate at which weights are dropped in training.
        use_bias: whether the projections have biases.
        output_shape: the sizes of the output's features; the query's by default.
        attention_axes: along which axes queries see keys; all but B and the features by default.
        sliding_window: a number of steps: a query sees keys that are less than this away alone, on either side; with
            `use_causal_mask` the last ones, itself counted, and then the layer streams.
        flash_attention: accepted: there is one way to compute this here. True refuses what Keras refuses with it.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: of each projection.
        use_gate: whether each head's sums are multiplied by sigmoid(query W + b), with weights of its own.
        seed: makes the dropout repeatable.
        softmax_robust_masking: tf_keras's: masked scores are replaced by a low number, where it adds that number.
        **kwargs: see `Layer`.

    Call arguments:
        query, value, key: see above.
        query_mask, value_mask, key_mask: (B, T), by default the masks that the inputs carry. Masked keys count for
            nothing. The query's travels on.
        attention_mask: (B, Tq, Tk), or with heads (B, N, Tq, Tk): True where a query may see a key.
        return_attention_scores: give the weights (B, N, Tq, Tk) too.
        training: whether to drop.
        use_causal_mask: let query t see the keys up to t alone.

    Source: Vaswani et al. (2017), https://arxiv.org/abs/1706.03762; the gate: Qiu et al. (2025),
    https://arxiv.org/abs/2505.06708.

    >>> import numpy as np
    >>> x = np.zeros((2, 5, 8))
    >>> MultiHeadAttention(num_heads=2, key_dim=4)(x, x, use_causal_mask=True).shape
    (2, 5, 8)
    """

    num_heads: Argument[int, int] = count()
    key_dim: Argument[int, int] = count()
    value_dim: Argument[Any, int | None] = Argument(default=None, parse=optional(positive))
    dropout: Argument[Any, float] = rate(0.0)
    use_bias: Argument[bool, bool] = flag(True)
    output_shape: Any = OutputShape(default=None, parse=_sizes)
    attention_axes: Argument[Any, Any] = Argument(default=None, parse=_axes)
    sliding_window: Argument[Any, int | None] = window(places=KEYWORD_IN_KERAS2)
    flash_attention: Argument[Any, bool | None] = Argument(
        default=None, parse=optional(bool), in_config=False, places=KEYWORD_IN_KERAS2
    )
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()
    kernel_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    use_gate: Argument[bool, bool] = flag(False, in_config=None, places=KEYWORD_IN_KERAS2)
    seed: Argument[Any, int | None] = seed(places=KEYWORD_IN_KERAS2)
    softmax_robust_masking: Argument[bool, bool] = flag(False, in_config=None, places={"keras3": None, "tf1": None})

    projections: ClassVar[dict[str, str]] = {
        "query": "query_dense",
        "key": "key_dense",
        "gate": "_gate_dense",
        "value": "value_dense",
        "attention_output": "output_dense",
    }

    private_in_keras2: ClassVar[frozenset[str]] = frozenset(("query_dense", "key_dense", "value_dense", "output_dense"))
    _query_dense, _key_dense, _value_dense, _output_dense = (
        property(attrgetter(name)) for name in ("query_dense", "key_dense", "value_dense", "output_dense")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.value_dim is None:
            self.value_dim = self.key_dim
        self.heads, self.head_size = self.num_heads, self.key_dim

    def build(self, query_shape: Shape, value_shape: Any = None, key_shape: Any = None) -> None:
        """Make the projections, for the shapes of the inputs; without a value's, the query's is that too."""
        query, value, key = self._checked(query_shape, value_shape, key_shape)
        self.attends_over = self._times(len(query))
        self._project("query", query, (self.num_heads, self.key_dim))
        self._project("key", key, (self.num_heads, self.key_dim))
        if self.use_gate:
            self._project("gate", query, (self.num_heads, self.value_dim), phi="sigmoid")
        self._project("value", value, (self.num_heads, self.value_dim))
        given = vars(self)["output_shape"] or query[-1:]
        self._project("attention_output", (*query[:-1], self.num_heads, self.value_dim), given, summed=2)

    def _times(self, rank: int) -> tuple[int, ...]:
        """The axes along which queries see keys, counted from the front."""
        axes = self.attention_axes or tuple(range(1, rank - 1))
        if any(not -rank <= axis < rank or axis % rank in (0, rank - 1) for axis in axes):
            raise ValueError(
                f"{self.label}: attention_axes={self.attention_axes} must name axes between the first and the last "
                f"of inputs of {rank} axes."
            )
        return tuple(axis % rank for axis in axes)

    @property
    def takes_masks_away(self) -> bool:
        """As in Keras 3, whose models were trained so: a residual x + attention(x, x) has no mask there."""
        return self._release == "keras3"

    def compute_output_shape(self, query_shape: Any, value_shape: Any = None, key_shape: Any = None) -> Shape:
        """(B, Tq, output_shape)."""
        query = super().compute_output_shape(query_shape, value_shape, key_shape)
        return (*query[:-1], *(vars(self)["output_shape"] or query[-1:]))

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """tf_keras keeps the shapes that the layer was built for among its arguments."""
        shapes = ("query_shape", "value_shape", "key_shape")
        return super().modernized({key: value for key, value in config.items() if key not in shapes})
