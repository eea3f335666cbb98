"""Attention by the products of queries and keys, as they come."""

from __future__ import annotations

from typing import Any

from gatewise.activations import softmax
from gatewise.arguments import KEYWORD_IN_KERAS2, Argument, flag, one_of, rate, seed
from gatewise.base import structure
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layers.attention.scores import as_mask, both, seen_steps, window
from gatewise.random import SeedGenerator


@registered.register("Attention")
class Attention(Layer):
    """Sums of the values, weighted by the softmax of the scores of their keys: softmax(Q K^T) V.

    Called on a list [query (B, Tq, I), value (B, Tv, V), key (B, Tv, I)], or without the key, and then the values are
    the keys too. Gives (B, Tq, V).

    Args:
        use_scale: whether the scores are multiplied by a weight, `scale`, which starts as 1.
        score_mode: "dot", q . k, or "concat", w sum(tanh(q + k)) with a weight w = `concat_score_weight`, and then
            the scale stands inside the tanh.
        dropout: the rate at which weights are dropped in training.
        seed: makes the dropout repeatable.
        causal: TensorFlow's older word for `use_causal_mask`, for every call. Keras 3 has it not.
        sliding_window: a number of steps: a query sees keys that are less than this away alone, on either side; with
            a causal mask the last ones, itself counted, and then the layer streams. No Keras has it for this layer (it
            has for `MultiHeadAttention`); configs name it where it is set, and Keras refuses those.
        **kwargs: see `Layer`.

    Call arguments:
        mask: [query's (B, Tq), value's (B, Tv)], each an array or None. A masked value counts for nothing, and the
            output at a masked query is 0. The query's mask travels on.
        training: whether to drop.
        return_attention_scores: give the weights (B, Tq, Tv) too.
        use_causal_mask: let query t see the keys up to t alone.

    Raises:
        ValueError: for anything but a list of two or three arrays whose sizes fit.

    Source: Luong, Pham and Manning (2015), https://arxiv.org/abs/1508.04025.

    >>> import numpy as np
    >>> Attention()([np.zeros((2, 3, 8)), np.ones((2, 5, 8))]).shape
    (2, 3, 8)
    """

    use_scale: Argument[bool, bool] = flag(False)
    score_mode: Argument[Any, str] = Argument(default="dot", parse=one_of("dot", "concat"))
    dropout: Argument[Any, float] = rate(0.0, places=KEYWORD_IN_KERAS2)
    seed: Argument[Any, int | None] = seed(places=KEYWORD_IN_KERAS2)
    causal: Argument[bool, bool] = flag(False, kw_only=True, in_config=None)
    sliding_window: Argument[Any, int | None] = window(kw_only=True)

    supports_masking = True
    casts_integers = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeds = SeedGenerator(self.seed)

    def build(self, input_shape: Any) -> None:
        """Make the scale and the weight of the scores, where the arguments ask for them."""
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = (
            self.add_weight(name="concat_score_weight", shape=(), initializer="ones") if concat else None
        )

    def call(
        self,
        inputs: list[Array],
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """The sums; with `return_attention_scores` the weights too."""
        query, value, key = self._parts(inputs)
        query_mask, value_mask = self._masks(mask)
        scores = self._calculate_scores(query, key)
        seen = self._calculate_score_mask(scores, value_mask, use_causal_mask)
        y, weights = self._apply_scores(scores, value, seen, training)
        if query_mask is not None:
            xp = namespace(y)
            y = xp.where(as_mask(xp, query_mask)[..., None], y, xp.zeros_like(y))
        return (y, weights) if return_attention_scores else y

    # -- its parts, under the names by which programs' own layers replace them ----------------------------------------

    def _calculate_scores(self, query: Array, key: Array) -> Array:
        """(B, Tq, Tk)."""
        xp = namespace(query, key, self.scale.value if self.scale is not None else None)
        if self.score_mode == "dot":
            scores = xp.matmul(query, xp.swapaxes(key, -1, -2))
            return scores if self.scale is None else scores * self.scale.value
        sums = query[..., :, None, :] + key[..., None, :, :]
        assert self.concat_score_weight is not None
        sums = sums if self.scale is None else sums * self.scale.value
        return self.concat_score_weight.value * xp.sum(xp.tanh(sums), axis=-1)

    def _calculate_score_mask(self, scores: Array, v_mask: Any, use_causal_mask: bool) -> Array | None:
        """Which keys each query sees, of a shape that broadcasts to the scores'; None for all."""
        xp = namespace(scores)
        causal = use_causal_mask or self.causal
        seen = seen_steps(xp, *scores.shape[-2:], causal=causal, window=self.sliding_window)
        seen = None if seen is None else seen[None]
        return both(seen, None if v_mask is None else as_mask(xp, v_mask)[..., None, :])

    def _apply_scores(
        self, scores: Array, value: Array, scores_mask: Any = None, training: bool = False
    ) -> tuple[Array, Array]:
        """The sums (B, Tq, V) and their weights (B, Tq, Tk), over the keys that are seen."""
        xp = namespace(scores, value)
        if scores_mask is not None:  # As in Keras: a query that sees nothing weighs all keys by their scores, roughly.
            low = 65504.0 if scores.dtype.name == "float16" else 1e9
            scores = xp.where(as_mask(xp, scores_mask), scores, scores - low)
        weights = softmax(scores)
        if training and self.dropout:
            weights = weights * self._seeds.keep(xp, tuple(weights.shape), self.dropout, weights.dtype)
        return xp.matmul(weights, value), weights

    # -- what it is called with ---------------------------------------------------------------------------------------

    @staticmethod
    def _parts(inputs: Any) -> tuple[Any, Any, Any]:
        """Query, value and key, or their shapes."""
        query, value, *key = inputs
        return query, value, key[0] if key else value

    def _check(self, shapes: Any) -> None:
        if not isinstance(shapes, (list, tuple)) or structure.is_shape(shapes) or not 2 <= len(shapes) <= 3:
            one = not isinstance(shapes, (list, tuple)) or structure.is_shape(shapes)
            came = f"one array of the shape {shapes}" if one else f"{len(shapes)} arrays"
            raise ValueError(
                f"{self.label}: expected a list of inputs, [query, value] or [query, value, key], but {came} came."
            )
        query, value, key = self._parts([tuple(shape) for shape in shapes])
        if min(len(query), len(value), len(key)) < 2:
            raise ValueError(f"{self.label}: the inputs need axes for time and features, got the shapes {shapes}.")
        if _differ(query[-1], key[-1]):
            raise ValueError(
                f"{self.label}: a query and a key must have as many features, got {query[-1]} and {key[-1]}: "
                f"shapes {query} and {key}."
            )
        if _differ(value[-2], key[-2]):
            raise ValueError(f"{self.label}: there must be a value for each key, but the shapes are {value} and {key}.")

    def _masks(self, mask: Any) -> tuple[Any, Any]:
        """The query's mask and the value's, or None."""
        if mask is None:
            return None, None
        if not isinstance(mask, (list, tuple)) or not 2 <= len(mask) <= 3:
            came = f"{len(mask)} masks" if isinstance(mask, (list, tuple)) else "one mask"
            raise ValueError(f"{self.label}: expected a list of masks, [query_mask, value_mask], but {came} came.")
        return mask[0], mask[1]

    # -- what it gives ------------------------------------------------------------------------------------------------

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The query's."""
        return self._masks(mask)[0]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(B, Tq, V)."""
        query, value, _ = self._parts(input_shape)
        return (*query[:-1], value[-1])

    def _output_shapes(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        output = self.compute_output_shape(shapes)
        query, _, key = self._parts(shapes)
        return (output, (*query[:-1], key[-2])) if kwargs.get("return_attention_scores") else output


def _differ(first: int | None, second: int | None) -> bool:
    return first != second and None not in (first, second)
