"""SavedModels: a folder with a program of TensorFlow's, which is never run, and variables, which are read.

Keras 2 of TensorFlow 2.4 and later leaves the model's config beside them, in `keras_metadata.pb`; from others, as those
of TensorFlow 2.0 to 2.3 and those that Keras 3 exports, weights alone are read, for a model that was made in code.
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
_MOST_METADATA: Final = 1 << 28


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
    training = facts.get("training_config")
    compiled = None
    if isinstance(training, dict) and training.get("optimizer_config") is not None:
        compiled = {"optimizer": training["optimizer_config"], **training}
        compiled.pop("optimizer_config")
    version = facts.get("keras_version")
    yield Contents(
        path,
        FORMAT,
        config=config if isinstance(config, dict) and isinstance(config.get("class_name"), str) else None,
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
    file = Path(os.fsdecode(bundle.path), METADATA)
    if not file.is_file() or file.stat().st_size == 0:
        return {}
    if file.stat().st_size > _MOST_METADATA:
        raise bundle.error(f"{METADATA} is larger than any model's.")
    try:
        for node in Message(file.read_bytes()).messages(1):
            if node.text(3) == "root":
                found = _plain(json.loads(node.text(5)))
                return found if isinstance(found, dict) else {}
    except (ValueError, RecursionError) as error:
        raise bundle.error(f"{METADATA} is damaged: {error}.") from None
    return {}
