import numpy as np
import pytest

from gatewise.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    LazyLogs,
    ModelCheckpoint,
    ProgbarLogger,
)

HOOKS = [name for name in vars(Callback) if name.startswith("on_")]


class Noted(Callback):
    """Writes down every hook, also those around batches by their old names."""

    def __init__(self, notes):
        super().__init__()
        self.notes = notes


def _noted(hook):
    def method(self, *args, **kwargs):
        self.notes.append((hook, *args))
        getattr(Callback, hook)(self, *args, **kwargs)

    return method


for _hook in HOOKS:
    setattr(Noted, _hook, _noted(_hook))


class Model:
    stop_training = False
    history = None


def test_every_hook_of_keras_reaches_the_callback():
    assert len(HOOKS) == 16
    notes = []
    together = CallbackList([Noted(notes)])
    for hook in HOOKS:
        place = () if hook.split("_")[1] in ("train", "test", "predict") and "batch" not in hook else (3,)
        notes.clear()
        getattr(together, hook)(*place, {"loss": 1.0})
        called = [hook, hook.replace("train_", "")] if "train_batch" in hook else [hook]
        assert notes == [(name, *place, {"loss": 1.0}) for name in called]
        notes.clear()
        getattr(together, hook)(*place)
        assert notes[0] == (hook, *place, {})


def test_callbacks_are_called_in_order_and_share_the_logs():
    history, model = History(), Model()
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(rate=0.5))
    together = CallbackList([[add], (history,)], model=model, epochs=2)
    together.on_train_begin()
    together.on_epoch_end(0, {"loss": np.float32(0.25)})
    assert history.history == {"loss": [0.25], "rate": [0.5]}
    assert type(history.history["loss"][0]) is float
    assert model.history is history
    assert (history.params, history.model, add.model) == ({"epochs": 2}, model, model)


def test_default_callbacks_are_added_once():
    both = CallbackList([], add_history=True, add_progbar=True)
    assert [type(each) for each in both] == [History, ProgbarLogger]
    own = [ProgbarLogger(), History()]
    assert CallbackList(own, add_history=True, add_progbar=True).callbacks == own


def test_what_is_not_a_callback_is_refused():
    with pytest.raises(TypeError, match=r"the class EarlyStopping came; give an object, as in EarlyStopping\(...\)"):
        CallbackList([EarlyStopping])
    with pytest.raises(TypeError, match=r"is not a callback: it has no .* LambdaCallback"):
        CallbackList([print])
    with pytest.raises(TypeError, match=r"no hook 'on_epoch_ended'. Did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ended=print)


def test_who_needs_batches():
    class Own(Callback):
        def on_batch_end(self, batch, logs=None):
            pass

    class Saving(ModelCheckpoint):
        def on_test_batch_begin(self, batch, logs=None):
            pass

    assert not CallbackList([History(), EarlyStopping(), ModelCheckpoint("a.keras"), ProgbarLogger()]).needs_batches
    for callback, modes in [
        (Own(), "train"),
        (LambdaCallback(on_train_batch_end=print), "train"),
        (LambdaCallback(on_predict_batch_begin=print), "predict"),
        (ModelCheckpoint("a.keras", save_freq=5), "train"),
        (Saving("a.keras"), "test"),
    ]:
        together = CallbackList([callback, History()])
        assert together.needs_batches
        assert [m for m in ("train", "test", "predict") if together.needs_batch_hooks(m)] == [modes]


def test_a_callback_that_forgets_its_base_works():
    class Own(Callback):
        def __init__(self):
            pass

        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = self.params["epochs"] == 3

    model = Model()
    CallbackList([Own()], model=model, epochs=3).on_epoch_end(0)
    assert model.stop_training


class Waiting:
    """A number on an accelerator that counts how often it is fetched."""

    shape, dtype = (), np.dtype("float32")
    fetched = 0

    def __array__(self, dtype=None, copy=None):
        self.fetched += 1
        return np.asarray(0.5, "float32")


def test_logs_are_fetched_when_they_are_read_and_once():
    value = Waiting()
    logs = LazyLogs({"loss": value, "matrix": np.eye(2)})
    assert list(logs) == ["loss", "matrix"]
    assert "loss" in logs
    assert len(logs or {}) == 2
    assert value.fetched == 0
    assert logs["loss"] == logs.get("loss") == 0.5
    assert logs["matrix"].shape == (2, 2)
    assert value.fetched == 1


def as_keywords(**given):
    return given


@pytest.mark.parametrize(
    "read",
    [
        dict,
        lambda logs: {**logs},
        lambda logs: logs.copy(),
        lambda logs: dict(logs.items()),
        lambda logs: dict(zip(logs, logs.values(), strict=True)),
        lambda logs: as_keywords(**logs),
        lambda logs: {} | logs,
        lambda logs: logs | {},
        lambda logs: {"loss": logs.pop("loss")},
        lambda logs: {"loss": logs.setdefault("loss", 1)},
        lambda logs: dict([logs.popitem()]),
        lambda logs: __import__("pickle").loads(__import__("pickle").dumps(logs)),
        lambda logs: __import__("json").loads(__import__("json").dumps(logs)),
        lambda logs: eval(repr(logs)),
        lambda logs: __import__("copy").deepcopy(logs),
    ],
)
def test_every_way_to_read_logs_gives_floats(read):
    found = read(LazyLogs({"loss": np.float32(0.5)}))
    assert found == {"loss": 0.5}
    assert [type(value) for value in dict.values(found)] == [float]
    assert LazyLogs({"loss": Waiting()}) == {"loss": 0.5}


def test_hooks_without_readers_fetch_nothing():
    value = Waiting()
    CallbackList([Callback(), ModelCheckpoint("a.keras", save_freq=100)]).on_train_batch_end(0, {"loss": value})
    assert value.fetched == 0
