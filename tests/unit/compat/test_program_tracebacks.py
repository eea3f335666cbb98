"""A traceback under `gatewise run`: the program's own lines, also those that Gatewise called."""

from __future__ import annotations

import traceback

import numpy as np
import pytest

import gatewise as gw
from gatewise.compat import run


class Own(gw.layers.Layer):
    def call(self, inputs):
        return helper(inputs)


def helper(inputs):
    return inputs.nothing


def lines(act) -> list[str]:
    """The functions of the frames that are left."""
    with pytest.raises((ValueError, AttributeError)) as found:
        act()
    return [frame.name for frame in traceback.extract_tb(run.of_program(found.value.__traceback__))]


def test_gatewises_frames_are_left_out() -> None:
    def draws():
        gw.Sequential([gw.layers.LSTM(3, input_shape=(5, 3)), gw.layers.LSTM(3)])

    assert lines(draws) == ["lines", "draws"]


def test_what_gatewise_called_of_the_program_stays() -> None:
    def predicts():
        gw.Sequential([Own()]).predict(np.zeros((3, 2)))

    assert lines(predicts) == ["lines", "predicts", "call", "helper"]


def test_libraries_that_gatewise_called_are_left_out() -> None:
    def stacks():
        gw.ops.stack([np.zeros(2), np.zeros(3)])

    def stacks_itself():
        np.stack([np.zeros(2), np.zeros(3)])

    assert lines(stacks) == ["lines", "stacks"]
    assert lines(stacks_itself)[:2] == ["lines", "stacks_itself"]
    assert len(lines(stacks_itself)) > 2
