"""A model that advances step by step and keeps its state."""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array
from gatewise.streaming import forms
from gatewise.streaming.compile import new_session, prepare
from gatewise.streaming.prepared import Prepared


class Stream:
    """Sequences that come one step at a time; `model.stream(batch_size)` makes one.

    Args:
        model: a causal model, with weights.
        batch_size: how many sequences advance together.

    A step costs about a microsecond in all for a small model: it is one native call that allocates nothing but its
    result. Pushing a sequence step by step gives what `predict` gives on all of it, to rounding; and it gives the same
    bits however the sequence is cut into `push` and `push_many`. What comes out of a model without a time axis at its
    end (LSTM, then Dense) is what it says of the sequence up to this step. A masked step carries the state and repeats
    the output, as in `predict`.

    A stream keeps the weights that the model had when the stream was made. `update()` takes the present ones and
    leaves the state. It starts from zeros, whatever state a stateful layer of the model holds, and leaves that alone.

    Streams may be used from many threads, one call at a time on each stream, and survive a fork. A call takes effect as
    a whole, or, after an error, not at all.

    >>> import numpy as np
    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.layers.LSTM(6, input_shape=(None, 3)), gw.layers.Dense(1)])
    >>> stream = model.stream()
    >>> x = np.ones((4, 3), "float32")
    >>> y = [stream.push(x_t) for x_t in x]
    >>> y[-1].shape, bool(np.allclose(y[-1], model.predict(x[None])[0], atol=1e-6))
    ((1,), True)
    """

    def __init__(self, model: Any, batch_size: int = 1) -> None:
        self.model = model
        self.batch_size = forms.checked_count(model.label, "batch_size", batch_size)
        self._use(prepare(model))

    def _use(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._session = new_session(prepared, self.batch_size)
        vars(self)["push"] = self._session.push  # What `push` below says, without a call in between.

    @property
    def native(self) -> bool:
        """Whether the whole step is one native call, rather than the layers' own code."""
        return self._prepared.program is not None

    def push(self, x: Any) -> Any:
        """Advance by one step.

        Args:
            x: (B, I) with B = batch_size, or (I,) for one sequence; for several inputs a list, or a dict by name.

        Returns:
            That step's output (B, ...), or (...) for one sequence, in the structure of the model's outputs.

        Raises:
            ValueError, TypeError: for what does not fit; the state is as it was.
        """
        return self._session.push(x)

    def push_many(self, x: Any) -> Any:
        """Advance by T steps.

        Args:
            x: (B, T, I), or (T, I) for one sequence. An input without a time axis comes once, (B, ...).

        Returns:
            The outputs of all steps, (B, T, ...) or (T, ...).
        """
        return self._prepared.shapes.push_many(self._session, x)

    @property
    def state(self) -> dict[str, Any]:
        """Copies of the state: {layer: {"h": (B, H), "c": (B, H)}}, for a Conv1D {"past": (B, steps, I)}; settable."""
        return forms.to_dict(self._prepared.slots, self._session.read())

    @state.setter
    def state(self, value: Any) -> None:
        prepared = self._prepared
        records = forms.from_dict(self.model.label, prepared.slots, value, self.batch_size, prepared.dtype)
        self._session.write(records)

    def reset(self) -> None:
        """Start anew, from zeros."""
        self._session.reset()

    def save(self) -> bytes:
        """The state as bytes, for `restore`: plain numbers with a header and a checksum."""
        return forms.pack(self._session.read(), self._prepared.header)

    def restore(self, data: bytes, other_weights: bool = False) -> None:
        """Take the state that `save` gave, of a stream of a model of the same layers.

        Args:
            data: what `save` gave.
            other_weights: whether the model may have had other weights then.

        Raises:
            ValueError: bytes that are damaged, cut short, or of another model, batch size or other weights; nothing
                changes then.
        """
        like, header = self._session.read(), self._prepared.header
        self._session.write(forms.unpack("The saved stream", data, like, header, other_weights=other_weights))

    def copy(self) -> Stream:
        """A stream of its own that stands where this one stands."""
        twin = Stream.__new__(Stream)
        twin.model, twin.batch_size = self.model, self.batch_size
        twin._use(self._prepared)
        twin._session.write(self._session.read())
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Stream:
        return self.copy()

    def __reduce__(self) -> Any:
        """A pickle holds the model and what `save` gives."""
        if prepare(self.model).header != self._prepared.header:
            raise TypeError(forms.old_weights(self))
        return _unpickled, (self.model, self.batch_size, self.save())

    def update(self) -> None:
        """Take the weights that the model has now; the state stays.

        Raises:
            ValueError: where the model's layers are others than when the stream was made.
        """
        prepared = prepare(self.model)
        if prepared.fingerprint() != self._prepared.fingerprint():
            raise ValueError(f"{self.model.label} has other layers than when this stream was made: make a new one.")
        if (prepared.program is None) != (self._prepared.program is None):
            records: Array = self._session.read()
            self._use(prepared)
            self._session.write(records)
            return
        # A push of another thread comes before or after, and the state that it leaves stays.
        self._session.use(prepared if prepared.program is None else prepared.program)
        self._prepared = prepared

    def __repr__(self) -> str:
        return f"<Stream of {self.model.label}, batch_size={self.batch_size}>"


def _unpickled(model: Any, batch_size: int, data: bytes) -> Stream:
    stream = Stream(model, batch_size)
    stream.restore(data)
    return stream
