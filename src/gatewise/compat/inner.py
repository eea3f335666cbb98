"""TensorFlow's inside, `tensorflow.python.*`, as far as programs import from it.

Names of the inside have no page and no promise; programs of all years import them all the same: `device_lib`,
`math_ops`, `ops.get_default_graph`. A module here stands for each of those that TensorFlow has. A name in it is what
the public `tf` has under that name (`math_ops.reduce_mean` is `tf.reduce_mean`), or one of the few that the table below
says. Any other can be imported, and says when it is used that it is not here.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, Final, NamedTuple

from gatewise.base import structure
from gatewise.base.absent import absent_inside
from gatewise.base.tensor_shape import TensorShape
from gatewise.compat import rnn, rnn_cells

ROOT: Final = "tensorflow.python"
PUBLIC: Final = "gatewise.compat.v1"
PARTS: Final = ("math", "nn", "linalg", "random", "strings", "errors", "train", "io", "logging")
"""Parts of the public `tf` that names of the inside are looked for in, after its top."""

MODULES: Final[dict[str, str]] = {
    "": "autograph client compat data debug distribute eager feature_column framework layers lib ops platform profiler "
    "saved_model summary tools tpu trackable training types util",
    "client": "client_lib device_lib session timeline",
    "eager": "backprop context core def_function execute function monitoring tape wrap_function",
    "framework": "c_api_util composite_tensor config constant_op convert_to_constants device device_spec dtypes errors "
    "errors_impl extension_type func_graph function graph_io graph_util graph_util_impl importer indexed_slices "
    "load_library meta_graph op_def_registry ops random_seed registry smart_cond sparse_tensor tensor "
    "tensor_conversion tensor_shape tensor_spec tensor_util type_spec versions",
    "lib": "core io",
    "lib.io": "file_io tf_record",
    "ops": "array_ops batch_ops bitwise_ops candidate_sampling_ops check_ops clip_ops cond control_flow_ops "
    "control_flow_util control_flow_v2_toggles ctc_ops cudnn_rnn_grad custom_gradient data_flow_ops embedding_ops "
    "functional_ops gen_array_ops gen_cudnn_rnn_ops gen_math_ops gen_nn_ops gen_rnn_ops gen_state_ops gradients "
    "gradients_impl image_ops init_ops init_ops_v2 inplace_ops io_ops linalg linalg_ops list_ops logging_ops "
    "lookup_ops losses manip_ops map_fn math_ops metrics nn nn_impl nn_ops numerics parsing_ops "
    "partitioned_variables ragged random_ops resource_variable_ops rnn rnn_cell rnn_cell_impl rnn_cell_wrapper_impl "
    "script_ops session_ops sets sort_ops sparse_ops special_math_ops standard_ops state_ops stateless_random_ops "
    "string_ops summary_ops_v2 template tensor_array_ops tensor_math_operator_overrides variable_scope variables "
    "while_loop",
    "ops.losses": "losses losses_impl util",
    "ops.ragged": "ragged_array_ops ragged_factory_ops ragged_math_ops ragged_tensor row_partition",
    "platform": "app build_info flags gfile resource_loader sysconfig test tf_logging",
    "saved_model": "builder load loader save signature_constants tag_constants",
    "training": "adam checkpoint_management checkpoint_utils coordinator gradient_descent learning_rate_decay momentum "
    "monitored_session moving_averages optimizer rmsprop saver session_run_hook slot_creator training training_util",
    "util": "compat deprecation dispatch function_utils keras_deps lazy_loader nest object_identity serialization "
    "tf_contextlib tf_decorator tf_export tf_inspect tf_should_use",
}  # fmt: skip
"""The modules that TensorFlow has there, by what they are in."""


class Device(NamedTuple):
    """What `device_lib` says of a device."""

    name: str
    device_type: str
    memory_limit: int
    physical_device_desc: str = ""


def list_local_devices(session_config: Any = None) -> list[Device]:
    """The processor, which is all that `tf` has here; JAX has its own list, `jax.devices()`."""
    return [Device("/device:CPU:0", "CPU", 256 << 20)]


def tf_export(*_: Any, **__: Any) -> Any:
    """A decorator that leaves things as they are."""
    return lambda thing: thing


_NEST: Final = {
    "flatten": structure.flatten,
    "map_structure": lambda function, *trees: structure.rebuild(
        trees[0], iter([function(*leaves) for leaves in zip(*map(structure.flatten, trees), strict=True)])
    ),
    "pack_sequence_as": lambda tree, leaves: structure.rebuild(tree, iter(leaves)),
    "is_nested": structure.is_nested,
    "is_sequence": structure.is_nested,
}
OWN: Final[dict[str, dict[str, Any]]] = {
    "client.device_lib": {"list_local_devices": list_local_devices},
    "framework.tensor_shape": {"as_shape": TensorShape},
    "ops.rnn": {**rnn.RUNNERS},
    "ops.rnn_cell": {**rnn_cells.CELLS},
    "ops.rnn_cell_impl": {**rnn_cells.CELLS, "LayerRNNCell": rnn_cells.RNNCell},
    "util.nest": _NEST,
    "util.tf_export": {"tf_export": tf_export, "keras_export": tf_export},
}
"""Names that the public `tf` has not, or has elsewhere."""


def has(address: str) -> bool:
    """Whether there is such a module inside TensorFlow, but for Keras's.

    >>> has("tensorflow.python.ops.math_ops"), has("tensorflow.python.ops.reduce_mean"), has("tensorflow.python.keras")
    (True, False, False)
    """
    above, _, name = address.rpartition(".")
    if above == ROOT:
        return name in MODULES[""].split()
    place = above.removeprefix(f"{ROOT}.")
    return above != place and name in MODULES.get(place, "").split() and has(above)


def module(address: str) -> ModuleType:
    """The module at an address that `has` knows."""
    if address not in sys.modules:
        made = ModuleType(address, f"`{address}`: names of `tf`, where TensorFlow has them inside.")
        vars(made).update(OWN.get(address.removeprefix(f"{ROOT}."), {}), __path__=[], __getattr__=_names(address))
        return made
    return sys.modules[address]


def _names(address: str) -> Any:
    otherwise = absent_inside(address, address.replace("tensorflow", "tf", 1))

    def __getattr__(name: str) -> Any:  # noqa: N807
        if has(f"{address}.{name}"):
            return importlib.import_module(f"{address}.{name}")
        if not name.startswith("__"):
            tf = importlib.import_module(PUBLIC)
            for home in (tf, *(vars(tf).get(part) or getattr(tf, part, None) for part in PARTS)):
                if name in (vars(home).get("__all__") or vars(home)):
                    return getattr(home, name)
        return otherwise(name)

    return __getattr__
