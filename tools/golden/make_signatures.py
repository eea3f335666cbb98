"""`signatures.json`: the constructor arguments of every layer, in order, with defaults, in each generation.

Keras 3 and tf_keras tell theirs; TensorFlow 1.14's are read out of its own source files, which are parsed, not run.
"""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from systems import SYSTEMS

LAYERS = [
    "LSTM",
    "GRU",
    "SimpleRNN",
    "Bidirectional",
    "TimeDistributed",
    "InputLayer",
    "Dense",
    "Embedding",
    "Masking",
    "Conv1D",
    "MaxPooling1D",
    "AveragePooling1D",
    "GlobalMaxPooling1D",
    "GlobalAveragePooling1D",
    "Dropout",
    "SpatialDropout1D",
    "Activation",
    "Flatten",
    "Reshape",
    "RepeatVector",
    "Permute",
    "Concatenate",
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Dot",
    "BatchNormalization",
    "LayerNormalization",
    "UnitNormalization",
    "Softmax",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "PReLU",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "MaxPooling2D",
    "MaxPooling3D",
    "AveragePooling2D",
    "AveragePooling3D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
]

WHEEL = Path(__file__).resolve().parents[2] / ".peers" / "tf114"


def make(out: Path) -> None:
    found: dict[str, Any] = {}
    for system in SYSTEMS:
        if system.name != "tf1":
            names = [name for name in LAYERS if system.has(name)]
            found[system.name] = {name: inspected(system.layer(name)) for name in names}
    found["tf1"] = tensorflow_114()
    (out / "signatures.json").write_text(_pretty(found))
    print(sum(map(len, found.values())), "signatures")


def _pretty(found: dict[str, Any]) -> str:
    """JSON with one layer a line."""
    systems = (
        f' "{system}": {{\n' + ",\n".join(f'  "{name}": {json.dumps(table[name])}' for name in table) + "\n }"
        for system, table in found.items()
    )
    return "{\n" + ",\n".join(systems) + "\n}\n"


def inspected(layer: Any) -> list[list[Any]]:
    """[name, kind, default] of each argument after self; a default that JSON cannot hold is its repr."""
    arguments = list(inspect.signature(layer.__init__).parameters.values())[1:]
    return [_argument(p.name, p.kind.name, p.default is p.empty, p.default) for p in arguments]


def _argument(name: str, kind: str, required: bool, default: Any) -> list[Any]:
    if required:
        return [name, kind]
    try:
        json.dumps(default)
    except TypeError:
        default = repr(default)
    return [name, kind, default]


def tensorflow_114() -> dict[str, list[list[Any]]]:
    """The classes that `tf.keras.layers` of 1.14 names (not those that wait for `enable_v2_behavior`)."""
    classes = {tree.name: tree for tree in _classes()}
    public = {name: tree for tree in classes.values() for name in _public(tree)}
    return {name: _constructor(public[name], classes) for name in LAYERS if name in public}


def _classes() -> Iterator[ast.ClassDef]:
    WHEEL.mkdir(parents=True, exist_ok=True)
    if not list(WHEEL.glob("*.whl")):
        wanted = [
            "--no-deps",
            "--only-binary=:all:",
            "--python-version",
            "37",
            "--implementation",
            "cp",
            "--abi",
            "cp37m",
        ]
        where = ["--platform", "manylinux1_x86_64", "-d", str(WHEEL), "tensorflow==1.14.0"]
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", *wanted, *where], check=True)
    with zipfile.ZipFile(next(WHEEL.glob("*.whl"))) as wheel:
        for member in sorted(wheel.namelist()):
            ours = "/python/keras/layers/" in member or member.endswith("keras/engine/input_layer.py")
            if ours and not member.endswith("_v2.py"):
                body = ast.parse(wheel.read(member)).body
                yield from (node for node in body if isinstance(node, ast.ClassDef))


def _public(tree: ast.ClassDef) -> list[str]:
    """The names that `@keras_export` gives the class under `keras.layers` in version 1."""
    for decorator in tree.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "keras_export":
            names = [ast.literal_eval(argument) for argument in decorator.args]
            for keyword in decorator.keywords:
                names = ast.literal_eval(keyword.value) if keyword.arg == "v1" else names
            return [name.removeprefix("keras.layers.") for name in names if name.startswith("keras.layers.")]
    return []


def _constructor(tree: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> list[list[Any]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return _parsed(node.args)
    for base in tree.bases:
        name = getattr(base, "id", "")
        if name in classes:
            return _constructor(classes[name], classes)
    return [["kwargs", "VAR_KEYWORD"]]  # the plain Layer's


def _parsed(arguments: ast.arguments) -> list[list[Any]]:
    names = [a.arg for a in arguments.args][1:]
    bare = len(names) - len(arguments.defaults)
    made = []
    for place, name in enumerate(names):
        required = place < bare
        default = None if required else _value(arguments.defaults[place - bare])
        made.append(_argument(name, "POSITIONAL_OR_KEYWORD", required, default))
    if arguments.vararg:
        made.append([arguments.vararg.arg, "VAR_POSITIONAL"])
    if arguments.kwarg:
        made.append([arguments.kwarg.arg, "VAR_KEYWORD"])
    return made


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
