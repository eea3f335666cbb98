"""What TensorFlow 1 had at the top of `tf`, and TensorFlow 2 has in `tf.compat.v1`.

Sessions and graphs are there as far as they stand around Keras's models, which need none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import numpy as np

from gatewise import random
from gatewise.base import structure
from gatewise.base.absent import message
from gatewise.base.variable import Variable
from gatewise.compat import files
from gatewise.compat.functions import FUNCTIONS
from gatewise.compat.names import Names

_OLD_FUNCTIONS: Final = {
    "log": "math.log", "ceil": "math.ceil", "erf": "math.erf", "rsqrt": "math.rsqrt", "is_nan": "math.is_nan",
    "matrix_band_part": "linalg.band_part", "reverse_v2": "reverse", "unsorted_segment_sum":
    "math.unsorted_segment_sum", "diag": "linalg.diag", "log_sigmoid": "math.log_sigmoid", "top_k": "math.top_k",
    "l2_normalize": "math.l2_normalize", "global_norm": "linalg.global_norm", "squared_difference":
    "math.squared_difference", "segment_sum": "math.segment_sum", "cumprod": "math.cumprod",
    "batch_gather": "_batch_gather",
}  # fmt: skip
"""Functions that TensorFlow 1 has at the top, and where TensorFlow 2 has them."""


class Proto:
    """Settings of a session, which change nothing: `tf.ConfigProto(...)`, `config.gpu_options.allow_growth = True`."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = Proto()
        setattr(self, name, made)
        return made


class Graph:
    """The one graph, which holds nothing: models run without."""

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """A block in which models run as everywhere."""
        yield self

    def finalize(self) -> None:
        """Accepted."""


_graph: Final = Graph()


class Session:
    """What stands around a Keras model in TensorFlow 1: it gives the values of variables and tensors.

    Args:
        target, graph, config: accepted.

    >>> with Session() as session:
    ...     session.run([np.float32([1.0, 2.0])])[0].tolist()
    [1.0, 2.0]
    """

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        self.graph = _graph

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        """The session ends; nothing is kept in it."""

    def as_default(self) -> Session:
        """Itself."""
        return self

    def close(self) -> None:
        """Accepted."""

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """The values of variables and tensors, in the structure of `fetches`; None for what only starts something.

        Raises:
            NotImplementedError: with a `feed_dict`, which needs a graph.
        """
        if feed_dict:
            raise NotImplementedError(
                "A session here runs no graphs: call the model on the data, `model.predict(x)`, in place of feeding it."
            )
        return structure.map_structure(lambda each: None if each is None else np.asarray(each), fetches)


def get_default_graph() -> Graph:
    """The one graph."""
    return _graph


def reset_default_graph() -> None:
    """Accepted: there is nothing in the graph."""


def get_default_session() -> Session:
    """A session."""
    return Session()


def global_variables_initializer() -> None:
    """Nothing to run: variables have their values from the beginning."""


def global_variables(scope: Any = None) -> list[Variable]:
    """None: a graph would hold them. Those of a model are `model.weights`."""
    return []


def placeholder(*_: Any, **__: Any) -> NoReturn:
    """Refused: it stands for data in a graph."""
    raise NotImplementedError(message("tf.placeholder"))


def to_float(x: Any, name: Any = None) -> Any:
    """`x` in float32."""
    return FUNCTIONS["cast"](x, "float32")


def to_int32(x: Any, name: Any = None) -> Any:
    """`x` in int32."""
    return FUNCTIONS["cast"](x, "int32")


def _names() -> dict[str, Any]:
    of_random = {f"random_{name}": getattr(random, name) for name in ("normal", "uniform", "shuffle")}
    return {
        **{old: FUNCTIONS[now] for old, now in _OLD_FUNCTIONS.items()},
        **of_random,
        "ConfigProto": Proto,
        "GPUOptions": Proto,
        "RunOptions": Proto,
        "Graph": Graph,
        "Session": Session,
        "InteractiveSession": Session,
        "get_default_graph": get_default_graph,
        "reset_default_graph": reset_default_graph,
        "get_default_session": get_default_session,
        "global_variables_initializer": global_variables_initializer,
        "local_variables_initializer": global_variables_initializer,
        "initialize_all_variables": global_variables_initializer,
        "tables_initializer": global_variables_initializer,
        "global_variables": global_variables,
        "placeholder": placeholder,
        "to_float": to_float,
        "to_int32": to_int32,
        "gfile": Names("tf.gfile", {**files.GFILE, "Exists": files.exists, "MakeDirs": files.makedirs}),
    }


OLD: Final = _names()
"""What TensorFlow 1 had at the top."""
