"""Metrics of one's own, names, masks, pure functions, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import losses, metrics
from gatewise.base import masks
from gatewise.base.registry import custom_object_scope
from gatewise.base.release import meaning

CLASSES = [name for name in metrics.__all__ if isinstance(getattr(metrics, name), type)]
NEEDED: dict[str, dict[str, Any]] = {
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotMeanIoU": {"num_classes": 2},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "MeanRelativeError": {"normalizer": [1.0]},
    "MeanMetricWrapper": {"fn": losses.mean_squared_error},
}


class Share(metrics.Metric):
    """In Keras's style: how many of the weights are on right answers."""

    def __init__(self, name: str = "share", threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.right = self.add_weight(name="right", initializer="zeros")
        self.all = self.add_variable(shape=(), initializer="zeros", name="all")
        self.inner = metrics.Mean()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        right = (y_pred > self.threshold) == (y_true > 0.5)
        self.right.assign_add(right.sum())
        self.all.assign(self.all + right.size)
        self.inner.update_state(y_pred)

    def result(self) -> Any:
        return self.right / self.all

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


Y, P = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.8, 0.7], "float32")


def test_a_metric_of_ones_own() -> None:
    metric = Share(threshold=0.75)
    assert round(float(metric(Y, P)), 6) == 0.333333
    assert len(metric.variables) == 4
    assert float(metric.inner.result()) == pytest.approx(0.8)
    metric.reset_state()
    assert [float(variable.value) for variable in metric.variables] == [0, 0, 0, 0]
    with custom_object_scope({"Share": Share}):
        assert metrics.deserialize(metrics.serialize(metric)).get_config() == metric.get_config()


def test_it_is_a_pure_function_under_jit() -> None:
    import jax

    metric = Share(threshold=0.75)
    state = jax.jit(metric.stateless_update_state)(metric.stateless_reset_state(), Y, P)
    assert round(float(metric.stateless_result(state)), 6) == 0.333333
    assert float(metric.all.value) == 0
    with pytest.raises(ValueError, match="The metric 'share' has 4 variables, but 1 values came"):
        metric.stateless_result(state[:1])


def test_variables_kept_as_attributes_are_its_own() -> None:
    class Own(metrics.Metric):
        def __init__(self) -> None:
            super().__init__("own")
            self.seen = gw.Variable(np.zeros((), "float32"), name="seen")
            self.parts = [metrics.Mean(), metrics.Sum()]

    assert len(Own().variables) == 4

    class Forgot(metrics.Metric):
        def __init__(self) -> None:
            self.seen = gw.Variable(np.zeros(()), name="seen")

    with pytest.raises(RuntimeError, match=r"Forgot.__init__ must call super\(\).__init__\(\) first"):
        Forgot()


@pytest.mark.parametrize("older", [True, False])
def test_reset_under_its_older_name(older: bool) -> None:
    class Counted(metrics.Sum):
        resets = 0

        def _count(self) -> None:
            Counted.resets += 1
            super().reset_states() if older else super().reset_state()

    setattr(Counted, "reset_states" if older else "reset_state", Counted._count)
    metric = Counted()
    metric.update_state([1.0])
    metric.reset_state()
    metric.reset_states()
    assert (Counted.resets, float(metric.result())) == (2, 0)


def test_add_weight_in_both_orders() -> None:
    metric = metrics.Metric("mine")
    first = metric.add_weight("total", (2,), initializer="ones")
    second = metric.add_weight((2,), "ones", "float64", "count")
    assert (first.path, first.shape, first.numpy().tolist()) == ("mine/total", (2,), [1, 1])
    assert (second.name, second.dtype) == ("count", np.float64)


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "Metric"])
def test_every_class(name: str) -> None:
    cls = getattr(metrics, name)
    metric = cls(**NEEDED.get(name, {}))
    assert metric.name
    assert metric.dtype == ("int64" if "IoU" in name else "float32")
    again = metrics.get(metrics.serialize(metric))
    assert type(again) is cls
    assert again.get_config() == metric.get_config()
    if name not in NEEDED:
        assert type(metrics.get(name)) is cls is type(metrics.get(cls))


def test_names() -> None:
    for name, cls in {
        "mse": metrics.MeanSquaredError,
        "MAE": metrics.MeanAbsoluteError,
        "mean_io_u": metrics.MeanIoU,
        "auc": metrics.AUC,
        "binary_accuracy": metrics.BinaryAccuracy,
        "f1_score": metrics.F1Score,
    }.items():
        assert metrics.registry.lookup(name) is cls
    assert metrics.get("huber") is losses.huber
    for function in (losses.mean_squared_error, metrics.top_k_categorical_accuracy):
        config = metrics.serialize(function)
        assert config["class_name"] == "function"
        assert metrics.deserialize(config) is function


@pytest.mark.parametrize(
    ("identifier", "y_true", "y_pred", "cls", "name"),
    [
        ("accuracy", (None, 1), (None, 1), metrics.BinaryAccuracy, "accuracy"),
        ("acc", (None, 5), (None, 5, 9), metrics.SparseCategoricalAccuracy, "acc"),
        ("accuracy", (None, 9), (None, 9), metrics.CategoricalAccuracy, "accuracy"),
        ("ce", (None, 1), (None, 9), metrics.SparseCategoricalCrossentropy, "ce"),
        ("crossentropy", (None, 9), (None, 9), metrics.CategoricalCrossentropy, "crossentropy"),
        ("mse", (None, 1), (None, 1), metrics.MeanSquaredError, "mse"),
        ("huber", (None, 1), (None, 1), metrics.MeanMetricWrapper, "huber"),
        (losses.poisson, (None, 1), (None, 1), metrics.MeanMetricWrapper, "poisson"),
        (losses.Huber(name="mine"), (None, 1), (None, 1), metrics.MeanMetricWrapper, "mine"),
        (metrics.AUC(name="area"), (None, 1), (None, 1), metrics.AUC, "area"),
    ],
)
def test_resolve(identifier: Any, y_true: Any, y_pred: Any, cls: type, name: str) -> None:
    found = metrics.resolve(identifier, y_true, y_pred)
    assert type(found) is cls
    assert found.name == name


