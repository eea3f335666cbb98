"""Every layer accepts every argument of every release, with that release's default, by name and by place."""

from __future__ import annotations

import json
from typing import Any

import golden_data
import pytest

import gatewise as gw
from gatewise.base.release import meaning

SIGNATURES = json.loads((golden_data.HERE / "signatures.json").read_text())

REQUIRED: dict[str, Any] = {
    "units": 3, "input_dim": 7, "output_dim": 4, "filters": 2, "kernel_size": 3, "pool_size": 2, "rate": 0.5,
    "activation": "tanh", "target_shape": (2, 3), "n": 2, "dims": (2, 1), "axes": 1, "shape": (3,),
    "output_size": 2,
}  # fmt: skip


def signatures() -> list[Any]:
    return [
        pytest.param(golden_data.RELEASES[source], name, signature, id=f"{source}/{name}")
        for source, table in SIGNATURES.items()
        for name, signature in table.items()
    ]


def required(name: str, argument: str) -> Any:
    if argument == "layer":
        return gw.layers.LSTM(3) if name == "Bidirectional" else gw.layers.Dense(3)
    return REQUIRED[argument]


def split(name: str, signature: list[Any]) -> tuple[list[Any], list[tuple[str, Any]]]:
    """The required arguments' values, and the others with their defaults, in order."""
    plain = [part for part in signature if part[1] == "POSITIONAL_OR_KEYWORD"]
    if name == "InputLayer":  # the shape has a default, which it takes from a batch shape alone
        return [(3,)], [(part[0], part[2]) for part in plain[1:]]
    needed = [required(name, part[0]) for part in plain if len(part) == 2]
    return needed, [(part[0], part[2]) for part in plain if len(part) == 3]


def config(layer: Any) -> Any:
    """What two layers of equal arguments agree in: names are their own."""
    text = json.dumps(layer.get_config(), default=str, sort_keys=True)
    return {key: value for key, value in json.loads(text).items() if key != "name"}


@pytest.mark.parametrize(("release", "name", "signature"), signatures())
def test_defaults_by_name_and_by_place(release: Any, name: str, signature: list[Any]) -> None:
    """Passing each default changes nothing: one at a time by name, then more and more of them by place."""
    if name == "InputLayer":
        return check_input_layer(release, signature)
    needed, others = split(name, signature)
    cls = getattr(gw.layers, name)
    with meaning(release):
        wanted = config(cls(*needed))
        for argument, default in others:
            assert config(cls(*needed, **{argument: default})) == wanted, argument
        for count in range(len(others) + 1):
            values = [default for _, default in others[:count]]
            assert config(cls(*needed, *values)) == wanted, others[count - 1][0]
    return None


def check_input_layer(release: Any, signature: list[Any]) -> None:
    with meaning(release):
        for argument, _, *default in signature:
            if default and argument not in ("input_shape", "shape", "batch_shape", "type_spec", "input_tensor"):
                assert gw.layers.InputLayer((3,), **{argument: default[0]}).get_config()


DISTINCT: dict[str, list[Any]] = {"bool": [True, False], "NoneType": ["l2"], "float": [0.25], "int": [2]}


@pytest.mark.parametrize(("release", "name", "signature"), signatures())
def test_the_places_are_the_names(release: Any, name: str, signature: list[Any]) -> None:
    """A value that is not the default does the same by place as by name."""
    needed, others = split(name, signature)
    cls = getattr(gw.layers, name)
    with meaning(release):
        for place, (argument, default) in enumerate(others):
            before = [value for _, value in others[:place]]
            value = other_value(argument, default)
            alone = name.startswith("LocallyConnected") and argument == "padding"  # "same" needs an implementation.
            if value is None or alone:
                continue
            by_name = config(cls(*needed, **{argument: value}))
            assert by_name == config(cls(*needed, *before, value)), argument


NO_OTHER = {"data_format", "fused", "virtual_batch_size", "adjustment", "renorm", "renorm_clipping", "renorm_momentum"}


def other_value(argument: str, default: Any) -> Any:
    """A value that the argument takes beside its default, or None where there is none to try."""
    if argument in NO_OTHER or argument in ("type_spec", "input_tensor", "sparse", "ragged", "optional"):
        return None
    for ending, value in (("_regularizer", "l2"), ("_constraint", "non_neg"), ("_initializer", "he_normal")):
        if argument.endswith(ending):
            return value
    if argument.endswith("activation"):
        return "relu"
    if isinstance(default, bool):
        return not default
    by_name = {
        "dropout": 0.25, "recurrent_dropout": 0.25, "seed": 3, "implementation": 2 if default == 1 else 1,
        "use_cudnn": False, "strides": 2, "padding": "same" if default == "valid" else 2, "merge_mode": "sum", "axis": 1, "momentum": 0.5,
        "epsilon": 0.5, "mask_value": 2.0, "input_length": 5, "dilation_rate": 2, "groups": 2, "negative_slope": 0.25,
        "alpha": 0.25, "max_value": 3.0, "threshold": 0.5, "name": "other", "pool_size": 3,
    }  # fmt: skip
    return by_name.get(argument)
