"""Configs as files of each Keras hold them, made from the one form that models give: that of Keras 3's `.keras`.

.keras of Keras 3      as models give it
.h5 of Keras 3         the same without modules
.keras of tf_keras     calls as lists, inputs by `batch_input_shape`
.h5 of tf_keras        both
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.base.typing import Config

_ANY: Final = object()
_WITHOUT_EFFECT: Final = {"seed", "use_cudnn", "zero_output_for_mask"}
"""Arguments that recurrent layers have in Keras 3 alone, and that change no output; the wrappers set the last one."""
_WORDS_OF_KERAS3: Final[dict[str, dict[str, Any]]] = {
    "LSTM": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "GRU": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "SimpleRNN": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "RNN": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "LSTMCell": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "GRUCell": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "SimpleRNNCell": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "ConvLSTM1D": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "ConvLSTM2D": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "ConvLSTM3D": dict.fromkeys(_WITHOUT_EFFECT, _ANY),
    "LayerNormalization": {"rms_scaling": False},
    "Attention": {"seed": _ANY, "sliding_window": None},
    "AdditiveAttention": {"seed": _ANY, "sliding_window": None},
    "MultiHeadAttention": {"seed": _ANY, "sliding_window": None, "use_gate": False},
    "ZeroPadding1D": {"data_format": "channels_last"},
}
"""Arguments of Keras 3 alone, with the only value that can be left out, or `_ANY`."""
_RENAMED: Final = {"LeakyReLU": {"negative_slope": "alpha"}}
_OWN_NAMES: Final = {"GroupQueryAttention": "GroupedQueryAttention"}
"""The names of Keras's classes whose public names are others."""
_OF_KERAS2: Final = "keras2_"
"""What stands before the name of a function that Keras 3 has under the same name with another meaning."""
_OTHERS_IN_KERAS3: Final = {"hard_sigmoid"}


def plain(value: Any, where: str) -> Any:
    """A config as JSON can hold it: tuples as lists, NumPy's numbers as Python's.

    Args:
        where: what the value is, for errors: "Sequential 'model'".

    Raises:
        ValueError: something that is neither a number, a text, a truth value, None, nor a list or dict of these.

    >>> import numpy as np
    >>> plain({"units": np.int64(3), "shape": (None, 2)}, "LSTM 'rnn'")
    {'units': 3, 'shape': [None, 2]}
    >>> plain({"units": {3}}, "LSTM 'rnn'")
    Traceback (most recent call last):
        ...
    ValueError: LSTM 'rnn' cannot be saved: 'units' in its config is {3}, a set, which a file cannot hold. ...
    """
    return _plain(value, where, "")


def _plain(value: Any, where: str, path: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        if _is_entry(value) and isinstance(value["config"], dict) and "name" in value["config"]:
            where, path = f"{value['class_name']} {value['config']['name']!r}", ""
        return {str(key): _plain(part, where, f"{path}.{key}".lstrip(".")) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part, where, f"{path}[{place}]") for place, part in enumerate(value)]
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufU":
        return value.tolist()
    raise ValueError(
        f"{where} cannot be saved: {path.removeprefix('config.')!r} in its config is {value!r}, a "
        f"{type(value).__name__}, which a file cannot hold. Have its get_config return plain values, and its "
        "constructor take them."
    )


def _is_entry(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("class_name"), str) and "config" in part


# -- without modules ------------------------------------------------------------------------------------------------


def without_module(entry: Any) -> Any:
    """The form in HDF5 files: a class by its name, with its package where a program registered it.

    That holds for models and the layers in their lists, losses, metrics and optimizers; what stands among the arguments
    of these (an initializer, the layer in a wrapper) keeps its module.

    >>> without_module({"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": None})
    {'class_name': 'Dense', 'config': {}}
    """
    if isinstance(entry, list):
        return [without_module(part) for part in entry]
    if not isinstance(entry, dict):
        return entry
    if not _is_entry(entry):
        return {key: without_module(part) for key, part in entry.items()}
    if entry["class_name"] == "function":
        return entry["config"]
    name = entry.get("registered_name") or _OWN_NAMES.get(entry["class_name"], entry["class_name"])
    left_out = {"module", "registered_name", "build_config"}
    return {**_kept(entry, left_out), "class_name": name, "config": _lists_without_modules(entry["config"])}


def _lists_without_modules(config: Any) -> Any:
    if isinstance(config, list):
        return [_lists_without_modules(part) for part in config]
    if not isinstance(config, dict):
        return config
    return {
        key: [without_module(layer) for layer in part] if key == "layers" else _lists_without_modules(part)
        for key, part in config.items()
    }


# -- in the words of Keras 2 ------------------------------------------------------------------------------------------


def of_keras2(entry: Config) -> Config:
    """A model's config in the words of tf_keras.

    Raises:
        ValueError: what no config of tf_keras can say; the message names the layer and the way out.
    """
    found: Config = _of_keras2(entry)
    return found


