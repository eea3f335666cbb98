"""SavedModels: a folder with a program of TensorFlow's, which is never run, and variables, which are read.

Keras 2 leaves the model's config there as well: from TensorFlow 2.4 on beside the program, in `keras_metadata.pb`,
before that inside it, with the objects (`saved_object_graph.proto`). From others, as those that Keras 3 exports,
weights alone are read, for a model that was made in code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gatewise.base.typing import Config
from gatewise.formats.contents import Contents
from gatewise.formats.tensorflow.bundle import Bundle
from gatewise.formats.tensorflow.checkpoint import weights_of
from gatewise.formats.wire import Message

FORMAT: Final = "TensorFlow SavedModel"
PROGRAM, METADATA, VARIABLES = "saved_model.pb", "keras_metadata.pb", "variables/variables"
_MOST: Final = {METADATA: 1 << 28, PROGRAM: 1 << 31}
"""How many bytes each may have; a program may hold large constants."""
_OF_KERAS: Final = "_tf_keras"
"""How Keras's kinds of objects begin: "_tf_keras_sequential"."""


def recognises(path: Any) -> bool:
    """Whether it is a folder with a program and variables."""
    folder = Path(os.fsdecode(path))
    return (folder / PROGRAM).is_file() and (folder / f"{VARIABLES}.index").is_file()


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the folder holds, for as long as the context lasts.

    Raises:
        ValueError: a folder in which something is damaged.
    """
    bundle = Bundle(path, str(Path(os.fsdecode(path), VARIABLES)))
    facts = _facts(bundle)
    config = facts.get("model_config")
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        config = None  # Of a class of the program's own Keras keeps the name alone.
    training = facts.get("training_config")
    compiled = None
    if isinstance(training, dict) and training.get("optimizer_config") is not None:
        compiled = {"optimizer": training["optimizer_config"], **training}
        compiled.pop("optimizer_config")
    version = facts.get("keras_version")
    yield Contents(
        path,
        FORMAT,
        config=config,
        weights=weights_of(bundle),
        keras_version=version if isinstance(version, str) else None,
        backend="tensorflow" if facts else None,
        training_config=training is not None,
        compile_config=compiled,
    )


def _plain(value: Any) -> Any:
    """Tuples and shapes as lists: these configs say their classes."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
            return _plain(value["items"])
        return {key: _plain(part) for key, part in value.items()}
    return value


def _facts(bundle: Bundle) -> Config:
    """What Keras says of the model; nothing where it says nothing."""
    for name, root_in in ((METADATA, _root_of_metadata), (PROGRAM, _root_of_program)):
        file = Path(os.fsdecode(bundle.path), name)
        if not file.is_file() or file.stat().st_size == 0:
            continue
        if file.stat().st_size > _MOST[name]:
            raise bundle.error(f"{name} is larger than any model's.")
        try:
            text = root_in(Message(memoryview(file.read_bytes())))
            found = _plain(json.loads(text)) if text else {}
        except (ValueError, RecursionError) as error:
            raise bundle.error(f"{name} is damaged: {error}.") from None
        if found and isinstance(found, dict):
            return found
    return {}


def _root_of_metadata(metadata: Message) -> str:
    """The JSON of the model among that of all objects."""
    return next((node.text(5) for node in metadata.messages(1) if node.text(3) == "root"), "")


def _root_of_program(program: Message) -> str:
    """The JSON that TensorFlow 2.0 to 2.3 keeps with the first object, which is the model."""
    for graph in program.messages(2):
        for node in Message(graph.view(7)).messages(1):
            user_object = Message(node.view(4))
            return user_object.text(3) if user_object.text(1).startswith(_OF_KERAS) else ""
    return ""
