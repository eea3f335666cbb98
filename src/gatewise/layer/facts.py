"""What is true of every layer of a class, as models, streams, batches and readers of files ask it."""

from __future__ import annotations

from typing import Any, ClassVar, cast


class Facts:
    """The facts of a class of layers: each stands here with its usual value, and on the classes where it differs."""

    autocast = True
    """Whether floating inputs are cast to the layer's dtype."""
    casts_integers: ClassVar[bool] = False
    """Whether integer inputs are cast too: True for layers that multiply by weights."""
    keeps_dtype: ClassVar[bool] = False
    """Whether a symbolic output has the input's dtype rather than the layer's."""
    supports_masking = False
    """Whether the input's mask travels on to the output."""
    makes_mask = False
    """Whether the output has a mask that the input did not bring."""
    plain_call: ClassVar[bool] = False
    """Whether `call`, on an array in the layer's dtype and without a mask, is all that inference takes."""
    has_time_axis: ClassVar[bool] = False
    """Whether `input_dim` alone means (time, features) inputs: recurrent and one-dimensional convolutional layers."""
    takes_ids: ClassVar[bool] = False
    """Whether the input is ids rather than features: (B, T) is then a sequence."""
    moves_axes: ClassVar[bool] = False
    """Whether the output's axes may be others than the input's, so that the first need not be the first any more."""
    works_step_by_step: ClassVar[bool] = False
    """Whether `call` treats each time step by itself, so that it can stream (`gatewise.streaming.rules.base`)."""
    why_whole_sequence: ClassVar[str] = ""
    """What `call` does with a sequence that it needs to the end, as an error of streams says it: "pools over time"."""
    input_spec = cast(Any, None)  # Not annotated: it is no argument.
