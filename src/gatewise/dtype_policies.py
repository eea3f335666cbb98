"""Dtype policies: in which dtype layers keep their weights, and in which their outputs are.

    gw.mixed_precision.set_global_policy("mixed_float16")     # all layers that are made from here on
    gw.layers.LSTM(8, dtype="mixed_bfloat16")                 # or one
    gw.layers.Dense(1, dtype="float32")                       # the last one gives float32

A mixed layer keeps its weights in float32. Its inputs are rounded to the small dtype and so are its outputs; what lies
between is computed in float32, which is as exact as the format allows or more.
"""

from __future__ import annotations

from typing import Any, Final

from gatewise.base.absent import answer_for
from gatewise.base.typing import Config
from gatewise.config import config as settings

MIXED: Final = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
"""The mixed policies, with the dtype of their outputs."""
_PLAIN: Final = ("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


class DTypePolicy:
    """A policy by its name: a dtype's, for all, or "mixed_float16" or "mixed_bfloat16".

    Raises:
        ValueError: for another name.

    Source: Keras 3's `keras.DTypePolicy`.

    >>> policy = DTypePolicy("mixed_float16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('float16', 'float32')
    """

    def __init__(self, name: str | None = None) -> None:
        name = global_name() if name is None else name
        if not isinstance(name, str):
            raise TypeError(f"DTypePolicy: name: expected a text, got {name!r}.")
        if name not in (*MIXED, *_PLAIN):
            raise ValueError(f"DTypePolicy: expected one of {', '.join((*MIXED, *_PLAIN))}, got {name!r}.")
        self._name = name

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """Of inputs and outputs."""
        return MIXED.get(self._name, self._name)

    @property
    def variable_dtype(self) -> str:
        """Of weights."""
        return "float32" if self._name in MIXED else self._name

    @property
    def loss_scale(self) -> None:
        """None: `compile` chooses it."""
        return None

    def get_config(self) -> Config:
        """The arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: Config) -> DTypePolicy:
        """A policy from `get_config`'s."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


Policy = DTypePolicy
"""Its name in tf_keras."""


def get(identifier: Any) -> DTypePolicy:
    """The policy that `identifier` says: None for the global one, a policy, a name, a config or a dtype.

    >>> get("float16"), get({"class_name": "Policy", "config": {"name": "mixed_bfloat16"}})
    (<DTypePolicy "float16">, <DTypePolicy "mixed_bfloat16">)
    """
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        identifier = identifier.get("config", {}).get("name", identifier)
    if identifier is not None and not isinstance(identifier, str):
        identifier = getattr(identifier, "name", None) or getattr(identifier, "__name__", identifier)
    return DTypePolicy(identifier)


def serialize(policy: DTypePolicy) -> Config:
    """A policy as Keras 3 writes it."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": policy.get_config(), "registered_name": None}


def deserialize(config: Any) -> DTypePolicy:
    """The policy that `serialize`, or any Keras, wrote."""
    return get(config)


def mixed_name(identifier: Any) -> str | None:
    """The name of a mixed policy, where `identifier`, as layers take it for their dtype, is one."""
    if identifier is None:
        identifier = settings.policy
    elif isinstance(identifier, dict):
        identifier = identifier.get("config", {}).get("name")
    name = identifier if isinstance(identifier, str) else getattr(identifier, "name", None)
    return name if name in MIXED else None


def global_name() -> str:
    """The name of the policy of layers that do not say theirs."""
    return settings.policy or settings.floatx


def dtype_policy() -> DTypePolicy:
    """The policy of layers that do not say theirs.

    >>> dtype_policy()
    <DTypePolicy "float32">
    """
    return DTypePolicy(global_name())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that do not say theirs; those that are made keep theirs.

    Args:
        policy: a name, a policy or its config; None for the dtype that `floatx` says.
    """
    settings.policy = None if policy is None else get(policy).name


global_policy = dtype_policy
set_global_policy = set_dtype_policy

answer_for(__name__, "gatewise.dtype_policies")