def test_masks_take_steps_out() -> None:
    y, p = np.zeros((2, 3, 1), "float32"), np.array([[1.0, 2, 3], [4, 5, 6]], "float32")[..., None]
    mask = np.array([[True, False, False], [True, True, False]])
    for release in ("keras3", "tf2"):
        masked = p.copy()
        masks.attach(masked, mask)
        with meaning(release):
            metric = metrics.MeanAbsoluteError()
            metric.update_state(y, masked)
            assert float(metric.result()) == pytest.approx(10 / 3)
            metric.reset_state()
            metric.update_state(y[..., 0], masked, np.array([1.0, 0.0]))
            assert float(metric.result()) == pytest.approx(1.0)


def test_a_mean_counts_samples_or_numbers() -> None:
    for release, wanted in (("keras3", (1 + 4) / 2), ("tf2", (1 + 4 * 3) / 4), ("tf1", (1 + 4 * 3) / 4)):
        with meaning(release):
            mean = metrics.Mean()
            mean.update_state([[1.0]])
            mean.update_state([[4.0, 4.0, 4.0]])
            assert float(mean.result()) == pytest.approx(wanted)


def test_results_have_numpy() -> None:
    for metric in (metrics.Mean(), metrics.Sum()):
        assert metric([2.0]).numpy() == 2.0
    assert metrics.BinaryAccuracy()([1.0], [0.7]).numpy() == 1.0


def test_fractions_of_weights_are_warned_of_where_they_are_lost() -> None:
    with pytest.warns(UserWarning, match="counts in int64"):
        metrics.MeanIoU(2).update_state([0, 1], [0, 1], [0.5, 1.0])
    assert float(metrics.MeanIoU(2, dtype="float32")([0, 1], [0, 0], [0.5, 1.0])) == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: metrics.get("precison"), "Unknown metric 'precison': did you mean 'precision'"),
        (lambda: metrics.get(3), "Cannot read 3"),
        (lambda: metrics.Precision(thresholds=[0.5, 1.5]), r"between 0 and 1, but \[1.5\] came"),
        (lambda: metrics.PrecisionAtRecall(1.5), "PrecisionAtRecall: recall must be between 0 and 1, got 1.5"),
        (lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=0), "num_thresholds must be 1 or more, got 0"),
        (lambda: metrics.AUC(curve="RC"), "AUC: curve must be one of ROC, PR, PRGAIN, got 'RC'"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be 2 or more"),
        (lambda: metrics.AUC(num_labels=3), "num_labels says how many curves"),
        (lambda: metrics.AUC(multi_label=True)([1.0], [1.0]), r"multi_label needs predictions \(B, L\)"),
        (lambda: metrics.FBetaScore(average="mean"), "average must be one of"),
        (lambda: metrics.FBetaScore(beta=0.0), "beta must be above 0"),
        (lambda: metrics.FBetaScore(threshold=2.0), "threshold must be above 0"),
        (lambda: metrics.F1Score()([1.0], [1.0]), r"expected targets and predictions \(B, C\)"),
        (lambda: metrics.R2Score()([1.0], [1.0]), r"expected targets and predictions \(B, C\)"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "class_aggregation must be one of"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors must be 0 or more"),
        (lambda: metrics.R2Score().result(), "'r2_score' has no result before its first update_state"),
        (lambda: metrics.F1Score().result(), "'f1_score' has no result before"),
        (lambda: metrics.AUC(multi_label=True, name="area").result(), "'area' has no result before"),
        (lambda: metrics.IoU(2, [2]), "the class 2 is not among 2 classes"),
        (lambda: metrics.Recall(class_id=1)([1.0], [1.0]), r"class_id needs predictions \(B, C\)"),
        (lambda: metrics.Recall()([1.0, 0.0], [1.0, 0.0, 1.0]), r"Targets of shape \(2,\) do not fit"),
        (lambda: metrics.Mean()([1.0, 2.0], [1.0, 2.0, 3.0]), r"sample_weight of shape \(3,\) does not fit"),
        (lambda: metrics.Metric().update_state(), "The metric Metric must define update_state"),
        (lambda: metrics.Metric().result(), r"The metric Metric must define result\(\)"),
    ],
)
def test_what_is_refused(make: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=words):
        make()


def test_what_does_not_vary_is_not_correlated() -> None:
    assert np.isnan(metrics.pearson_correlation([[1.0, 1.0]], [[0.0, 2.0]])).all()
    assert np.isnan(metrics.R2Score()([[1.0], [1.0]], [[1.0], [1.0]]))
    assert metrics.R2Score()([[1.0], [1.0]], [[1.0], [2.0]]) == 0


def test_nan_is_above_no_threshold() -> None:
    for thresholds in ([0.5], [0.0, 0.5, 1.0]):
        assert not np.any(metrics.TruePositives(thresholds)([1.0, 1.0], [np.nan, np.nan]))
