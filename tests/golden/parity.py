"""The matrix of forms and models: what of each model of `saved_models.py` comes back from each form that we write.

`tools/golden/check_parity.py` keeps it in `parity.json`, with what other systems made of the same files, and writes the
page `docs/parity.md`; `test_parity.py` holds both to the code.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import saved_models

from gatewise.base.release import meaning
from gatewise.models import load_model, load_weights_from

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "parity.md"
CLOSE = 2e-6
"""Between our outputs and those of a graph, relative to the largest number above 1: float32 over a few layers."""
BITS, OUTPUTS, REFUSED = "bits", "outputs", "refused"
"""What comes back: every bit of weights, optimizer and outputs; the outputs up to rounding; nothing is written."""

REFUSALS = re.compile(r"[A-Z]\w+ '\w+' |PyTorch's GRU")
"""A refusal names the layer for which there are no words."""

Back = Callable[[Path, Any, Any, Any], bool]


@dataclass(frozen=True)
class Form:
    """A form in which models are written.

    Attributes:
        name: as the page shows it.
        file: the name of the file.
        write: given a model and the path.
        back: whether what is read is the model: given the path, the model, its inputs, and a maker of others like it.
        gives: what comes back.
        release: in whose words the model is written.
    """

    name: str
    file: str
    write: Callable[[Any, Path], object]
    back: Back
    gives: str = BITS
    release: Any = "keras3"


# -- reading back -----------------------------------------------------------------------------------------------------


def arrays(model: Any, optimizer: bool) -> list[np.ndarray]:
    """The weights, and the optimizer's state."""
    state = model.optimizer.stored_variables if optimizer and model.optimizer is not None else []
    return [np.asarray(variable.numpy()) for variable in (*model.variables, *state)]


def outputs(model: Any, inputs: Any) -> list[np.ndarray]:
    found = model.predict(inputs, verbose=0)
    return found if isinstance(found, list) else [found]


def same(one: Any, other: Any, inputs: Any, optimizer: bool = True) -> bool:
    """Whether two models have the same bits, and give the same."""
    pairs = [(arrays(one, optimizer), arrays(other, optimizer)), (outputs(one, inputs), outputs(other, inputs))]
    return all(
        len(a) == len(b) and all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))
        for a, b in pairs
    )


def whole(path: Path, model: Any, inputs: Any, _: Any) -> bool:
    return same(load_model(path), model, inputs)


def weights(path: Path, model: Any, inputs: Any, make: Callable[[], Any], optimizer: bool = True) -> bool:
    other = make()
    for variable in other.weights:
        variable.assign(np.ones(variable.shape, variable.dtype))
    other.load_weights(path)
    return same(other, model, inputs, optimizer)


def by_name(path: Path, model: Any, inputs: Any, make: Callable[[], Any]) -> bool:
    other = make()
    for variable in other.weights:
        variable.assign(np.ones(variable.shape, variable.dtype))
    load_weights_from(other, path, show=False)
    return same(other, model, inputs, optimizer=False)


def by_graph(path: Path, model: Any, inputs: Any, _: Any) -> bool:
    found = load_model(path).run(by_input(model, inputs))
    return difference(found.values(), outputs(model, inputs)) < CLOSE


def by_input(model: Any, inputs: Any) -> dict[str, np.ndarray]:
    """The inputs by name, as graphs take them."""
    pairs = zip(model.inputs, inputs if isinstance(inputs, list) else [inputs], strict=True)
    return {tensor.name.partition(":")[0]: np.asarray(x, tensor.dtype) for tensor, x in pairs}


def difference(found: Iterable[Any], wanted: Iterable[Any]) -> float:
    """The largest, beside the largest number above 1."""
    return max(float(np.abs(a - b).max() / max(1, np.abs(b).max())) for a, b in zip(found, wanted, strict=True))


