"""Event files for TensorBoard, written by its own library."""

from __future__ import annotations

import io
import os
import time
from typing import Any, Final

import numpy as np

from gatewise.callbacks.callback import Callback, Logs, Mode, overrides_batch_hooks
from gatewise.callbacks.learning_rate import optimizers_of, rate_of

_MISSING: Final = "The callback TensorBoard needs TensorBoard's library. Install it: pip install gatewise[tensorboard]"


class TensorBoard(Callback):
    """Writes what TensorBoard shows: `tensorboard --logdir logs`. Names and folders are Keras's.

    `log_dir/train` has the curves `epoch_loss`, `epoch_learning_rate` and so on, `log_dir/validation` those of
    validation, and after `evaluate` the curves `evaluation_loss_vs_iterations`. Needs `gatewise[tensorboard]`.

    Args:
        log_dir: the folder.
        histogram_freq: after how many epochs each time to write histograms of the weights; 0 for none.
        write_graph: write the model's config, of which TensorBoard draws the layers.
        write_images: with the histograms, write the weights as pictures too.
        write_steps_per_second: write how many steps are made in a second.
        update_freq: "epoch"; "batch" or a number to write after so many batches, too.
        profile_batch: a batch, from 1, or a pair of them: JAX's profiler runs from the one to the other. 0 for none.
        embeddings_freq, embeddings_metadata: must be 0 and None; embeddings are not written.

    Raises:
        ImportError: without TensorBoard's library.
        ValueError: for arguments that are not known.
    """

    only_in_first_process = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        try:
            import tensorboard.summary.writer.event_file_writer  # noqa: F401
        except ImportError as error:
            raise ImportError(_MISSING) from error
        if embeddings_freq or embeddings_metadata:
            raise ValueError("TensorBoard: embeddings are not written: leave their arguments out.")
        is_number = isinstance(update_freq, int) and not isinstance(update_freq, bool) and update_freq > 0
        if update_freq not in ("epoch", "batch") and not is_number:
            raise ValueError(f"TensorBoard: update_freq: expected 'epoch', 'batch' or a number, got {update_freq!r}.")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._profile = Profile(profile_batch, os.path.join(self.log_dir, "train"))
        self._runs: dict[str, Run] = {}
        self._batch = 0
        self._batch_began = self._epoch_began = 0.0
        self._epoch_first_step = 0

    def needs_batch_hooks(self, mode: Mode) -> bool:
        """Only where it writes, or profiles, batches."""
        needs = mode == "train" and (self.update_freq != "epoch" or self._profile.is_wanted)
        return needs or overrides_batch_hooks(self, mode, TensorBoard)

    def _run(self, name: str) -> Run:
        if name not in self._runs:
            self._runs[name] = Run(os.path.join(self.log_dir, name))
        return self._runs[name]

    def _close(self) -> None:
        for run in self._runs.values():
            run.close()
        self._runs = {}

    # -- hooks ------------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._close()
        self._batch = 0
        if self.write_graph and hasattr(self.model, "to_json") and hasattr(self.model, "get_config"):
            self._write_config()

    def _write_config(self) -> None:
        try:
            config = self.model.to_json()
        except (NotImplementedError, TypeError, ValueError, AttributeError):
            return  # A model by a class of the user's has no config, and no picture.
        self._run("train").config("keras", config)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch_began = time.monotonic()
        self._epoch_first_step = self._steps()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_begin(batch, logs)
        self._batch += 1
        self._batch_began = time.monotonic()
        self._profile.begin(self._batch)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_end(batch, logs)
        self._profile.end(self._batch)
        if self.update_freq == "epoch" or self._batch % int(self.update_freq):
            return
        train = self._run("train")
        if self.write_steps_per_second:
            train.scalar("batch_steps_per_second", 1.0 / (time.monotonic() - self._batch_began), self._batch)
        for name, value in (logs or {}).items():
            train.scalar(f"batch_{name}", value, self._batch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        values = dict(logs or {})
        values |= {f"learning_rate{suffix}": rate_of(each) for suffix, each in optimizers_of(self.model)}
        if self.write_steps_per_second:
            made = self._steps() - self._epoch_first_step
            values["steps_per_second"] = made / (time.monotonic() - self._epoch_began)
        for name, value in values.items():
            run = "validation" if name.startswith("val_") else "train"
            self._run(run).scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        for each in self._runs.values():
            each.flush()

    def on_test_end(self, logs: Logs = None) -> None:
        if getattr(self.model, "optimizer", None) is not None:
            for name, value in (logs or {}).items():
                self._run("validation").scalar(f"evaluation_{name}_vs_iterations", value, self._steps())
            self._run("validation").flush()

    def on_train_end(self, logs: Logs = None) -> None:
        self._profile.stop()
        self._close()

    def _steps(self) -> int:
        """How many steps the optimizer has made."""
        return int(np.asarray(getattr(self.model.optimizer.iterations, "value", self.model.optimizer.iterations)))

    def _write_weights(self, epoch: int) -> None:
        train = self._run("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                name = (getattr(weight, "path", None) or weight.name).replace(":", "_")
                values = np.asarray(getattr(weight, "value", weight))
                train.histogram(f"{name}/histogram", values, epoch)
                if self.write_images and (pictures := as_pictures(values)) is not None:
                    train.image(f"{name}/image", pictures, epoch)


class Run:
    """One folder of event files: a curve's "run" in TensorBoard's words.

    Args:
        folder: made if it is not there.
    """

    def __init__(self, folder: str) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(folder, filename_suffix=".v2")

    def _add(self, summary: Any, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))

    def scalar(self, tag: str, value: Any, step: int) -> None:
        """A point of a curve; what is not one number is left out."""
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        if np.ndim(value) == 0 and not isinstance(value, str):
            self._add(scalar_pb(tag, np.float32(value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """How the numbers of an array are spread."""
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb

        self._add(histogram_pb(tag, values.astype("float64").ravel()), step)

    def image(self, tag: str, pictures: np.ndarray, step: int) -> None:
        """Pictures: numbers from 0 to 1 of shape (pictures, rows, columns, 1)."""
        from PIL import Image
        from tensorboard.plugins.image.metadata import create_summary_metadata

        rows, columns = pictures.shape[1:3]
        files = []
        for picture in (pictures[..., 0] * 255).round().astype("uint8"):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "png")
            files.append(file.getvalue())
        metadata = create_summary_metadata(display_name=None, description=None)
        self._tensor(tag, [str(columns).encode(), str(rows).encode(), *files], metadata, step)

    def config(self, tag: str, text: str) -> None:
        """A model's config as JSON."""
        from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

        metadata = SummaryMetadata()
        metadata.plugin_data.plugin_name = "graph_keras_model"
        metadata.plugin_data.content = b"1"
        self._tensor(tag, text.encode(), metadata, 0)

    def _tensor(self, tag: str, value: Any, metadata: Any, step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.util.tensor_util import make_tensor_proto

        tensor = make_tensor_proto(value)
        self._add(Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)]), step)

    def flush(self) -> None:
        """Bring all to the file."""
        self._writer.flush()

    def close(self) -> None:
        """Bring all to the file, and end it."""
        self._writer.close()


def as_pictures(weight: np.ndarray) -> np.ndarray | None:
    """A weight as grey pictures, from its least number to its largest: shape (pictures, rows, columns, 1).

    A kernel is one picture, wider than high; the kernels of a convolution are one each. None where there are too many
    axes.

    >>> as_pictures(np.zeros((8, 2))).shape, as_pictures(np.zeros((3, 4, 5))).shape
    ((1, 2, 8, 1), (5, 3, 4, 1))
    """
    values = np.squeeze(weight).astype("float32")
    if values.ndim <= 1:
        values = values.reshape(1, 1, -1)
    elif values.ndim == 2:
        values = (values.T if values.shape[0] > values.shape[1] else values)[None]
    elif values.ndim == 3:
        values = values.transpose(2, 0, 1)
    else:
        return None
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    return ((values - low) / ((high - low) or 1.0))[..., None]


class Profile:
    """JAX's profiler over some batches, counted from 1.

    Args:
        batches: a batch, a pair of them, or "first,last"; 0 for none.
        folder: where the profile goes.

    Raises:
        ValueError: for something else.
    """

    def __init__(self, batches: Any, folder: str) -> None:
        try:
            given = batches.split(",") if isinstance(batches, str) else np.ravel(batches)
            found = [int(each) for each in given]
            self._first, self._last = found * 2 if len(found) == 1 else found
        except (TypeError, ValueError):
            self._first, self._last = -1, -1
        if not 0 <= self._first <= self._last:
            raise ValueError(f"TensorBoard: profile_batch: expected a batch or a pair of them, got {batches!r}.")
        self._folder = folder
        self._runs = False

    @property
    def is_wanted(self) -> bool:
        """Whether there are batches to profile."""
        return self._last > 0

    def begin(self, batch: int) -> None:
        """A batch begins."""
        if self.is_wanted and batch == max(self._first, 1):
            import jax

            jax.profiler.start_trace(self._folder)
            self._runs = True

    def end(self, batch: int) -> None:
        """A batch ends."""
        if batch >= self._last:
            self.stop()

    def stop(self) -> None:
        """End the profile, if one runs."""
        if self._runs:
            import jax

            self._runs = False
            jax.profiler.stop_trace()
