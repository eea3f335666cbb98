"""What is true of every layer of a class, as models, streams, batches and readers of files ask it."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from gatewise.base.typing import Shape


class Facts:
    """The facts of a class of layers: each stands here with its usual value, and on the classes where it differs."""

    autocast = True
    """Whether floating inputs are cast to the layer's dtype."""
    tensors_by_place: ClassVar[bool] = True
    """Whether `layer(x, 3)` is refused, as in Keras 3: plain values come by name."""
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
    applies_to_steps: ClassVar[bool] = False
    """Whether it applies another layer to every step of its input."""
    takes_ids: ClassVar[bool] = False
    """Whether the input is ids rather than features: (B, T) is then a sequence."""
    reads_text: ClassVar[bool] = False
    """Whether the input is text."""
    moves_axes: ClassVar[bool] = False
    """Whether the output's axes may be others than the input's, so that the first need not be the first any more."""
    looks_across_batch: ClassVar[bool] = False
    """Whether, in training, what comes out for one sample depends on the others in its batch."""
    works_step_by_step: ClassVar[bool] = False
    """Whether `call` treats each time step by itself, so that it can stream (`gatewise.streaming.rules.base`)."""
    why_whole_sequence: ClassVar[str] = ""
    """What `call` does with a sequence that it needs to the end, as an error of streams says it: "pools over time"."""
    regularizes_inside = False
    """Whether `activity_regularizer` is that of the layers inside, and not of this one's output."""
    in_keras: ClassVar[bool] = True
    """Whether some Keras has the layer, under this name."""
    input_spec = cast(Any, None)  # Not annotated: it is no argument.

    # -- in configs and files ---------------------------------------------------------------------------------------

    keeps_shape: ClassVar[bool] = False
    """Whether the output has the input's shape."""
    is_model: ClassVar[bool] = False
    """Whether it is a model: files hold the weights of the layers inside before its own."""
    is_drawn: ClassVar[bool] = False
    """Whether it is a model of the layers in its drawing, and of nothing else that its attributes hold."""
    counts_drawing: ClassVar[bool] = False
    """Whether its own drawing counts as its first call where a model's config says which of its calls is meant."""
    is_operation: ClassVar[bool] = False
    """Whether Keras 3 saves it as an operation, by that one's name."""
    keras_module: ClassVar[str] = "keras.layers"
    """The module in which configs say that the class is: Keras 3's, or ours where no Keras has it."""
    own_place: ClassVar[str] = "vars"
    """Where Keras 3's files of weights hold its own, below the place of the layer."""
    private_in_keras2: ClassVar[frozenset[str]] = frozenset()
    """The layers inside, by attribute, whose place has an underscore in front in Keras 2's files: "_query_dense"."""

    multiplies_features: ClassVar[bool] = False
    """Whether its first kernel (..., I, U) multiplies the features of sequences (B, T, I)."""

    def inputs_for(self, kernel: Shape) -> list[Shape]:
        """The shapes, with the batch axis, that the input may have if the first stored weight has the shape `kernel`.

        An empty list where weights do not tell.
        """
        return [(None, None, kernel[-2])] if self.multiplies_features and len(kernel) >= 2 else []
