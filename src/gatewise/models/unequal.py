"""`predict` for a list of sequences of unequal lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.callbacks import CallbackList
from gatewise.training.data.sequences import Sequences

_SIZE = 256


def predicted(model: Any, x: Any, batch_size: int | None, callbacks: CallbackList) -> Any:
    """The outputs, in the order of the sequences; an output with a step for each of theirs is a list of arrays.

    Callbacks hear of batches of sequences of about one length, in the order of lengths.
    """
    source = Sequences(x, None, None, batch_size or _SIZE, exact=not model.masks_reach_all)
    rows: list[Any] = [None] * source.samples
    tree: Any = None
    stepwise: list[bool] = []
    callbacks.on_predict_begin()
    for number, (length, places) in enumerate(source.plan()):
        callbacks.on_predict_batch_begin(number)
        batch = source.batch(length, places)
        options = {} if batch.mask is None else {"mask": batch.mask}
        outputs = model(batch.x, training=False, **options)
        callbacks.on_predict_batch_end(number, {"outputs": outputs})
        leaves = [np.asarray(leaf) for leaf in structure.flatten(outputs)]
        if tree is None:
            tree = outputs
            stepwise = [leaf.ndim > 2 and leaf.shape[1] == length for leaf in leaves]
        for row, place in enumerate(places):
            own = int(source.lengths[place])
            rows[place] = [
                np.array(leaf[row, :own] if steps else leaf[row]) for leaf, steps in zip(leaves, stepwise, strict=True)
            ]
    callbacks.on_predict_end()
    columns = zip(*rows, strict=True)
    joined = [list(each) if steps else np.stack(each) for each, steps in zip(columns, stepwise, strict=True)]
    return structure.rebuild(tree, iter(joined))
