"""Attention whose keys and values serve several heads each."""

from __future__ import annotations

from typing import Any, ClassVar

from gatewise.arguments import Argument, constraint, count, flag, initializer, optional, rate, regularizer, seed
from gatewise.base.typing import Shape
from gatewise.layer import registered
from gatewise.layers.attention.heads import ManyHeads
from gatewise.layers.attention.scores import window


@registered.register("GroupQueryAttention", "GroupedQueryAttention")
class GroupedQueryAttention(ManyHeads):
    """Multi-head attention with fewer heads of keys and values than of queries: each serves a group of them.

    Called on a query (B, Tq, I), a value (B, Tk, I) and a key (B, Tk, K), which is the value where it is left out.
    Gives (B, Tq, I). `GroupQueryAttention` is its public name in Keras 3; Keras 2 has it not.

    Args:
        head_dim: the size of each head.
        num_query_heads: how many heads queries have; a multiple of the next.
        num_key_value_heads: how many heads keys and values have.
        dropout, use_bias, sliding_window, flash_attention, use_gate, seed and those of the weights: as for
            `MultiHeadAttention`, which says how it is called too.
        **kwargs: see `Layer`.

    Source: Ainslie et al. (2023), https://arxiv.org/abs/2305.13245.

    >>> import numpy as np
    >>> x = np.zeros((2, 5, 8))
    >>> GroupedQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(x, x).shape
    (2, 5, 8)
    """

    head_dim: Argument[int, int] = count()
    num_query_heads: Argument[int, int] = count()
    num_key_value_heads: Argument[int, int] = count()
    dropout: Argument[Any, float] = rate(0.0)
    use_bias: Argument[bool, bool] = flag(True)
    sliding_window: Argument[Any, int | None] = window()
    flash_attention: Argument[Any, bool | None] = Argument(default=None, parse=optional(bool), in_config=False)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()
    kernel_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    use_gate: Argument[bool, bool] = flag(False, in_config=None)
    seed: Argument[Any, int | None] = seed()

    projections: ClassVar[dict[str, str]] = {
        "query": "_query_dense",
        "key": "_key_dense",
        "gate": "_gate_dense",
        "value": "_value_dense",
        "attention_output": "_output_dense",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                f"{self.label}: num_query_heads must be a multiple of num_key_value_heads, got "
                f"{self.num_query_heads} and {self.num_key_value_heads}."
            )
        self.heads, self.head_size = self.num_query_heads, self.head_dim

    def build(self, query_shape: Shape, value_shape: Any = None, key_shape: Any = None) -> None:
        """Make the projections, for the shapes of the inputs; without a value's, the query's is that too."""
        query, value, key = self._checked(query_shape, value_shape, key_shape)
        of_query, of_key = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        self._project("query", query, of_query)
        self._project("key", key, of_key)
        if self.use_gate:
            self._project("gate", query, of_query, phi="sigmoid")
        self._project("value", value, of_key)
        features = query[-1]
        assert features is not None
        self._project("attention_output", (*query[:-1], *of_query), (features,), summed=2)

    def _checked(self, query: Any, value: Any, key: Any) -> tuple[Shape, Shape, Shape]:
        query, value, key = super()._checked(query, value, key)
        if len(query) != 3:
            raise ValueError(f"{self.label}: the inputs must have the axes (B, T, features), got the shape {query}.")
        if None not in (query[-1], value[-1]) and query[-1] != value[-1]:
            raise ValueError(
                f"{self.label}: a query and a value must have as many features, got {query[-1]} and {value[-1]}: "
                f"shapes {query} and {value}."
            )
        return query, value, key