def written_alone(path: Path, *_: Any) -> bool:
    """C is read by compilers, where `check_parity.py` runs."""
    return "_run(" in path.read_text()


def _in_shards(model: Any, path: Path) -> None:
    model.save_weights(path, max_shard_size=saved_models.SHARD_BYTES / 2**30)


FORMS = (
    Form("`.keras`", "m.keras", lambda model, path: model.save(path), whole),
    Form("folder", "m", lambda model, path: model.save(path, zipped=False), whole),
    Form("`.h5`", "m.h5", lambda model, path: model.save(path), whole),
    Form("`.safetensors`", "m.safetensors", lambda model, path: model.save(path), whole),
    Form("`.weights.h5`", "m.weights.h5", lambda model, path: model.save_weights(path), weights),
    Form("`.weights.json`", "m.weights.json", _in_shards, weights),
    Form("`.h5` by layer", "w.h5", lambda model, path: model.save_weights(path), partial(weights, optimizer=False),
         release="tf2"),
    Form("`.safetensors`, weights", "w.safetensors", lambda model, path: model.save_weights(path), weights),
    Form("for PyTorch", "t.safetensors", lambda model, path: model.export(path), by_name),
    Form("`.onnx`", "m.onnx", lambda model, path: model.export(path), by_graph, OUTPUTS),
    Form("`.c`", "m.c", lambda model, path: model.export(path, show=False), written_alone, OUTPUTS),
)  # fmt: skip


def found(form: Form, family: str, folder: Path) -> str:
    """What comes back of a family of models from a form: `BITS`, `OUTPUTS` or `REFUSED`.

    Raises:
        AssertionError: where something is written, and does not come back.
        ValueError: where it is refused, and the words name no layer.
    """
    path = folder / form.file
    model, inputs = saved_models.made(family, form.release)
    with meaning(form.release), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            form.write(model, path)
        except ValueError as error:
            if REFUSALS.search(str(error)):
                return REFUSED
            raise
        assert form.back(path, model, inputs, lambda: saved_models.made(family, form.release)[0]), f"{family}: {path}"
    return form.gives


# -- the page ---------------------------------------------------------------------------------------------------------

KERAS = {"`.keras`": ".keras", "folder": "_folder", "`.h5`": ".h5", "`.weights.h5`": ".weights.h5",
         "`.weights.json`": ".weights.json", "`.h5` by layer": "_by_layer.h5"}  # fmt: skip
"""The endings that `interchange.json` knows the forms by."""
SHOWN = {BITS: "=", OUTPUTS: "~", REFUSED: "-"}


@dataclass(frozen=True)
class Source:
    """A form that we read, and the files of it in the golden data: who wrote them, and where they are loaded again."""

    form: str
    writer: str
    files: str
    test: str


READ = (
    Source("HDF5, whole models and weights by layer", "Keras 1", "files/keras_1*.h5", "test_files.py"),
    Source("HDF5, whole models", "Keras 2.0", "files/keras_2*.h5", "test_files.py"),
    Source("HDF5, whole models and weights by layer", "tf.keras of TensorFlow 1", "files/tf1_*.h5", "test_files.py"),
    Source("HDF5, whole models and weights by layer", "tf_keras", "files/tf_keras_*.h5", "test_files.py"),
    Source("HDF5, whole models", "Keras 3", "files/keras3_*.h5", "test_files.py"),
    Source("`.keras`", "tf_keras", "saved/tf_keras_*.keras", "test_saved.py"),
    Source("`.keras`", "Keras 3", "saved/keras3_*.keras", "test_saved.py"),
    Source("`.weights.h5`", "tf_keras", "saved/tf_keras_*.weights.h5", "test_saved.py"),
    Source("`.weights.h5`", "Keras 3", "saved/keras3_*.weights.h5", "test_saved.py"),
    Source("`.weights.json` and its shards", "Keras 3", "shards/*.json", "test_shards.py"),
    Source("SavedModel, its metadata and without", "TensorFlow 2", "of_tensorflow/*/saved_model.pb",
           "test_tensorflow_files.py"),
    Source("checkpoint", "TensorFlow 1 and 2", "of_tensorflow/*/*.index", "test_tensorflow_files.py"),
    Source("`.pt`, zip and older", "PyTorch", "of_torch/*.pt", "test_torch.py"),
    Source("ONNX graph", "ONNX", "onnx_graphs.npz", "test_onnx_graphs.py"),
    Source("TFLite", "TensorFlow", "tflite_models.npz", "test_tflite.py"),
)  # fmt: skip


