"""What a picture of a trace shows: its panels, their numbers and their scales."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.layers import GRU, LSTM, Bidirectional, Masking

RNG = np.random.default_rng(2)
X = RNG.standard_normal((2, 9, 3)).astype("float32")
X[1, 6:] = 0


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def drawn(figure: Any) -> dict[str, Any]:
    """The panels by title, with what stands before a comma or semicolon as their title."""
    figure.canvas.draw()
    return {re.split("[,;]", axes.get_title(loc="left"))[0]: axes for axes in figure.axes if axes.get_title(loc="left")}


def image(axes: Any) -> Any:
    (found,) = axes.images
    return found


@pytest.fixture
def trace() -> Any:
    return gw.Sequential([gw.Input((None, 3)), Masking(), LSTM(4, name="lstm")]).trace(X)


def test_a_panel_for_each_gate_and_state_in_the_order_of_the_equation(trace: Any) -> None:
    panels = drawn(trace.plot())
    assert list(panels) == [
        "input x", "input gate i", "forget gate f", "candidate c", "output gate o", "cell state c", "output h",
    ]  # fmt: skip
    found = trace["lstm"]
    for title, array in {
        "input x": found.input,
        "forget gate f": found.forget_gate,
        "candidate c": found.candidate,
        "cell state c": found.cell_state,
        "output h": found.output,
    }.items():
        np.testing.assert_array_equal(image(panels[title]).get_array(), array[0].T)


def test_gates_stand_on_0_to_1_and_what_has_a_sign_around_0(trace: Any) -> None:
    panels = drawn(trace.plot())
    for title, axes in panels.items():
        shown = image(axes)
        if "gate" in title:
            assert shown.get_clim() == (0, 1)
        else:
            high = np.abs(shown.get_array()).max()
            np.testing.assert_allclose(shown.get_clim(), (-high, high))
    assert len({image(axes).get_cmap().name for axes in panels.values()}) == 2


def test_masked_steps_are_hatched(trace: Any) -> None:
    def hatched(sample: int) -> set[tuple[float, float]]:
        panels = drawn(trace.plot(sample=sample)).values()
        boxes = [
            patch.get_extents().transformed(axes.transData.inverted()) for axes in panels for patch in axes.patches
        ]
        assert all(patch.get_hatch() for axes in panels for patch in axes.patches)
        return {(round(box.x0, 6), round(box.x1, 6)) for box in boxes}

    assert hatched(0) == set()
    assert hatched(1) == {(5.5, 8.5)}


def test_units_are_chosen_and_sorted(trace: Any) -> None:
    found = trace["lstm"]
    panels = drawn(found.plot(units=[3, 1]))
    np.testing.assert_array_equal(image(panels["cell state c"]).get_array(), found.cell_state[0].T[[3, 1]])
    assert [label.get_text() for label in panels["cell state c"].get_yticklabels()] == ["3", "1"]
    assert image(panels["input x"]).get_array().shape == (3, 9)
    assert image(drawn(found.plot(units=2))["output h"]).get_array().tolist() == [found.output[0, :, 2].tolist()]
    order = np.argsort(-found.memory)
    panels = drawn(found.plot(by_memory=True))
    np.testing.assert_array_equal(image(panels["forget gate f"]).get_array(), found.forget_gate[0].T[order])


def test_the_memory_of_few_units_stands_beside_the_gate_and_of_many_above_it() -> None:
    layer = GRU(3, name="gru")
    layer.build((None, None, 3))
    found = layer.trace(X)["gru"]
    (right,) = drawn(found.plot())["update gate z"].child_axes
    assert [label.get_text() for label in right.get_yticklabels()] == [f"{steps:.1f}" for steps in found.memory]
    layer = GRU(40, name="many")
    layer.build((None, None, 3))
    axes = drawn(layer.trace(X).plot())["update gate z"]
    assert not axes.child_axes
    assert re.search(r"units remember \d\.\d to \d\.\d, median \d\.\d steps", axes.get_title(loc="left"))


def test_all_layers_side_by_side_and_one_by_name() -> None:
    model = gw.Sequential([gw.Input((None, 3)), Bidirectional(GRU(4, name="gru", return_sequences=True))])
    trace = model.trace(X)
    titles = [part.get_suptitle() for part in trace.plot().subfigs]
    assert titles == [
        "forward_gru (GRU, 4 units), sample 0",
        "backward_gru (GRU, 4 units), sample 0\nreads from right to left",
    ]
    (part,) = trace.plot("backward_gru").subfigs
    assert part.get_suptitle() == titles[1]


def test_a_gate_beyond_0_to_1_is_drawn_with_its_sign() -> None:
    layer = LSTM(4, recurrent_activation="linear", name="lstm")
    layer.build((None, None, 3))
    low, high = image(drawn(layer.trace(X).plot())["input gate i"]).get_clim()
    assert low == -high < 0


def test_what_is_not_there_is_refused(trace: Any) -> None:
    with pytest.raises(KeyError, match="no recurrent layer 'gru'"):
        trace.plot("gru")
    with pytest.raises(IndexError, match=r"'lstm' has 2 samples, 0 to 1; sample=2 came"):
        trace.plot(sample=2)
    with pytest.raises(IndexError, match=r"'lstm' has 4 units, 0 to 3; units=\[4, -1\] came"):
        trace.plot(units=[0, 4, -1])
    empty = gw.Sequential([gw.Input((None, 3)), LSTM(4, name="lstm")]).trace(np.zeros((2, 0, 3)))
    with pytest.raises(ValueError, match="'lstm' has no steps to draw"):
        empty.plot()


def test_the_pictures_of_the_page_are_there_and_small() -> None:
    docs = Path(__file__).parents[3] / "docs"
    named = re.findall(r"\]\((pictures/[^)]+)\)", (docs / "inside.md").read_text())
    assert named == ["pictures/inside_lstm.png", "pictures/inside_gru.png", "pictures/generate.png"]
    assert sum((docs / name).stat().st_size for name in named) < 250_000
