"""Attention to the last steps: what stays are their keys and values, and which of them count."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from gatewise.base import masks
from gatewise.base.typing import Array
from gatewise.layers import AdditiveAttention, Attention, GroupedQueryAttention, MultiHeadAttention
from gatewise.layers.attention.scores import both
from gatewise.streaming.rules.base import Rule, rule
from gatewise.streaming.values import Slot, Value


class OverWindow(Rule):
    """Queries, keys and values of the model's own time steps, with a causal mask and a window of steps.

    The past is kept with its oldest step first, and a step that has not been, or that a mask hides, does not count.
    """

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses what needs later steps, all steps, or something other than the model's time steps."""
        if not self.timed:
            return
        if not all(value.timed and len(value.shape) == 1 for value in self.inputs):
            raise self.refuse("attends to something other than the model's own time steps")
        if not (self.kwargs.get("use_causal_mask") or getattr(self.layer, "causal", False)):
            raise self.refuse(
                "attends to later steps too; called with use_causal_mask=True and made with sliding_window=N it streams"
            )
        if self.layer.sliding_window is None:
            raise self.refuse(
                "attends to all steps before, of which a stream would keep ever more; made with sliding_window=N it "
                "attends to the last N, in predict and fit as in a stream"
            )
        for name in ("return_attention_scores", "attention_mask", "mask", "query_mask", "value_mask", "key_mask"):
            if self.kwargs.get(name) not in (None, False):
                raise self.refuse(f"is called with {name}, which is about whole sequences")

    def slots_for(self) -> list[Slot]:
        """The keys and values before this step that the window sees."""
        if not self.timed:
            return []
        past = self.layer.sliding_window - 1
        sizes = zip(("keys", "values"), self.sizes(), strict=True)
        return [*(Slot(self.path, part, (past, *size)) for part, size in sizes), Slot(self.path, "counts", (past,))]

    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of a key and of a value as they are kept."""
        raise TypeError(f"{type(self).__name__} must define `sizes(self)`.")

    def parts(self) -> tuple[Value, Value, Value]:
        """The query, the value and the key."""
        raise TypeError(f"{type(self).__name__} must define `parts(self)`.")

    def run(self, arrays: dict[Value, Array], held: dict[Slot, Array]) -> None:
        """One query, over the window that ends with its own step."""
        if not self.timed:
            super().run(arrays, held)
            return
        given = [arrays[value] for value in self.parts()]
        query, value, key = map(self.layer._converted, given)
        query_mask, *own = map(masks.of, given)
        self.seen_to(given)
        counts = reduce(both, own[: 1 + self.key_masks_too])
        now = [*self.kept(key, value), np.ones((len(query), 1), bool) if counts is None else counts]
        windows = []
        for slot, part in zip(self.slots, now, strict=True):
            windows.append(np.concatenate([held[slot], part], axis=1, dtype=held[slot].dtype))
            held[slot] = windows[-1][:, 1:]
        keys, values, seen = windows
        y = self.attended(query, keys, values, seen[:, None, :] > 0, query_mask)
        arrays[self.outputs[0]] = masks.carrying(y, query_mask)

    def seen_to(self, given: list[Array]) -> None:
        """Done with the inputs when their masks are known."""

    key_masks_too = False
    """Whether a mask of the key hides a step, as one of the value does."""

    def kept(self, key: Array, value: Array) -> tuple[Array, Array]:
        """The key and the value of this step, as they are kept."""
        return key, value

    def attended(self, query: Array, keys: Array, values: Array, seen: Array, query_mask: Any) -> Array:
        """The output for one query, whose window is `keys` and `values` where `seen` (B, 1, N) is True."""
        raise TypeError(f"{type(self).__name__} must define `attended`.")


@rule(Attention, AdditiveAttention)
class OfInputs(OverWindow):
    """Keys and values as they come."""

    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Those of the inputs."""
        _, value, key = self.parts()
        return key.shape, value.shape

    def parts(self) -> tuple[Value, Value, Value]:
        """The inputs."""
        return self.layer._parts(self.inputs)  # type: ignore[no-any-return]

    def attended(self, query: Array, keys: Array, values: Array, seen: Array, query_mask: Any) -> Array:
        """The sums; 0 where the query does not count."""
        y, _ = self.layer._apply_scores(self.layer._calculate_scores(query, keys), values, seen)
        return y if query_mask is None else np.where(query_mask[..., None], y, np.zeros_like(y))


@rule(MultiHeadAttention, GroupedQueryAttention)
class OfHeads(OverWindow):
    """Keys and values as the heads project them."""

    key_masks_too = True

    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Heads, and the size of each."""
        key, value = (getattr(self.layer, self.layer.projections[role]).given for role in ("key", "value"))
        return key, value

    def parts(self) -> tuple[Value, Value, Value]:
        """The call's arguments."""
        query = self.args[0] if self.args else self.kwargs["query"]
        value = self.kwargs["value"]
        return query, value, self.kwargs.get("key") or value

    def seen_to(self, given: list[Array]) -> None:
        """Takes their masks away, where the layer does."""
        if self.layer.takes_masks_away:
            for array in given:
                masks.attach(array, None)

    def kept(self, key: Array, value: Array) -> tuple[Array, Array]:
        """Both, projected."""
        return self.layer.projected("key", key), self.layer.projected("value", value)

    def attended(self, query: Array, keys: Array, values: Array, seen: Array, query_mask: Any) -> Array:
        """The sums of all heads, projected."""
        seen = seen if query_mask is None else seen & query_mask[..., None]
        y, _ = self.layer._compute_attention(self.layer.projected("query", query), keys, values, seen)
        return self.layer.given_out(query, y)
