"""Messages, warnings and refusals of the callbacks that watch a number; their decisions are tests/golden's."""

from types import SimpleNamespace

import pytest

from gatewise import optimizers
from gatewise.callbacks import EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN


def ready(callback, **attributes):
    calls = []
    model = SimpleNamespace(
        stop_training=False,
        optimizer=optimizers.SGD(0.1),
        metrics=[],
        get_weights=lambda: "weights",
        set_weights=calls.append,
        save=lambda path, overwrite: calls.append(path),
        calls=calls,
        **attributes,
    )
    callback.set_model(model)
    callback.on_train_begin()
    return callback


@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau])
def test_a_number_that_is_not_there_is_named_with_those_that_are(kind):
    callback = ready(kind("val_los"))
    callback.mode = "min"
    with pytest.warns(UserWarning, match=rf"{kind.__name__}: 'val_los' is not in .*: loss, val_loss.*mean 'val_loss'"):
        callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})


def test_an_unknown_direction_is_asked_for():
    with pytest.raises(ValueError, match=r"EarlyStopping: .* 'mine' is better. Say mode='max'"):
        ready(EarlyStopping("mine")).on_epoch_end(0, {"mine": 1.0})
    with pytest.warns(UserWarning, match="mode 'most' is unknown"):
        EarlyStopping(mode="most")


def test_outputs_names_begin_with_the_output(tmp_path):
    callback = ready(EarlyStopping("val_head_recall"))
    callback.model.metrics = [SimpleNamespace(name="recall", _direction="up")]
    callback.on_epoch_end(0, {"val_head_recall": 0.5})
    callback.on_epoch_end(1, {"val_head_recall": 0.6})
    assert (callback.best, callback.model.stop_training) == (0.6, False)
    assert ready(EarlyStopping("head_loss"))._goes() == "down"


def test_early_stopping_says_what_it_does(capsys):
    callback = ready(EarlyStopping("loss", verbose=1, restore_best_weights=True))
    for epoch, loss in enumerate([1.0, 2.0]):
        callback.on_epoch_end(epoch, {"loss": loss})
    callback.on_train_end()
    assert callback.model.calls == ["weights"]
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 2: early stopping",
        "Restoring model weights from the end of the best epoch: 1.",
    ]


def test_checkpoints_say_what_they_do_and_make_folders(tmp_path, capsys):
    path = tmp_path / "a" / "b" / "m.keras"
    callback = ready(ModelCheckpoint(path, "loss", verbose=1, save_best_only=True))
    for epoch, loss in enumerate([1.0, 2.0, 0.5]):
        callback.on_epoch_end(epoch, {"loss": loss})
    assert capsys.readouterr().out.split("\n\n") == [
        f"\nEpoch 1: loss improved from None to 1.00000, saving model to {path}"[0:],
        "Epoch 2: loss did not improve from 1.00000",
        f"Epoch 3: loss improved from 1.00000 to 0.50000, saving model to {path}\n",
    ]
    assert path.parent.is_dir()


def test_checkpoints_refuse_what_cannot_be(tmp_path):
    with pytest.raises(ValueError, match=r"'cp.ckpt' should end in .weights.h5"):
        ModelCheckpoint("cp.ckpt", save_weights_only=True)
    with pytest.raises(ValueError, match=r"'folder' should end in .keras"):
        ModelCheckpoint("folder")
    for wrong in (0, -1, True, 1.5, "batch"):
        with pytest.raises(ValueError, match="save_freq: expected 'epoch' or a number of batches"):
            ModelCheckpoint("a.keras", save_freq=wrong)
    (tmp_path / "a.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        ready(ModelCheckpoint(tmp_path / "a.keras")).on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(KeyError, match=r"a place for 'acc', but there are: epoch, loss"):
        ready(ModelCheckpoint("{acc}.keras")).on_epoch_end(0, {"loss": 1.0})


def test_batches_that_run_several_at_once_are_counted():
    callback = ready(ModelCheckpoint("{epoch}-{batch}.keras", save_freq=4))
    for epoch in range(2):
        callback.on_epoch_begin(epoch)
        for batch in (2, 5, 6):
            callback.on_train_batch_end(batch, {})
    assert callback.model.calls == ["1-6.keras", "2-3.keras", "2-7.keras"]


def test_schedules_must_give_floats(capsys):
    with pytest.raises(ValueError, match="expected a float from the schedule for epoch 0, got 1"):
        ready(LearningRateScheduler(lambda epoch, rate: 1)).on_epoch_begin(0)
    callback = ready(LearningRateScheduler(lambda epoch, rate: 0.5, verbose=1))
    callback.on_epoch_begin(2)
    assert capsys.readouterr().out == "\nEpoch 3: LearningRateScheduler setting learning rate to 0.5.\n"
    callback.model.optimizer = None
    with pytest.raises(ValueError, match="has no learning_rate"):
        callback.on_epoch_begin(0)


def test_a_schedule_in_the_optimizer_is_not_reduced():
    callback = ready(ReduceLROnPlateau("loss", patience=1))
    callback.model.optimizer = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))
    callback.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(TypeError, match="schedule"):
        callback.on_epoch_end(1, {"loss": 1.0})
    with pytest.raises(ValueError, match="factor: expected a number below 1"):
        ReduceLROnPlateau(factor=1.5)


def test_several_optimizers_change_together(capsys):
    two = [optimizers.SGD(0.1, name="a"), optimizers.SGD(0.2, name="b")]
    callback = ready(ReduceLROnPlateau("loss", patience=1, factor=0.5, verbose=1))
    callback.model.optimizer = SimpleNamespace(optimizers=two)
    logs = {"loss": 1.0}
    for epoch in range(2):
        callback.on_epoch_end(epoch, logs)
    assert [float(each.learning_rate.numpy()) for each in two] == pytest.approx([0.05, 0.1])
    assert set(logs) == {"loss", "learning_rate_a", "learning_rate_b"}
    assert "reducing a learning rate to 0.05" in capsys.readouterr().out


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_training_ends_at_a_loss_that_is_no_number(loss, capsys):
    callback = ready(TerminateOnNaN())
    callback.on_train_batch_end(0, {"loss": 1e30})
    callback.on_train_batch_end(1, {})
    assert not callback.model.stop_training
    callback.on_train_batch_end(2, {"loss": loss})
    assert callback.model.stop_training
    assert capsys.readouterr().out == "Batch 2: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="loss of batch 3"):
        ready(TerminateOnNaN(raise_error=True)).on_train_batch_end(3, {"loss": loss})
