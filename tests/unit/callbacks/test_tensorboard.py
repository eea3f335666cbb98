"""Event files are read with TensorBoard's own reader."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise import optimizers
from gatewise.base.variable import Variable
from gatewise.callbacks import TensorBoard
from gatewise.callbacks.tensorboard import Profile


def made():
    kernel = Variable(np.linspace(0, 1, 12, dtype="float32").reshape(3, 4), name="kernel", path="dense/kernel")
    return SimpleNamespace(
        optimizer=optimizers.SGD(0.25), layers=[SimpleNamespace(weights=[kernel])], to_json=lambda: '{"a": 1}',
        get_config=dict,
    )  # fmt: skip


def trained(folder, epochs=3, **options):
    callback = TensorBoard(folder, **options)
    callback.set_model(made())
    callback.on_train_begin()
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        for batch in range(4):
            callback.on_train_batch_begin(batch)
            callback.model.optimizer.iterations.assign(4 * epoch + batch + 1)
            callback.on_train_batch_end(batch, {"loss": float(10 * epoch + batch)})
        callback.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1), "val_loss": 2.0, "words": "no number"})
    callback.on_train_end()
    return callback


def read(folder):
    """By tag the points, as (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [(event.step, make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def numbers(points):
    return [(step, float(value)) for step, value in points]


def test_curves_of_epochs(tmp_path):
    trained(tmp_path)
    train, validation = read(tmp_path / "train"), read(tmp_path / "validation")
    assert set(train) == {"keras", "epoch_loss", "epoch_learning_rate"}
    assert numbers(train["epoch_loss"]) == [(0, 1.0), (1, 0.5), (2, float(np.float32(1 / 3)))]
    assert numbers(train["epoch_learning_rate"]) == [(0, 0.25), (1, 0.25), (2, 0.25)]
    assert train["keras"][0][1].item() == b'{"a": 1}'
    assert {tag: numbers(points) for tag, points in validation.items()} == {
        "epoch_loss": [(0, 2.0), (1, 2.0), (2, 2.0)]
    }


def test_curves_of_batches(tmp_path):
    callback = trained(tmp_path, update_freq=3, write_steps_per_second=True, write_graph=False)
    assert callback.needs_batch_hooks("train")
    assert not TensorBoard(tmp_path).needs_batch_hooks("train")
    train = read(tmp_path / "train")
    assert numbers(train["batch_loss"]) == [(3, 2.0), (6, 11.0), (9, 20.0), (12, 23.0)]
    assert [step for step, rate in numbers(train["batch_steps_per_second"]) if rate > 0] == [3, 6, 9, 12]
    assert [step for step, rate in numbers(train["epoch_steps_per_second"]) if rate > 0] == [0, 1, 2]


def test_histograms_and_pictures(tmp_path):
    trained(tmp_path, histogram_freq=2, write_images=True)
    train = read(tmp_path / "train")
    points = train["dense/kernel/histogram"]
    assert [step for step, _ in points] == [0, 2]
    for _, buckets in points:
        assert buckets[:, 2].sum() == 12
        assert (buckets[0, 0], buckets[-1, 1]) == (0.0, 1.0)
    width, height, picture = train["dense/kernel/image"][0][1]
    assert (width, height, picture[:4]) == (b"4", b"3", b"\x89PNG")


def test_evaluate(tmp_path):
    callback = TensorBoard(tmp_path)
    callback.set_model(made())
    callback.model.optimizer.iterations.assign(7)
    callback.on_test_begin()
    callback.on_test_end({"loss": 0.5})
    assert numbers(read(tmp_path / "validation")["evaluation_loss_vs_iterations"]) == [(7, 0.5)]
    callback.on_train_end()


def test_a_profile_of_some_batches(tmp_path, monkeypatch):
    import jax

    calls = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: calls.append(("start", folder)))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: calls.append("stop"))
    for batches, wanted in [((2, 3), (2, 3)), ("2,3", (2, 3)), (4, (4, 4)), ("4", (4, 4)), (0, None)]:
        calls.clear()
        profile = Profile(batches, "here")
        for batch in range(1, 6):
            profile.begin(batch)
            calls.append(batch)
            profile.end(batch)
        profile.stop()
        if wanted is None:
            assert calls == [1, 2, 3, 4, 5]
        else:
            first, last = wanted
            assert calls.index(("start", "here")) == first - 1
            assert calls.index("stop") == last + 1
    for wrong in (-1, (3, 2), "a", (1, 2, 3), None):
        with pytest.raises(ValueError, match="profile_batch: expected a batch or a pair of them"):
            Profile(wrong, "here")


def test_refusals(monkeypatch):
    with pytest.raises(ValueError, match="embeddings are not written"):
        TensorBoard(embeddings_freq=1)
    with pytest.raises(ValueError, match="update_freq: expected 'epoch', 'batch' or a number, got 0"):
        TensorBoard(update_freq=0)
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(ImportError, match=r"pip install gatewise\[tensorboard\]"):
        TensorBoard()