def page() -> str:
    """`docs/parity.md`."""
    kept = json.loads((HERE / "parity.json").read_text())
    return "\n".join([*_head(), *_out(kept), "", *_torch(), "", *_in(), ""])


def _head() -> Iterator[str]:
    yield "# Parity"
    yield ""
    yield "What is written and what is read, model by model, and who checked it. The tables are made by"
    yield "`tools/golden/check_parity.py` (`make interchange`), and tests hold them to the code."
    yield ""
    yield "## Out"
    yield ""
    yield "`=`: read back here, every bit of the weights, of the optimizer's state and of the outputs is the same. `~`: the"
    yield "outputs are, up to float32's rounding. `-`: the form has no words for the model, and says so by name. Behind it:"
    yield "who loaded the same file with the same outputs. 3: Keras 3.15; 2: tf_keras 2.21; R: ONNX Runtime; C: a compiler,"
    yield "whose program gave the outputs in its self test."
    yield ""


def _out(kept: dict[str, Any]) -> Iterator[str]:
    lines = json.loads((HERE / "interchange.json").read_text())
    loads = {(line["model"], line["release"], line["ending"]): line["loads"] for line in lines}
    yield f"| model | {' | '.join(form.name for form in FORMS)} |"
    yield "| --- |" + " --- |" * len(FORMS)
    for family in saved_models.BUILDERS:
        cells = [_cell(kept[family][form.name], loads, family, form.name) for form in FORMS]
        yield f"| {family} | {' | '.join(cells)} |"


def _cell(kept: dict[str, Any], loads: Any, family: str, form: str) -> str:
    readers = []
    for mark, release, system in (("3", "keras3", "keras3"), ("2", "tf2", "tf_keras")):
        error = loads.get((family, release, KERAS.get(form)), {}).get(system)
        readers += [mark] if isinstance(error, float) and error < 1e-5 else []
    readers += kept.get("elsewhere", [])
    return f"{SHOWN[kept['here']]} {''.join(readers)}".strip()


def _torch() -> Iterator[str]:
    reads = json.loads((HERE / "torch_reads.json").read_text())
    yield "PyTorch loads what is exported for it into its own modules, and gives the same outputs. The largest"
    yield "differences:"
    yield ""
    yield f"| {' | '.join(reads)} |"
    yield "|" + " --- |" * len(reads)
    yield f"| {' | '.join(format(each['error'], '.0e') for each in reads.values())} |"


def _in() -> Iterator[str]:
    yield "## In"
    yield ""
    yield "Files that the systems themselves wrote, kept in `tests/golden` and loaded by its tests with the outputs that the"
    yield "writer gave."
    yield ""
    yield "| form | written by | files | held by |"
    yield "| --- | --- | --- | --- |"
    for source in READ:
        if names := sorted(HERE.glob(source.files)):
            count = _graphs(names[0]) if source.files.endswith(".npz") else len(names)
            yield f"| {source.form} | {source.writer} | {count} | `{source.test}` |"
    published = len(json.loads((HERE / "published.json").read_text()))
    yield f"| HDF5, published inside packages | Keras 2, tf.keras | {published} | `tests/published` |"


def _graphs(path: Path) -> int:
    with np.load(path) as file:
        return sum(name.endswith((":model", "/model")) for name in file.files)