def _of_keras2(part: Any) -> Any:
    if isinstance(part, list):
        return [_of_keras2(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("class_name") == "DTypePolicy":
        return {"class_name": "Policy", "config": part["config"]}
    if not _is_entry(part):
        return {key: _of_keras2(value) for key, value in part.items()}
    if part["class_name"] == "Functional":  # The name by which both tf_keras and Keras 3 find it.
        part = {**part, "class_name": "Model", "module": "keras.models"}
    return {**part, "config": _own_config(part)}


def _own_config(entry: Config) -> Any:
    own, kind = entry["config"], entry["class_name"]
    if not isinstance(own, dict):
        return own
    if str(entry.get("module")).startswith("keras.src.ops"):
        raise _no_words(f"the operation {kind} ({own.get('name')!r})", f"draw it with a layer such as layers.{kind}()")
    if kind == "InputLayer":
        return {"batch_input_shape": own["batch_shape"], **_kept(own, {"batch_shape"}), "ragged": False}
    if "layers" in own:
        return _model(own)
    for key, usual in _WORDS_OF_KERAS3.get(kind, {}).items():
        if usual is not _ANY and own.get(key, usual) != usual:
            raise _no_words(f"{key}={own[key]!r} of {kind} {own.get('name')!r}", f"leave it at {usual!r}")
    own = _kept(own, set(_WORDS_OF_KERAS3.get(kind, ())))
    if kind == "MultiHeadAttention":  # tf_keras builds it for the shapes that it finds among its arguments.
        own = own | _three_shapes(entry.get("build_config"))
    own = {_RENAMED.get(kind, {}).get(key, key): value for key, value in own.items()}
    return {key: _function(value) if key.endswith("activation") else _of_keras2(value) for key, value in own.items()}


def _three_shapes(built_for: Any) -> Config:
    found = built_for or {}
    shapes = found.get("shapes_dict", {})
    query = shapes.get("query_shape", found.get("input_shape"))
    value = shapes.get("value_shape", query)
    return {"query_shape": query, "value_shape": value, "key_shape": shapes.get("key_shape", value)}


def _kept(config: Config, left_out: set[str]) -> Config:
    return {key: value for key, value in config.items() if key not in left_out}


def _function(name: Any) -> Any:
    if isinstance(name, str) and name in _OTHERS_IN_KERAS3:
        raise _no_words(f"the activation {name!r} of Keras 3, as it has another of that name,", "choose another one")
    return name.removeprefix(_OF_KERAS2) if isinstance(name, str) else name


def _no_words(what: str, way_out: str) -> ValueError:
    return ValueError(f'tf_keras has no words for {what}: {way_out}, or save with release="keras3".')


def _model(own: Config) -> Config:
    layers = [_of_keras2(_kept(layer, {"inbound_nodes"})) for layer in own["layers"]]
    if "output_layers" not in own:
        return {"name": own["name"], "layers": layers}
    # Keras 2 counts the drawing of every model inside as its first call; Keras 3 so counts its `output_layers` only,
    # and there a `Functional`'s only.
    models = {layer["name"] for layer in layers if "layers" in layer["config"]}
    chains = {layer["name"] for layer in layers if "layers" in layer["config"] and layer["class_name"] == "Sequential"}
    for layer, given in zip(layers, own["layers"], strict=True):
        layer["inbound_nodes"] = [_call(call, layer["name"], models) for call in given["inbound_nodes"]]
    return {
        **_kept(own, {"layers", "input_layers", "output_layers"}),
        "layers": layers,
        "input_layers": _ends(own["input_layers"], set()),
        "output_layers": _ends(own["output_layers"], chains),
    }


def _ends(part: Any, counted: set[str]) -> Any:
    if _is_history(part):
        return [_counted(part, counted)]
    if isinstance(part, dict):
        return {key: _counted(value, counted) for key, value in part.items()}
    return [_counted(value, counted) for value in part]


def _is_history(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 3 and isinstance(part[0], str)


def _counted(history: list[Any], counted: set[str]) -> list[Any]:
    name, place, index = history
    return [name, place + (name in counted), index]


def _call(call: Config, name: str, models: set[str]) -> list[Any]:
    """One call: `[[layer, call, output, arguments], ...]`, a list for each tensor of its input."""
    if len(call["args"]) != 1:
        raise _no_words(f"a call of {name!r} with {len(call['args'])} arguments by place", "pass the others by name")
    arguments = {key: _argument(value, models) for key, value in call["kwargs"].items()}
    tensors = _tensors(call["args"][0])
    if not tensors:
        raise _no_words(f"a call of {name!r} on a constant", "call it on tensors")
    return [[*_counted(history, models), arguments] for history in tensors]


def _tensors(part: Any) -> list[list[Any]]:
    if isinstance(part, dict) and part.get("class_name") == "__keras_tensor__":
        return [part["config"]["keras_history"]]
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [history for each in parts for history in _tensors(each)]


def _argument(value: Any, models: set[str]) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return _counted(value["config"]["keras_history"], models)
    if isinstance(value, list):
        return [_argument(part, models) for part in value]
    return value
