"""A model over a data set in batches, as `ray.data`, and whatever else maps batches of columns, wants it."""

from __future__ import annotations

import os
from typing import Any

from gatewise.base.typing import Array


class Predictor:
    """A picklable function from a batch of columns to the same with the model's output beside them.

    Args:
        model: a model, or the path of a file that `load_model` reads; a path must be there on every machine.
        column: the name of the input's column; for several inputs their names, in the model's order.
        output: the name of the output's column.
        batch_size: as `predict` takes it.

    `dataset.map_batches(Predictor, fn_constructor_args=["model.keras"], concurrency=4)` loads the model once in each of
    four processes; `dataset.map_batches(Predictor(model))` sends it with every task, which suits small models.

    >>> import numpy as np
    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(4), gw.layers.Dense(1)])
    >>> sorted(Predictor(model)({"x": np.ones((2, 5, 3), "float32"), "key": np.arange(2)}))
    ['key', 'x', 'y']
    """

    def __init__(
        self,
        model: Any,
        column: str | list[str] = "x",
        output: str = "y",
        batch_size: int | None = None,
    ) -> None:
        if isinstance(model, (str, os.PathLike)):
            from gatewise.models import load_model

            model = load_model(model)
        self.model, self.column, self.output, self.batch_size = model, column, output, batch_size

    def __call__(self, batch: dict[str, Array]) -> dict[str, Array]:
        """The batch, and the model's output as one column more.

        Raises:
            KeyError: a column that the batch does not have.
        """
        names = [self.column] if isinstance(self.column, str) else list(self.column)
        if missing := [name for name in names if name not in batch]:
            raise KeyError(f"The batch has no column {missing[0]!r}; it has {sorted(batch)}. Say which: column=...")
        x = [batch[name] for name in names]
        made = self.model.predict(x[0] if isinstance(self.column, str) else x, batch_size=self.batch_size, verbose=0)
        return {**batch, self.output: made}
