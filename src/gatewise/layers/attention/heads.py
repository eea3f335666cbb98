"""What attention with many heads shares: projections, masks, and sums head by head."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any, ClassVar, Final, cast

from gatewise.activations import softmax
from gatewise.base import masks, release
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.config import config as settings
from gatewise.layer import Layer
from gatewise.layers.attention.projection import Projection
from gatewise.layers.attention.scores import as_mask, both, lowest, seen_steps, softmax_of_seen
from gatewise.random import SeedGenerator


class ManyHeads(Layer):
    """The base: query, key and value are projected, attention runs for each head, and its outputs are projected.

    A key and a value may serve several heads of the query. In Keras 3 a query that sees nothing gets zeros where the
    weights are asked for or dropout may act, and else equal weights for all keys; in Keras 2 always the latter. A
    layer follows the generation that it was made in (`gatewise.base.release`).
    """

    supports_masking = True
    casts_integers = True

    projections: ClassVar[dict[str, str]]
    """The names of the attributes that hold the projections, as files of Keras 3 have them."""
    softmax_robust_masking = cast("Any", False)  # Not annotated: these are no arguments here.
    dropout = use_bias = use_gate = sliding_window = flash_attention = seed = cast("Any", None)
    heads = head_size = 0
    """How many heads the query has, and the size of a query's and a key's head."""
    attends_over = cast("tuple[int, ...]", (1,))
    """The axes of time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()
        self._seeds = SeedGenerator(self.seed)
        self.regularizes_inside = self._release == "keras3"
        self._flash_attention = self.flash_attention or settings.flash_attention
        if self._flash_attention and self.dropout:
            raise ValueError(f"{self.label}: flash_attention=True goes with dropout=0.0 alone, got {self.dropout}.")

    # -- weights ------------------------------------------------------------------------------------------------------

    def projected(self, role: str, x: Array) -> Array:
        """What a projection ("query", "key", "value", "gate", "attention_output") gives for `x`."""
        return getattr(self, self.projections[role])(x)

    def _project(self, role: str, shape: Shape, given: Sequence[Any], summed: int = 1, phi: Any = None) -> None:
        """Make one of the projections, and build it for inputs of `shape`."""
        shared = {word: getattr(self, word) for word in _OF_WEIGHTS}
        layer = Projection(given, summed, phi, self.use_bias, **shared, name=role, dtype=self.dtype)
        if not self.trainable:
            layer.trainable = False
        layer.build(shape)
        setattr(self, self.projections[role], layer)

    # -- the call -----------------------------------------------------------------------------------------------------

    def call(  # type: ignore[override]
        self,
        query: Array,
        value: Array,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """The projected sums; with `return_attention_scores` the weights too."""
        if return_attention_scores and self._flash_attention:
            raise ValueError(f"{self.label}: flash_attention=True keeps no scores that could be returned.")
        key = value if key is None else key
        xp = namespace(query, value, key, self._any_kernel)
        seen = self._seen(xp, query, value, (query_mask, value_mask, key_mask), attention_mask, use_causal_mask)
        if self.takes_masks_away:
            for each in (query, value, key):
                masks.attach(each, None)
        q, k, v = (self.projected(*pair) for pair in (("query", query), ("key", key), ("value", value)))
        asked = {"return_attention_scores": True} if return_attention_scores else {}  # tf_keras's does not take it.
        y, weights = self._compute_attention(q, k, v, seen, training, **asked)
        y = self.given_out(query, y)
        return (y, weights) if return_attention_scores else y

    @property
    def takes_masks_away(self) -> bool:
        """Whether the inputs lose their masks in the call: to others that read them later they have none."""
        return False

    @property
    def _any_kernel(self) -> Any:
        return getattr(self, self.projections["query"]).kernel.value

    def given_out(self, query: Array, y: Array) -> Array:
        """The sums (B, Tq, N, V) of the heads, through the gate if there is one, as the output."""
        return self.projected("attention_output", y * self.projected("gate", query) if self.use_gate else y)

    def _seen(
        self, xp: Any, query: Array, value: Array, carried: tuple[Any, Any, Any], given: Any, causal: bool
    ) -> Array | None:
        """Which keys each query sees, (B, Tq, Tk) or what broadcasts to it; None for all."""
        query_mask, value_mask, key_mask = (as_mask(xp, mask) for mask in carried)
        seen = seen_steps(xp, query.shape[1], value.shape[1], causal=causal, window=self.sliding_window)
        seen = None if seen is None else seen[None]
        seen = both(seen, None if query_mask is None else query_mask[..., :, None])
        for mask in (value_mask, key_mask):
            seen = both(seen, None if mask is None else mask[..., None, :])
        return both(as_mask(xp, given), seen)

    def _compute_attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        attention_mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
    ) -> tuple[Array, Array]:
        """The sums of projected values (B, Tq, N, V), and their weights (B, N, Tq, Tk). Programs' own layers replace it
        under this name.

        Args:
            query, key, value: projected: (B, T, heads, size), with more axes of time, or of other things, before the
                heads.
            attention_mask: which keys each query sees; its axes are B, maybe heads, Tq and Tk.
            training: whether to drop weights.
            return_attention_scores: whether the weights are asked for.
        """
        xp, axes = namespace(query, key, value), self.attends_over
        order = _heads_first(query.ndim, axes)
        q, k, v = (xp.permute_dims(x, order) for x in (query, key, value))
        *front, heads = q.shape[: q.ndim - 1 - len(axes)]
        times = q.shape[len(front) + 1 : -1], k.shape[len(front) + 1 : -1]
        q, k, v = (_flat(xp, x, len(front)) for x in (q, k, v))
        scores = _grouped_matmul(xp, q * (1 / sqrt(self.head_size)), xp.swapaxes(k, -1, -2))
        seen = as_mask(xp, attention_mask)
        if seen is not None:
            seen = self._spread(xp, seen, (*front, heads, *times[0], *times[1]), scores.shape)
        weights = self._weights(xp, scores, seen, zeros=return_attention_scores or bool(self.dropout))
        kept = weights
        if training and self.dropout:
            weights = weights * self._seeds.keep(xp, tuple(weights.shape), self.dropout, weights.dtype)
        y = _grouped_matmul(xp, weights, v)
        y = xp.reshape(y, (*front, heads, *times[0], y.shape[-1]))
        back = tuple(order.index(axis) for axis in range(len(order)))
        return xp.permute_dims(y, back), xp.reshape(kept, (*front, heads, *times[0], *times[1]))

    def _weights(self, xp: Any, scores: Array, seen: Array | None, *, zeros: bool) -> Array:
        """The softmax of what is seen; `zeros` says whether Keras 3 has them where nothing is."""
        if self._release == "keras3" or self.softmax_robust_masking or seen is None:
            return softmax_of_seen(xp, scores, seen, unseen_is_zero=zeros and self._release == "keras3")
        low = xp.asarray(lowest(scores.dtype), dtype=scores.dtype)  # Keras 2 adds it.
        return softmax(xp.where(seen, scores, scores + low))

    def _spread(self, xp: Any, seen: Array, wide: tuple[int, ...], flat: tuple[int, ...]) -> Array:
        """What is seen, in the shape of the scores: axes that it lacks stand before those of time."""
        times = 2 * len(self.attends_over)
        if not times <= seen.ndim <= len(wide):
            raise ValueError(
                f"{self.label}: a mask of the shape {tuple(seen.shape)} does not fit scores of the shape {wide}."
            )
        shape = (*seen.shape[:-times], *(1,) * (len(wide) - seen.ndim), *seen.shape[-times:])
        try:
            return xp.reshape(xp.broadcast_to(xp.reshape(seen, shape), wide), flat)
        except ValueError:
            raise ValueError(
                f"{self.label}: a mask of the shape {tuple(seen.shape)} does not fit scores of the shape {wide}."
            ) from None

    # -- shapes -------------------------------------------------------------------------------------------------------

    def _checked(self, query: Any, value: Any, key: Any) -> tuple[Shape, Shape, Shape]:
        """The three shapes, which fit; without a key the value is the key, and without a value the query."""
        try:
            query = tuple(query)
            value = query if value is None else tuple(value)
            key = value if key is None else tuple(key)
        except TypeError:
            raise ValueError(f"{self.label}: expected three shapes, got {query!r}, {value!r} and {key!r}.") from None
        if not len(query) == len(value) == len(key) or len(query) < 3:
            raise ValueError(
                f"{self.label}: query, value and key must each have the axes (B, T, features), or all of them the "
                f"same further ones, got the shapes {query}, {value} and {key}."
            )
        if any(a != b for a, b in zip(value[1:-1], key[1:-1], strict=True) if None not in (a, b)):
            raise ValueError(f"{self.label}: there must be a value for each key, but the shapes are {value} and {key}.")
        return query, value, key

    def _output_shapes(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = [kwargs.get(name) for name in ("value", "key")]
        value, key = (None if x is None else tuple(x.shape) for x in given)
        query, value, key = self._checked(shapes, value, key)
        output = self.compute_output_shape(query, value, key)
        if not kwargs.get("return_attention_scores"):
            return output
        axes = [axis % (len(query)) for axis in self.attends_over]
        front = [size for axis, size in enumerate(query[:-1]) if axis not in axes]
        return output, (*front, self.heads, *(query[axis] for axis in axes), *(key[axis] for axis in axes))

    def compute_output_shape(self, query_shape: Any, value_shape: Any = None, key_shape: Any = None) -> Shape:
        """The query's."""
        return self._checked(query_shape, value_shape, key_shape)[0]


_OF_WEIGHTS: Final = (
    *("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"),
    *("activity_regularizer", "kernel_constraint", "bias_constraint"),
)
"""The arguments that each projection takes from its layer."""


def _heads_first(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The order (B and what is like it, heads, times, size) of the axes (B, ..., heads, size)."""
    return (*(axis for axis in range(rank - 2) if axis not in axes), rank - 2, *axes, rank - 1)


def _flat(xp: Any, x: Array, front: int) -> Array:
    """(..., heads, times, size) with all times on one axis."""
    return xp.reshape(x, (*x.shape[: front + 1], prod(x.shape[front + 1 : -1]), x.shape[-1]))


def _grouped_matmul(xp: Any, left: Array, right: Array) -> Array:
    """Of left (..., N, T, A) and right (..., K, A, C), the products (..., N, T, C); each of right's K serves N / K."""
    *front, heads, times, size = left.shape
    if heads == right.shape[-3]:
        return xp.matmul(left, right)
    groups = right.shape[-3]
    y = xp.matmul(xp.reshape(left, (*front, groups, heads // groups * times, size)), right)
    return xp.reshape(y, (*front, heads, times, y.shape[-1]))
