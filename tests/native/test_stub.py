"""The stub `_native.pyi` says what the compiled module has: names, parameters, their defaults, and where None may come."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from gatewise.engine import _native

STUB = ast.parse((Path(__file__).parents[2] / "src/gatewise/engine/_native.pyi").read_text())


def public(names: Any) -> set[str]:
    """Names that callers use: no private ones, but the special methods that a class has of its own."""
    kept = {"__init__", "__len__", "__contains__"}
    return {name for name in names if not name.startswith("_") or name in kept}


def defined(body: list[ast.stmt]) -> dict[str, Any]:
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


CLASSES = {name: node for name, node in defined(STUB.body).items() if isinstance(node, ast.ClassDef)}
FUNCTIONS: dict[str, tuple[ast.FunctionDef, Any]] = {
    name: (node, getattr(_native, name)) for name, node in defined(STUB.body).items() if name not in CLASSES
}
for class_name, class_node in CLASSES.items():
    for name, node in defined(class_node.body).items():
        FUNCTIONS[f"{class_name}.{name}"] = (node, vars(getattr(_native, class_name)).get(name))


def without_brackets(text: str) -> str:
    while "[" in text:
        text = re.sub(r"\[[^\[\]]*\]", "", text)
    return text


def parameters(node: ast.FunctionDef, defaults: list[Any]) -> list[tuple[str, bool, Any]]:
    """Name, whether None may come, and the default (or Ellipsis), of each."""
    names = node.args.args
    padded = [...] * (len(names) - len(defaults)) + defaults
    return [
        (each.arg, "None" in without_brackets(ast.unparse(each.annotation)) if each.annotation else False, default)
        for each, default in zip(names, padded, strict=True)
    ]


def of_stub(node: ast.FunctionDef) -> list[tuple[str, bool, Any]]:
    return parameters(node, [ast.literal_eval(default) for default in node.args.defaults])


def of_module(function: Any) -> list[tuple[str, bool, Any]]:
    """The same from nanobind's signature, `def f(x: ndarray[device='cpu'] | None, y: int = \\0) -> object`."""
    ((text, _doc, defaults),) = function.__nb_signature__
    (node,) = ast.parse(re.sub(r"\\\d+", "...", without_brackets(text)) + ": ...").body
    assert isinstance(node, ast.FunctionDef)
    return parameters(node, list(defaults or ()))


def test_names_of_the_module() -> None:
    assert public(vars(_native)) == set(defined(STUB.body))


@pytest.mark.parametrize("name", CLASSES)
def test_names_of_a_class(name: str) -> None:
    wanted = set(defined(CLASSES[name].body))
    assert public(vars(getattr(_native, name))) == wanted


@pytest.mark.parametrize("name", [name for name, (node, _) in FUNCTIONS.items() if not node.decorator_list])
def test_parameters(name: str) -> None:
    node, function = FUNCTIONS[name]
    assert of_module(function) == of_stub(node)


@pytest.mark.parametrize("name", [name for name, (node, _) in FUNCTIONS.items() if node.decorator_list])
def test_properties(name: str) -> None:
    node, found = FUNCTIONS[name]
    assert [ast.unparse(each) for each in node.decorator_list] == ["property"]
    assert isinstance(found, property)
