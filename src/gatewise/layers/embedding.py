"""The layer that turns ids into vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.arguments import (
    KEYWORD_IN_KERAS2,
    NO_ADAPTERS,
    Argument,
    absent,
    by_name,
    constraint,
    flag,
    initializer,
    optional,
    optional_number,
    positive,
    regularizer,
)
from gatewise.base import masks, release
from gatewise.base.arrays import dtype_of, is_floating, namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.layer import registered
from gatewise.layer.tracking import dtype_name
from gatewise.layers.each_number import OfEachNumber


def _lengths(value: Any) -> Any:
    """One length, or one for each axis of the ids."""
    if isinstance(value, (list, tuple)):
        return tuple(None if length is None else positive(length) for length in value)
    return positive(value)


def _size() -> Argument[int, int]:
    """A positive integer; Keras 3 refuses also 4.0, which other layers take."""

    def parse(value: Any) -> int:
        if isinstance(value, float) and release.current() == "keras3":
            raise TypeError(f"expected a positive integer, got {value!r}.")
        return positive(value)

    return Argument(parse=parse)


@registered.register("Embedding")
class Embedding(OfEachNumber):
    """A table of vectors: each id (B, ...) becomes its row of embeddings (N, D), and the output is (B, ..., D).

    Args:
        input_dim: N, the number of ids; they go from 0 to N - 1.
        output_dim: D.
        embeddings_initializer, embeddings_regularizer, activity_regularizer, embeddings_constraint: of the table.
        mask_zero: whether id 0 means "no step here": a mask with False there then travels with the output.
        input_length: how many ids a sample has, where that is fixed: an integer, or one for each axis.
        sparse: accepted as False, for old programs; there are no sparse inputs here.
        lora_rank, lora_alpha, quantization_config: accepted as None, as in `Dense`.
        **kwargs: see `Layer`.

    Ids that come as floats are cut to integers.

    Raises:
        ValueError: an id that is not in the table. Under `jax.jit` it is not known in time, and gives NaN.

    >>> import numpy as np
    >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    input_dim: Argument[int, int] = _size()
    output_dim: Argument[int, int] = _size()
    embeddings_initializer: Argument[Any, Any] = initializer("uniform")
    embeddings_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer(places={"keras3": None})
    embeddings_constraint: Argument[Any, Any] = constraint()
    mask_zero: Argument[bool, bool] = flag(False)
    input_length: Argument[Any, Any] = Argument(default=None, parse=optional(_lengths), places={"keras3": None})
    sparse: Argument[bool, bool] = flag(False, in_config=False, places={"keras3": None, "tf1": None})
    lora_rank: Argument[None, None] = absent(NO_ADAPTERS, places=KEYWORD_IN_KERAS2)
    lora_alpha: Argument[None, None] = absent(NO_ADAPTERS, places=KEYWORD_IN_KERAS2)
    quantization_config: Argument[None, None] = absent(NO_ADAPTERS, places=KEYWORD_IN_KERAS2)

    autocast = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if release.current() == "keras3":
            args = by_name("Embedding", args, kwargs, 6, "weights")
        if kwargs.get("weights") is not None and np.ndim(kwargs["weights"]) == 2:
            kwargs["weights"] = [kwargs["weights"]]  # The table itself, as Keras 3 takes it.
        super().__init__(*args, **kwargs)
        if self.sparse:
            raise ValueError(f"{self.label}: sparse=True is not supported: pass dense ids, and leave `sparse` out.")
        self._release = release.current()
        if self._first_weights is not None:  # No input's shape is needed, and Keras has them at once.
            self.build()

    plain_call = True
    takes_ids = True

    @property
    def makes_mask(self) -> bool:  # type: ignore[override]
        """Whether a mask starts here: with `mask_zero`."""
        return self.mask_zero

    @property
    def supports_masking(self) -> bool:  # type: ignore[override]
        """Whether there is a mask to give: with `mask_zero`."""
        return self.mask_zero

    def _shape_in_old_words(self) -> Shape | None:
        if self.input_length is None:
            # Keras 2 gave every Embedding an input shape, so that a Sequential that starts with one is built at once.
            return None if self._release == "keras3" else (self.batch_size, None)
        lengths = self.input_length if isinstance(self.input_length, tuple) else (self.input_length,)
        return (self.batch_size, *lengths)

    def build(self, input_shape: Shape | None = None) -> None:
        """Make embeddings (N, D), whatever the input's shape."""
        self.embeddings = self._add_declared("embeddings", (self.input_dim, self.output_dim))

    def inputs_for(self, kernel: Shape) -> list[Shape]:
        """Sequences of ids (B, T)."""
        return [(None, None)]

    def call(self, inputs: Array) -> Array:
        """The rows of the table at the ids."""
        table = self.embeddings.value
        xp = namespace(inputs, table)
        ids = self._integers(xp, inputs)
        if xp is np:
            self._check_range(ids, inputs)
        return xp.take(table, ids, axis=0)

    @staticmethod
    def _integers(xp: Any, inputs: Array) -> Array:
        if inputs.dtype.kind in "iu":
            return inputs
        if xp is np and is_floating(inputs):
            with np.errstate(invalid="ignore"):  # NaN becomes an id far outside, and is reported as what it was.
                return inputs.astype(np.int64)
        return xp.astype(inputs, xp.int32)

    def _check_range(self, ids: np.ndarray, given: np.ndarray) -> None:
        # Read as unsigned, a negative id is a large one: one pass finds both kinds.
        unsigned = ids.view(f"u{ids.dtype.itemsize}")
        if ids.size == 0 or unsigned.max() < self.input_dim:
            return
        place = np.unravel_index(np.argmax(unsigned >= self.input_dim), ids.shape)
        raise ValueError(
            f"{self.label}: the ids must be from 0 to {self.input_dim - 1} (input_dim={self.input_dim}), but "
            f"{given[place]} came at {tuple(int(n) for n in place)}. "
            "Check how the ids are made, or give a larger input_dim."
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, ..., D)."""
        return (*input_shape, self.output_dim)

    def compute_mask(self, inputs: Array, mask: Any = None) -> Any:
        """True where the id is not 0, with `mask_zero`."""
        return inputs != 0 if self.mask_zero else None

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """Keras 1 called dropout of ids `dropout`, Keras 3 writes adapters; both are read only where they are off.

        The dtype that Keras 2.0 wrote is that of the ids, int32; the vectors were of floatx.
        """
        if str(config.get("dtype")).startswith(("int", "uint")):
            del config["dtype"]
        for name in ("input_dim", "output_dim"):
            if isinstance(value := config.get(name), float) and value.is_integer():
                config[name] = int(value)  # As old files of JSON hold it.
        dropped = ("lora_rank", "lora_alpha", "quantization_config", "use_one_hot_matmul", "dropout")
        return super().modernized({k: v for k, v in config.items() if not (k in dropped and not v)})


def _dtype(value: Any) -> Any:
    return None if value is None else dtype_name(value)


@registered.register("ReversibleEmbedding")
class ReversibleEmbedding(Embedding):
    """An `Embedding` that also goes back: vectors (B, ..., D) become logits (B, ..., N), by the table's transpose.

    Args:
        input_dim, output_dim: as in `Embedding`.
        tie_weights: whether the way back has the same weights; else it has reverse_embeddings (D, N).
        embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: as in `Embedding`.
        reverse_dtype: in which dtype the way back is computed; None for the layer's.
        logit_soft_cap: c; logits z become c tanh(z / c), which stays within c. None for no cap.
        **kwargs: as in `Embedding`.

    Call arguments:
        reverse: whether to go back.

    Source: Press and Wolf, Using the Output Embedding to Improve Language Models (2016),
    https://arxiv.org/abs/1608.05859.

    >>> import numpy as np
    >>> layer = ReversibleEmbedding(10, 4)
    >>> vectors = layer(np.array([[1, 2, 3]]))
    >>> layer(vectors, reverse=True).shape
    (1, 3, 10)
    """

    tie_weights: Argument[bool, bool] = flag(True, after="output_dim")
    reverse_dtype: Argument[Any, Any] = Argument(default=None, parse=_dtype, after="mask_zero")
    logit_soft_cap: Argument[Any, float | None] = Argument(default=None, parse=optional_number, after="reverse_dtype")

    plain_call = False
    works_step_by_step = True

    def build(self, input_shape: Shape | None = None) -> None:
        """Make embeddings (N, D), and reverse_embeddings (D, N) where weights are not tied."""
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def call(self, inputs: Array, reverse: bool = False) -> Array:
        """The rows of the table; or logits."""
        if not reverse:
            vectors = super().call(inputs)
            masks.attach(vectors, super().compute_mask(inputs))
            return vectors
        kernel = self.embeddings.value.T if self.tie_weights else self.reverse_embeddings.value
        xp = namespace(inputs, kernel)
        kind = dtype_of(kernel, self.reverse_dtype or self.dtype)
        logits = xp.matmul(xp.astype(inputs, kind), xp.astype(kernel, kind))
        return logits if self.logit_soft_cap is None else self.logit_soft_cap * xp.tanh(logits / self.logit_soft_cap)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: `call` gives vectors their mask, as it alone knows which way it went; logits have none."""

    def _with_masks(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        return outputs

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        """(B, ..., D); back, (B, ..., N)."""
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)
