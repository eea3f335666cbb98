"""Losses by name, config, class and function; users' own; what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import gatewise as gw
from gatewise import losses
from gatewise.base.registry import custom_object_scope

SPELLINGS = {
    "mean_squared_error": "mse MSE mean_squared_error",
    "mean_absolute_error": "mae MAE",
    "mean_absolute_percentage_error": "mape MAPE",
    "mean_squared_logarithmic_error": "msle MSLE",
    "binary_crossentropy": "bce BCE",
    "kl_divergence": "kld KLD kullback_leibler_divergence",
    "log_cosh": "logcosh",
    "huber": "huber_loss",
    "cosine_similarity": "cosine_proximity cosine",
    "poisson": "poisson",
    "hinge": "hinge",
    "ctc": "ctc",
}
CLASSES = [name for name in losses.__all__ if isinstance(getattr(losses, name), type) and name != "Reduction"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling(name: str) -> None:
    for spelling in SPELLINGS[name].split():
        assert losses.get(spelling) is getattr(losses, name)
        if spelling != "cosine":  # Keras has that as a name only
            assert getattr(gw.keras.losses, spelling) is getattr(losses, name)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ("Loss", "LossFunctionWrapper")])
def test_every_class(name: str) -> None:
    loss = losses.get(name)
    assert type(loss) is losses.get(getattr(losses, name)).__class__ is getattr(losses, name)
    assert losses.get(losses.serialize(loss)) == loss
    assert f"name={loss.name!r}" in repr(loss)
    assert losses.get({"class_name": name, "config": {"reduction": "sum", "name": "mine"}}).name == "mine"


def test_objects_and_functions_are_taken_as_they_are() -> None:
    loss = losses.Huber(2.0)
    for each in (loss, np.hypot, None):
        assert losses.get(each) is each


class Cubed(losses.Loss):
    """In Keras's style."""

    def __init__(self, scale: float = 1.0, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]
        self.scale = scale

    def call(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return self.scale * abs(y_pred - y_true).mean(axis=-1) ** 3

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "scale": self.scale}


def test_a_loss_of_ones_own() -> None:
    loss = Cubed(2.0, name="cubed", reduction="sum")
    assert float(loss(np.zeros((2, 1), int), np.array([[1.0], [2.0]]), [1.0, 0.5])) == 10.0
    config = losses.serialize(loss)
    assert config["config"] == {"name": "cubed", "reduction": "sum", "scale": 2.0}
    with custom_object_scope({"Cubed": Cubed}):
        assert losses.deserialize(config) == loss
        assert isinstance(losses.get("Cubed"), Cubed)
    with pytest.raises(ValueError, match="Unknown loss 'Cubed'"):
        losses.get("Cubed")


def test_a_function_of_ones_own() -> None:
    def off(y_true: np.ndarray, y_pred: np.ndarray, by: float = 0.0) -> np.ndarray:
        return (y_pred - y_true).mean(axis=-1) + by

    loss = losses.LossFunctionWrapper(off, name="off", by=1.0)
    assert float(loss([[1.0]], [[3.0]])) == 3.0
    with custom_object_scope({"off": off}):
        again = losses.deserialize(losses.serialize(loss))
    assert (again.fn, again.arguments) == (off, {"by": 1.0})


def test_resolve() -> None:
    found = losses.resolve("mse", (None, 1), (None, 1))
    assert isinstance(found, losses.Loss)
    assert (found.fn, found.name) == (losses.mean_squared_error, "mse")
    assert losses.resolve(losses.poisson, (None, 1), (None, 1)).name == "poisson"
    assert losses.resolve(None, (None, 1), (None, 1)) is None
    for y_true, y_pred, wanted in [
        ((None, 1), (None, 1), losses.binary_crossentropy),
        ((None, 5), (None, 5, 1), losses.binary_crossentropy),
        ((None,), (None, 7), losses.sparse_categorical_crossentropy),
        ((None, 1), (None, 7), losses.sparse_categorical_crossentropy),
        ((None, 5, 7), (None, 5, 7), losses.categorical_crossentropy),
    ]:
        assert losses.resolve("crossentropy", y_true, y_pred).fn is wanted


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: losses.get("categorical_crossentrpy"), "did you mean 'categorical_crossentropy'"),
        (lambda: losses.get("hing"), "did you mean 'hinge'"),
        (lambda: losses.get(3), "Cannot read 3"),
        (lambda: losses.BinaryCrossentropy(axis=True), "axis: expected an integer, got True"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), "q must be between 0 and 1"),
        (lambda: losses.binary_crossentropy([[1.0]], [[0.5, 0.5]]), r"shape \(1, 1\) do not fit .* \(1, 2\)"),
        (lambda: losses.sparse_categorical_crossentropy([0, 1], [[0.5, 0.5]]), r"ids of shape \(2,\) do not fit"),
        (
            lambda: losses.sparse_categorical_crossentropy([2], [[0.5, 0.5]]),
            "class id 2 is out of range: expected 0 to 1",
        ),
        (lambda: losses.sparse_categorical_crossentropy([-1], [[0.5, 0.5]]), "class id -1 is out of range"),
        (lambda: losses.ctc([1], np.zeros((1, 2, 3))), r"expected labels \(B, L\)"),
        (lambda: losses.Loss()([1.0], [1.0]), "The loss Loss must define call"),
    ],
)
def test_what_is_refused(make: object, words: str) -> None:
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=words):
        make()  # type: ignore[operator]


def test_ids_that_are_no_class_are_nan_under_jax() -> None:
    """A traced value cannot be looked at, and a loss that stays small would hide them."""
    import jax

    p = np.full((3, 2), 0.5, "float32")
    found = jax.jit(losses.sparse_categorical_crossentropy)(np.array([1, 2, -1]), p)
    assert np.isnan(found).tolist() == [False, True, True]


def test_no_framework_is_imported() -> None:
    program = (
        "import sys, numpy, gatewise as gw; gw.losses.CategoricalCrossentropy()(numpy.eye(2), numpy.eye(2));"
        "gw.losses.CTC()(numpy.ones((1, 1)), numpy.zeros((1, 2, 3))); assert not {'jax', 'optax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_epsilon_is_a_setting() -> None:
    before = gw.config.epsilon
    try:
        gw.keras.backend.set_epsilon(0.25)
        np.testing.assert_allclose(losses.binary_crossentropy([[1.0]], [[0.0]]), [-np.log(0.25)], rtol=1e-6)
        with pytest.raises(ValueError, match=r"config.epsilon: expected a number between 0 and 1, got 0\."):
            gw.config.epsilon = 0.0
    finally:
        gw.config.epsilon = before
