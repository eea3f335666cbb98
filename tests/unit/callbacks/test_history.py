import sys

import pytest

from gatewise.callbacks import History


def told(**logs):
    history = History()
    history.on_train_begin()
    for epoch, values in enumerate(zip(*logs.values(), strict=True)):
        history.on_epoch_end(epoch, {k: v for k, v in zip(logs, values, strict=True) if v is not None})
    return history


def test_a_second_training_goes_on_with_the_lists_as_in_keras():
    history = told(loss=[3.0, 2.0])
    history.on_train_begin()
    history.on_epoch_end(2, {"loss": 1.0})
    assert (history.history, history.epoch) == ({"loss": [3.0, 2.0, 1.0]}, [2])


@pytest.fixture
def plt(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def curves(ax):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.get_lines()}


def test_a_picture_for_each_name_with_validation_in_it(plt, tmp_path):
    history = told(loss=[3.0, 2.0, 1.0, 0.5], accuracy=[0.1, 0.2, 0.3, 0.4], val_loss=[None, 2.5, None, 1.5])
    loss, accuracy = history.plot()
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    training = ([1, 2, 3, 4], [3.0, 2.0, 1.0, 0.5])
    assert curves(loss) == {"training": training, "validation": ([2, 4], [2.5, 1.5])}
    assert list(curves(accuracy)) == ["training"]
    loss.figure.savefig(tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")


def test_chosen_names_and_axes(plt):
    history = told(loss=[3.0, 2.0], val_only=[1.0, 2.0])
    assert [ax.get_title() for ax in history.plot()] == ["loss", "val_only"]
    _, ax = plt.subplots()
    assert history.plot("loss", ax) == [ax]
    with pytest.raises(ValueError, match="expected axes for"):
        history.plot(axes=ax)
    with pytest.raises(ValueError, match=r"has no \['lost'\]. It has: \['loss', 'val_only'\]"):
        history.plot("lost")
    with pytest.raises(ValueError, match="is empty"):
        History().plot()


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install gatewise\[plot\]"):
        told(loss=[1.0]).plot()
