"""Declared arguments: order, binding, parsing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gatewise import arguments
from gatewise.arguments import Argument
from gatewise.base import release


class Owner:
    """Something with arguments."""

    size: Argument[int, int] = Argument(parse=arguments.positive)
    kind: Argument[str, str] = Argument(default="new", tf1="old")


@pytest.mark.parametrize(
    ("parse", "given", "kept"),
    [
        (arguments.integer, np.int64(3), 3),
        (arguments.integer, 3.0, 3),
        (arguments.positive, 1, 1),
        (arguments.boolean, 1, True),
        (arguments.boolean, np.False_, False),
        (arguments.fraction, None, 0.0),
        (arguments.fraction, 1, 1.0),
        (arguments.number, np.float32(0.5), 0.5),
        (arguments.text, b"abc", "abc"),
        (arguments.shape, 5, (5,)),
        (arguments.shape, [None, np.int32(3)], (None, 3)),
        (arguments.shape, (), ()),
        (arguments.optional(arguments.positive), None, None),
        (arguments.one_of("a", 1, True), True, True),
        (arguments.one_of("a", 1), 1, 1),
    ],
)
def test_what_parsers_keep(parse: Any, given: Any, kept: Any) -> None:
    found = parse(given)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("parse", "given", "words"),
    [
        (arguments.integer, 2.5, "an integer, got 2.5"),
        (arguments.integer, True, "an integer, got True"),
        (arguments.integer, "3", "an integer, got '3'"),
        (arguments.integer, float("nan"), "an integer"),
        (arguments.positive, 0, "a positive integer, got 0"),
        (arguments.boolean, 2, "True or False, got 2"),
        (arguments.boolean, "yes", "True or False"),
        (arguments.fraction, 1.5, "between 0 and 1, got 1.5"),
        (arguments.fraction, float("nan"), "between 0 and 1"),
        (arguments.fraction, True, "between 0 and 1"),
        (arguments.number, "a", "a number, got 'a'"),
        (arguments.text, 3, "a string, got 3"),
        (arguments.shape, "53", "a shape such as"),
        (arguments.shape, 2.5, "a shape such as"),
        (arguments.shape, (5, 0), r"got 0 in \(5, 0\)"),
        (arguments.one_of("tanh", None), "tahn", "Did you mean 'tanh'"),
        (arguments.one_of("a", 1), True, "one of 'a', 1, got True"),
    ],
)
def test_what_parsers_refuse(parse: Any, given: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        parse(given)


def test_defaults_are_those_of_the_generation() -> None:
    declared = {"size": vars(Owner)["size"], "kind": vars(Owner)["kind"]}
    assert arguments.bind("Owner", declared, (3,), {}) == {"size": 3, "kind": "new"}
    with release.meaning("tf1"):
        assert arguments.bind("Owner", declared, (), {"size": 3})["kind"] == "old"
    with release.meaning("tf2"):
        assert arguments.bind("Owner", declared, (3,), {})["kind"] == "new"


def test_binding_says_what_is_wrong() -> None:
    declared = {"size": vars(Owner)["size"], "kind": vars(Owner)["kind"]}
    for args, kwargs, words in [
        ((), {}, "Owner needs the argument size"),
        ((1, 2, 3), {}, "at most 2 positional arguments, but 3 came"),
        ((1,), {"size": 2}, "two values for 'size': 1 and 2"),
        ((1,), {"knid": 2}, "no argument 'knid'. Did you mean 'kind'"),
    ]:
        with pytest.raises(TypeError, match=words):
            arguments.bind("Owner", declared, args, kwargs)


def test_a_refused_value_leaves_the_old_one() -> None:
    owner = Owner()
    with pytest.raises(AttributeError, match=r"Owner.size is not set"):
        owner.size  # noqa: B018
    owner.size = 3
    with pytest.raises(ValueError, match="Owner: size: expected a positive integer, got 0"):
        owner.size = 0
    assert owner.size == 3
