"""Weights that Keras 3 wrote to several files: those of one layer, and the optimizer's state, are spread over some."""

from __future__ import annotations

import golden_data
import numpy as np

import gatewise as gw

FOLDER = golden_data.HERE / "shards"


def test_weights_and_the_optimizers_state() -> None:
    with np.load(FOLDER / "shards.npz") as wanted:
        model = gw.models.model_from_json(wanted["config"].item().decode())
        model.compile(gw.optimizers.Adam(0.02), "mse")
        model.load_weights(FOLDER / "keras3.weights.json")
        np.testing.assert_allclose(model.predict(wanted["inputs"], verbose=0), wanted["outputs"], rtol=0, atol=1e-6)
        for number, variable in enumerate(model.optimizer.stored_variables):
            np.testing.assert_array_equal(variable.numpy(), wanted[f"optimizer/{number}"])
        assert f"optimizer/{number + 1}" not in wanted
