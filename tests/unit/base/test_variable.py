"""Variables, and the scopes that swap their values."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base.changes import changes
from gatewise.base.variable import Scope, Variable, all_or_nothing, placeholder, placeholders, reading


def make(value: Any = ((1.0, 2.0), (3.0, 4.0))) -> Variable:
    return Variable(np.array(value, "float32"), name="kernel", path="layer/kernel")


def test_the_value_is_a_copy_that_cannot_be_written() -> None:
    source = np.ones((2, 2), "float32")
    variable = Variable(source, name="v")
    source[:] = 0
    np.testing.assert_array_equal(variable, 1)
    for array in (variable.value, np.asarray(variable)):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 5
    variable.numpy()[:] = 7
    np.testing.assert_array_equal(variable, 1)


def test_assign_casts_counts_and_checks() -> None:
    variable, stamp = make(), changes.latest
    given = np.zeros((2, 2))
    variable.assign(given)
    given[:] = 9
    assert (variable.version, variable.dtype, variable.nbytes, variable.size) == (1, np.float32, 16, 4)
    assert changes.latest != stamp
    np.testing.assert_array_equal(variable, 0)
    with pytest.raises(ValueError, match=r"layer/kernel: expected a value of shape \(2, 2\), got \(3,\)"):
        variable.assign(np.zeros(3))
    assert repr(variable) == "<Variable layer/kernel shape=(2, 2) dtype=float32>"


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "matmul"])
def test_arithmetic(name: str) -> None:
    function, variable = getattr(operator, name), make()
    x = np.array([[0.5, 1.0], [2.0, 3.0]], "float32")
    value = variable.numpy()
    np.testing.assert_array_equal(function(variable, x), function(value, x))
    np.testing.assert_array_equal(function(x, variable), function(x, value))
    np.testing.assert_array_equal(function(variable, variable), function(value, value))
    if name != "matmul":
        np.testing.assert_array_equal(function(variable, 2.0), function(value, 2.0))
        np.testing.assert_array_equal(function(2.0, variable), function(2.0, value))
    np.testing.assert_array_equal(-variable, -value)
    np.testing.assert_array_equal(variable[0], value[0])
    np.testing.assert_array_equal(np.matmul(x, variable), x @ value)


def test_one_number_can_be_added_to_and_read() -> None:
    count = Variable(np.asarray(2, "int64"), name="count")
    count.assign_add(3)
    count.assign_sub(1)
    assert (int(count), float(count), count.version) == (4, 4.0, 2)


def test_a_scope_keeps_reads_and_writes_to_itself() -> None:
    variable, other = make(), make()
    with reading(Scope([(variable, np.zeros((2, 2)))])) as scope:
        np.testing.assert_array_equal(variable.value, 0)
        np.testing.assert_array_equal(other.value, [[1, 2], [3, 4]])
        other.assign(np.full((2, 2), 5.0))
        np.testing.assert_array_equal(other.value, 5)
        assert [v is other for v, _ in scope.written()] == [True]
    np.testing.assert_array_equal(other.value, [[1, 2], [3, 4]])
    assert other.version == variable.version == 0


def test_all_or_nothing() -> None:
    first, second, undone = make(), make(), []

    def change(fails: bool) -> None:
        with all_or_nothing():
            first.assign(np.zeros((2, 2)))
            with all_or_nothing():
                second.assign(np.zeros((2, 2)))
            assert first.version == 0
            if fails:
                raise RuntimeError("later")

    with pytest.raises(RuntimeError, match="later"):
        change(fails=True)
    assert (first.version, second.version) == (0, 0)
    change(fails=False)
    assert (first.version, second.version) == (1, 1)

    def undo() -> None:
        with all_or_nothing():
            from gatewise.base.variable import current_scope

            scope = current_scope()
            assert scope is not None
            scope.on_error(lambda: undone.append(1))
            scope.on_error(lambda: undone.append(2))
            raise RuntimeError("later")

    with pytest.raises(RuntimeError, match="later"):
        undo()
    assert undone == [2, 1]


def test_placeholders_take_no_memory() -> None:
    with placeholders():
        layer = gw.layers.Dense(10**6)
        layer.build((None, 10**6))
        kernel = Variable(placeholder((10**6, 10**6), "float32"), name="k")
    assert layer.kernel.shape == kernel.shape == (10**6, 10**6)
    assert layer.kernel.value.strides == (0, 0)
    assert gw.layers.Dense(2)(np.ones((1, 2))).shape == (1, 2)


def test_a_wrong_number_of_values() -> None:
    layer = gw.layers.Dense(2)
    layer.build((None, 2))
    with pytest.raises(ValueError, match="2 trainable variables, but 1 values"):
        layer.stateless_call([np.ones((2, 2))], [], np.ones((1, 2)))
    with pytest.raises(ValueError, match="0 non-trainable variables, but 1 values"):
        layer.stateless_call(layer.get_weights(), [1], np.ones((1, 2)))
