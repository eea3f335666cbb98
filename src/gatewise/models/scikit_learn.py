"""Models as scikit-learn's estimators, as Keras had them until 2.12: `keras.wrappers.scikit_learn`.

scikit-learn itself is not needed: it knows an estimator by its methods.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.models.model import Model


class BaseWrapper:
    """A function that makes a compiled model, and arguments for it and for `fit`, `predict` and `evaluate`.

    Args:
        build_fn: gives a compiled model; a function, or an object that can be called. Without one, the subclass's own
            `__call__` is meant.
        **sk_params: arguments of `build_fn`, `fit`, `predict` or `evaluate`; each goes where it is taken.

    Raises:
        ValueError: for an argument that none of these takes.
    """

    model: Model

    def __init__(self, build_fn: Callable[..., Model] | None = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params
        self.check_params(sk_params)

    def _builder(self) -> Callable[..., Any]:
        own: Any = self if self.build_fn is None else self.build_fn
        return own if inspect.isroutine(own) else own.__call__

    def check_params(self, params: dict[str, Any]) -> None:
        """Raise ValueError for an argument that nothing takes."""
        functions = (Model.fit, Model.predict, Model.evaluate, self._builder())
        for name in params:
            if name != "nb_epoch" and not any(_takes(function, name) for function in functions):
                raise ValueError(
                    f"{name} is not a legal parameter: neither the function that builds the model nor `fit`, `predict` "
                    "or `evaluate` takes it."
                )

    def get_params(self, deep: bool = True, **_: Any) -> dict[str, Any]:
        """All arguments, `build_fn` too."""
        return {**(copy.deepcopy(self.sk_params) if deep else self.sk_params), "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> BaseWrapper:
        """Change arguments; gives itself."""
        self.check_params({name: value for name, value in params.items() if name != "build_fn"})
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params.update(params)
        return self

    def filter_sk_params(self, fn: Callable[..., Any], override: dict[str, Any] | None = None) -> dict[str, Any]:
        """Those of the arguments that a function takes, and others over them."""
        return {**{name: value for name, value in self.sk_params.items() if _takes(fn, name)}, **(override or {})}

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build a new model and train it.

        Args:
            x, y: arrays (N, ...).
            **kwargs: for the model's `fit`.

        Returns:
            What the model's `fit` gives.
        """
        builder = self._builder()
        self.model = builder(**self.filter_sk_params(builder))
        y = self._one_hot(np.asarray(y))
        return self.model.fit(x, y, **{**copy.deepcopy(self.filter_sk_params(Model.fit)), **kwargs})

    def _one_hot(self, y: Array) -> Array:
        """Numbers of classes as vectors, where the model's loss is of vectors."""
        loss: Any = self.model.loss
        name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
        if name != "categorical_crossentropy" or y.ndim == 2:
            return y
        return np.eye(int(y.max()) + 1, dtype="float32")[y.astype(int)]

    def __sklearn_tags__(self) -> Any:
        from sklearn import utils  # type: ignore[import-not-found, import-untyped, unused-ignore]

        kind = getattr(self, "_estimator_type", None)
        return utils.Tags(
            estimator_type=kind,
            target_tags=utils.TargetTags(required=True),
            classifier_tags=utils.ClassifierTags() if kind == "classifier" else None,
            regressor_tags=utils.RegressorTags() if kind == "regressor" else None,
        )


def _takes(function: Callable[..., Any], name: str) -> bool:
    return name in inspect.signature(function).parameters


class KerasClassifier(BaseWrapper):
    """A classifier of scikit-learn's kind.

    Source: Keras 2's `keras.wrappers.scikit_learn`.

    >>> import gatewise as gw
    >>> def build(units=4):
    ...     model = gw.Sequential([gw.layers.LSTM(units, input_shape=(5, 1)), gw.layers.Dense(3, "softmax")])
    ...     model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    ...     return model
    >>> classifier = KerasClassifier(build, units=2, epochs=1, verbose=0)
    >>> x, y = np.zeros((6, 5, 1)), np.array(["a", "b", "c", "a", "b", "c"])
    >>> _ = classifier.fit(x, y)
    >>> classifier.predict_proba(x).shape, set(classifier.predict(x)) <= {"a", "b", "c"}
    ((6, 3), True)
    """

    _estimator_type = "classifier"
    classes_: Array
    n_classes_: int

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build a new model and train it.

        Args:
            x: arrays (N, ...).
            y: (N,) or (N, 1), the class of each sample in any dtype; or (N, classes).
            **kwargs: for the model's `fit`; `sample_weight` is one of them.

        Raises:
            ValueError: targets of another shape.
        """
        y = np.array(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim == 1 or y.shape[1:] == (1,):
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        else:
            raise ValueError(
                f"Invalid shape for y: {y.shape}. Expected (samples,), (samples, 1) or (samples, classes)."
            )
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> Array:
        """The class of each sample (N,); (N, 1) where the model has one output."""
        chances = self.model.predict(x, **self.filter_sk_params(Model.predict, kwargs))
        return self.classes_[chances.argmax(axis=-1) if chances.shape[-1] > 1 else (chances > 0.5).astype("int32")]

    def predict_proba(self, x: Any, **kwargs: Any) -> Array:
        """The probability of each class, (N, classes): two, where the model has one output."""
        chances: Array = self.model.predict(x, **self.filter_sk_params(Model.predict, kwargs))
        return np.hstack([1 - chances, chances]) if chances.shape[1] == 1 else chances

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The accuracy.

        Raises:
            ValueError: a model that was compiled without the metric "accuracy".
        """
        y = self._one_hot(np.searchsorted(self.classes_, y))
        found = self.model.evaluate(x, y, **self.filter_sk_params(Model.evaluate, kwargs), return_dict=True)
        for name in ("accuracy", "acc"):
            if name in found:
                return float(found[name])
        raise ValueError(
            'The model is not configured to compute accuracy. You should pass `metrics=["accuracy"]` to '
            "`model.compile()`."
        )


class KerasRegressor(BaseWrapper):
    """A regressor of scikit-learn's kind; see `KerasClassifier`."""

    _estimator_type = "regressor"

    def predict(self, x: Any, **kwargs: Any) -> Array:
        """The outputs, without axes of size 1: (N,) where the model has one output."""
        return np.squeeze(self.model.predict(x, **self.filter_sk_params(Model.predict, kwargs)))

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The loss with the other sign: the greater the better."""
        given = self.filter_sk_params(Model.evaluate, kwargs)
        return -float(self.model.evaluate(x, y, **given, return_dict=True)["loss"])
