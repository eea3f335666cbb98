"""What a notebook shows: a bar that goes, models and histories as HTML."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import gatewise as gw
from gatewise.callbacks import History, ProgbarLogger, progress
from gatewise.callbacks.notebook import in_notebook


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What a kernel was asked to show, in a process that takes itself for one."""
    calls: list[tuple[str, Any]] = []

    def display(forms: Any, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        calls.append(("display", forms))
        return SimpleNamespace(update=lambda forms, raw: calls.append(("update", forms)))

    shell = SimpleNamespace(kernel=object())
    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    vars(package).update(get_ipython=lambda: shell)
    vars(module).update(display=display)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return calls


def test_a_terminals_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_notebook()
    package = ModuleType("IPython")
    vars(package).update(get_ipython=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "IPython", package)
    assert not in_notebook()


def test_the_bar_is_one_output_that_is_emptied(shown: Any, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BEFORE_A_BAR", 0)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_UPDATES", 0)
    logger = ProgbarLogger()
    logger.set_params({"verbose": "auto", "epochs": 1, "steps": 2})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    for batch in range(2):
        logger.on_train_batch_end(batch, {"loss": 0.5})
    logger.on_epoch_end(0, {"loss": 0.5})
    assert [kind for kind, _ in shown] == ["display", "update", "update"]
    assert shown[0][1]["text/html"] == '<div>Epoch 1/1 <progress value="1" max="2"></progress> 1/2 - loss: 0.5000</div>'
    assert shown[-1][1] == {"text/html": "", "text/plain": ""}
    assert capsys.readouterr().out.startswith("Epoch 1/1 - ")


def test_no_bar_where_the_program_wants_none(shown: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(gw.config, "bars", False)
    assert not progress.shows_bars()


def test_a_history_is_curves_and_a_table() -> None:
    history = History()
    history.on_train_begin()
    for epoch in range(20):
        history.on_epoch_end(epoch, {"loss": 1 / (epoch + 1), "val_loss": 2.0, "<odd>": float("nan")})
    html = history._repr_html_()
    assert html.count("<svg") == 2  # The validation's curve stands with its own.
    assert html.count("<polyline") == 3
    assert "<odd>" not in html
    assert html.count("<tr>") == 1 + 12 + 1  # A head, the first and the last epochs, and what is between.
    assert "<td>20</td><td>0.0500</td><td>2.0000</td>" in html
    assert History()._repr_html_().count("<tr>") == 1


def test_a_model_is_its_summary() -> None:
    model = gw.Sequential([gw.layers.LSTM(6, input_shape=(5, 3)), gw.layers.Dense(1)], name="a<b")
    html = model._repr_html_()
    assert "<td>(None, 6)</td><td>240</td>" in html
    assert "a&lt;b" in html
    assert "247" in html  # 240 of the LSTM and 7 of the Dense.
    assert "not built" in gw.Sequential([gw.layers.LSTM(6)])._repr_html_()
