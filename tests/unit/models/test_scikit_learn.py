"""Models as scikit-learn's estimators, by what Keras 2's wrappers did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.models.scikit_learn import BaseWrapper, KerasClassifier, KerasRegressor

X = np.random.default_rng(0).normal(size=(24, 4, 2))
CLASSES = np.array(["low", "high"])[(X.sum((1, 2)) > 0).astype(int)]


def classifier(
    units: int = 4, outputs: int = 2, loss: str = "sparse_categorical_crossentropy", rate: float = 0.1
) -> Any:
    activation = "sigmoid" if outputs == 1 else "softmax"
    layers = [gw.layers.SimpleRNN(units, input_shape=(4, 2)), gw.layers.Dense(outputs, activation)]
    model = gw.Sequential(layers)
    model.compile(gw.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def regressor(units: int = 4) -> Any:
    model = gw.Sequential([gw.layers.LSTM(units, input_shape=(4, 2)), gw.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize(
    ("outputs", "loss"),
    [(2, "sparse_categorical_crossentropy"), (2, "categorical_crossentropy"), (1, "binary_crossentropy")],
)
def test_a_classifier_learns_classes_of_any_dtype(outputs: int, loss: str) -> None:
    made = KerasClassifier(classifier, outputs=outputs, loss=loss, epochs=60, batch_size=8, verbose=0)
    history = made.fit(X, CLASSES)
    assert len(history.history["loss"]) == 60
    assert made.classes_.tolist() == ["high", "low"]
    assert made.n_classes_ == 2
    assert made.predict_proba(X).shape == (24, 2)
    np.testing.assert_allclose(made.predict_proba(X).sum(-1), 1, rtol=1e-6)
    found = made.predict(X)
    assert found.shape == ((24, 1) if outputs == 1 else (24,))
    assert made.score(X, CLASSES) == pytest.approx(np.mean(found.ravel() == CLASSES))
    assert made.score(X, CLASSES) > 0.8


def test_targets_as_vectors() -> None:
    vectors = np.eye(2)[(CLASSES == "low").astype(int)]
    made = KerasClassifier(classifier, loss="categorical_crossentropy", epochs=1, verbose=0)
    made.fit(X, vectors)
    assert made.classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"Invalid shape for y: \(24, 2, 1\)"):
        made.fit(X, vectors[..., None])


def test_a_regressor() -> None:
    y = X.sum((1, 2))
    made = KerasRegressor(regressor, units=3, epochs=2, verbose=0)
    made.fit(X, y)
    assert made.model.layers[0].units == 3
    assert made.predict(X).shape == (24,)
    np.testing.assert_allclose(made.score(X, y), -np.mean((made.predict(X) - y) ** 2), rtol=1e-5)


def test_arguments_go_where_they_are_taken() -> None:
    made = KerasClassifier(classifier, units=3, batch_size=5, epochs=1)
    assert made.get_params() == {"units": 3, "batch_size": 5, "epochs": 1, "build_fn": classifier}
    assert made.set_params(units=7, epochs=2) is made
    assert made.filter_sk_params(classifier) == {"units": 7}
    assert made.filter_sk_params(gw.Model.predict, {"verbose": 0}) == {"batch_size": 5, "verbose": 0}
    assert KerasClassifier(**made.get_params()).get_params() == made.get_params()
    for wrong in (lambda: KerasClassifier(classifier, unit=3), lambda: made.set_params(layers=2)):
        with pytest.raises(ValueError, match="is not a legal parameter"):
            wrong()


def test_a_builder_may_be_an_object_or_the_subclass_itself() -> None:
    class Builder:
        def __call__(self, units: int = 2) -> Any:
            return regressor(units)

    class Own(KerasRegressor):
        def __call__(self, units: int = 2) -> Any:
            return regressor(units)

    for made in (KerasRegressor(Builder(), units=5, verbose=0), Own(units=5, verbose=0)):
        made.fit(X, X.sum((1, 2)))
        assert made.model.layers[0].units == 5


def test_a_model_without_accuracy_has_no_score() -> None:
    def plain() -> Any:
        model = classifier()
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    made = KerasClassifier(plain, verbose=0)
    made.fit(X, CLASSES)
    with pytest.raises(ValueError, match="not configured to compute accuracy"):
        made.score(X, CLASSES)


def test_programs_find_them_under_keras_name() -> None:
    assert gw.keras.wrappers.scikit_learn.KerasClassifier is KerasClassifier
    assert issubclass(gw.keras.wrappers.scikit_learn.KerasRegressor, BaseWrapper)
