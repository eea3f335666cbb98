"""The real systems, behind the few names that the cases need.

keras3     Keras 3 on TensorFlow
tf_keras   tf_keras 2 (what `tf.keras` was from TensorFlow 2.0 to 2.15)
tf1        the layers of TensorFlow 1: `lstm_v1` and `gru_v1`, which tf_keras still carries; the rest as tf_keras
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import keras
import tf_keras
from tf_keras.src.layers.rnn import gru_v1, lstm_v1
from tf_keras.src.saving.legacy import saving_utils
from tf_keras.src.saving.legacy.saved_model import json_utils


class System:
    """One real system: its layers, and how it writes a config."""

    name: str
    release: str  # the generation as Gatewise names it
    keras: Any

    def __init__(self) -> None:
        self._saved = itertools.count()

    @property
    def is_keras3(self) -> bool:
        return self.name == "keras3"

    def layer(self, name: str) -> Any:
        return getattr(self.keras.layers, name)

    def has(self, name: str) -> bool:
        return hasattr(self.keras.layers, name)

    def activation_names(self) -> list[str]:
        hidden = () if self.is_keras3 else ("leaky_relu", "log_softmax", "relu6", "silu")
        public = (n for n in dir(self.keras.activations) if not n.startswith("_"))
        return sorted({*public, *hidden} - {"get", "serialize", "deserialize"})

    def is_model(self, thing: Any) -> bool:
        return isinstance(thing, self.keras.Model)

    def config(self, thing: Any) -> dict[str, Any]:
        """What this system writes for a model or a layer, through JSON as a file would hold it."""
        raise TypeError(f"{self.name} is not one of the systems below.")

    def reset(self, thing: Any, states: Any = None) -> None:
        """Clear the recorded states of every recurrent layer inside."""
        if states is not None:
            thing.reset_states(states)
        elif self.is_model(thing) and self.is_keras3:  # Keras 3 took `Model.reset_states` away
            for layer in thing.layers:
                if getattr(layer, "stateful", False):
                    layer.reset_state()
        else:
            thing.reset_states()


class Keras3(System):
    name, release, keras = "keras3", "keras3", keras

    def config(self, thing: Any) -> dict[str, Any]:
        text = thing.to_json() if self.is_model(thing) else json.dumps(keras.saving.serialize_keras_object(thing))
        return json.loads(text)  # type: ignore[no-any-return]


class TfKeras(System):
    name, release, keras = "tf_keras", "tf2", tf_keras

    def config(self, thing: Any) -> dict[str, Any]:
        """`to_json` and the older form that HDF5 files hold, in turn: tf_keras writes and reads both."""
        if next(self._saved) % 2:
            return legacy_config(thing, "2.15.0")
        if self.is_model(thing):
            return json.loads(thing.to_json())  # type: ignore[no-any-return]
        text = json.dumps(tf_keras.saving.serialize_keras_object(thing), default=json_utils.get_json_type)
        return json.loads(text)  # type: ignore[no-any-return]


class Tf1(System):
    name, release, keras = "tf1", "tf1", tf_keras

    def layer(self, name: str) -> Any:
        return {"LSTM": lstm_v1.LSTM, "GRU": gru_v1.GRU}.get(name) or super().layer(name)

    def config(self, thing: Any) -> dict[str, Any]:
        return legacy_config(thing, "2.2.4-tf")


def legacy_config(thing: Any, version: str) -> dict[str, Any]:
    """The form in HDF5 files of Keras 2: class name and config, no modules. `version` is what the writer would say."""
    if not isinstance(thing, tf_keras.Model):
        config = {"class_name": thing.__class__.__name__, "config": thing.get_config()}
    else:
        thing.use_legacy_config = True
        config = saving_utils.model_metadata(thing, include_optimizer=False)["model_config"]
        del thing.use_legacy_config
        config |= {"keras_version": version, "backend": "tensorflow"}
    text = json.dumps(config, default=json_utils.get_json_type)
    return json.loads(text)  # type: ignore[no-any-return]


SYSTEMS = (Keras3(), TfKeras(), Tf1())
