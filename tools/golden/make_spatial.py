"""`spatial.jsonl.gz`, `spatial.npz` and `spatial/*`: layers over one, two and three axes, and models of them in files.

Convolutions with the channels first are not among them, as TensorFlow does not compute those on a CPU.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from case import Case, Cases, fixed_weights, record, values
from layer_cases import layer
from make_files import _example
from store import Store, write_lines
from systems import SYSTEMS, System

T1, T2, T3 = values(2, 9, 4, seed=1), values(2, 6, 7, 4, seed=2), values(1, 4, 5, 4, 2, seed=3)
OVER = {1: T1, 2: T2, 3: T3}


def make(out: Path) -> None:
    store, lines = Store(), []
    for system in SYSTEMS[:2]:
        lines += [record(system, case, store) for case in cases(system)]
    lines += files(out / "spatial", store)
    names = [line["id"] for line in lines]
    assert len(set(names)) == len(names), "two cases of one name"
    write_lines(out / "spatial.jsonl.gz", lines)
    store.save(out / "spatial.npz")
    print(len(lines), "cases over axes")


def cases(system: System) -> Cases:
    for family in (convolutions, transposed, depthwise, pools, ends, longer, others):
        yield from family(system)
    if not system.is_keras3:
        yield from locally_connected(system)
    else:
        yield from adaptive(system)


def convolutions(system: System) -> Cases:
    yield layer(system, "Conv2D", "plain", T2, 3, 3)
    yield layer(system, "Conv2D", "same_strides", T2, 3, (3, 2), strides=(2, 3), padding="same", activation="relu")
    yield layer(system, "Conv2D", "dilated", T2, 2, (2, 3), dilation_rate=2, use_bias=False)
    yield layer(system, "Conv2D", "groups", T2, 6, 2, groups=2, padding="same")
    yield layer(system, "Conv2D", "softmax", T2, 3, 3, activation="softmax")
    yield layer(system, "Conv3D", "plain", T3, 3, (2, 3, 1), strides=(1, 2, 1))
    yield layer(system, "Conv3D", "same", T3, 2, 2, padding="same")


def transposed(system: System) -> Cases:
    for padding in ("valid", "same"):
        for size, strides, more in ((3, 2, None), (2, 3, None), (4, 2, None), (3, 2, 1), (4, 3, 1), (2, 2, 0)):
            label = f"{padding}_k{size}_s{strides}_o{more}"
            if (padding, size, more) == ("same", 2, 0):
                continue  # TensorFlow takes the size that Keras asks for there for a wrong one.
            options = {"strides": strides, "padding": padding, "output_padding": more}
            yield layer(system, "Conv1DTranspose", label, T1, 3, size, **options)
    yield layer(system, "Conv2DTranspose", "valid", T2, 3, (3, 2), strides=(2, 1), activation="tanh")
    yield layer(system, "Conv2DTranspose", "same", T2, 3, 3, strides=(2, 3), padding="same", use_bias=False)
    yield layer(system, "Conv2DTranspose", "more", T2, 2, 3, strides=2, padding="same", output_padding=(1, 0))
    yield layer(system, "Conv3DTranspose", "valid", T3, 3, 2, strides=2)
    yield layer(system, "Conv3DTranspose", "same", T3, 2, (3, 2, 1), strides=(2, 1, 1), padding="same")


def depthwise(system: System) -> Cases:
    yield layer(system, "DepthwiseConv1D", "plain", T1, 3)
    yield layer(system, "DepthwiseConv1D", "times", T1, 2, padding="same", strides=2, depth_multiplier=3)
    yield layer(system, "DepthwiseConv2D", "plain", T2, (2, 3), activation="relu")
    yield layer(system, "DepthwiseConv2D", "times", T2, 3, padding="same", depth_multiplier=2, use_bias=False)
    yield layer(system, "DepthwiseConv2D", "dilated", T2, 2, dilation_rate=2)
    yield layer(system, "DepthwiseConv2D", "strides", T2, 2, strides=2)
    yield layer(system, "SeparableConv1D", "plain", T1, 5, 3)
    yield layer(system, "SeparableConv1D", "times", T1, 2, 2, padding="same", depth_multiplier=2, activation="tanh")
    yield layer(system, "SeparableConv1D", "dilated", T1, 2, 3, dilation_rate=2, use_bias=False)
    yield layer(system, "SeparableConv2D", "plain", T2, 5, (3, 2))
    yield layer(system, "SeparableConv2D", "times", T2, 2, 2, padding="same", strides=2, depth_multiplier=2)
    if not system.is_keras3:
        yield layer(system, "SeparableConv1D", "causal", T1, 3, 3, padding="causal")


def locally_connected(system: System) -> Cases:
    for implementation in (1, 2, 3):
        label, options = f"i{implementation}", {"implementation": implementation}
        yield layer(system, "LocallyConnected1D", label, T1, 3, 3, strides=2, **options)
        yield layer(system, "LocallyConnected2D", label, T2, 2, (3, 2), activation="tanh", **options)
        first = {"data_format": "channels_first", **options}
        yield layer(system, "LocallyConnected1D", f"{label}_first", T1, 2, 2, use_bias=False, **first)
    for implementation in (2, 3):
        options = {"padding": "same", "implementation": implementation}
        yield layer(system, "LocallyConnected2D", f"same_i{implementation}", T2, 2, 3, **options)


def pools(system: System) -> Cases:
    for kind in ("Max", "Average"):
        yield layer(system, f"{kind}Pooling2D", "plain", T2, (2, 2))
        yield layer(system, f"{kind}Pooling2D", "same", T2, (2, 3), strides=(1, 2), padding="same")
        if system.is_keras3:
            yield layer(system, f"{kind}Pooling2D", "first", T2, 2, data_format="channels_first")
        yield layer(system, f"{kind}Pooling3D", "same", T3, 2, padding="same")
        yield layer(system, f"{kind}Pooling3D", "strides", T3, (2, 1, 3), strides=1)
        for rank in (2, 3):
            yield layer(system, f"Global{kind}Pooling{rank}D", "plain", OVER[rank])
            first = {"data_format": "channels_first", "keepdims": True}
            yield layer(system, f"Global{kind}Pooling{rank}D", "first_kept", OVER[rank], **first)


def adaptive(system: System) -> Cases:
    for kind in ("Max", "Average"):
        yield layer(system, f"Adaptive{kind}Pooling1D", "4", T1, 4)
        yield layer(system, f"Adaptive{kind}Pooling2D", "3", T2, (4, 3))
        yield layer(system, f"Adaptive{kind}Pooling2D", "first", T2, 3, data_format="channels_first")
        yield layer(system, f"Adaptive{kind}Pooling3D", "2", T3, (2, 3, 2))


def ends(system: System) -> Cases:
    for name in ("Cropping", "ZeroPadding"):
        yield layer(system, f"{name}1D", "pair", T1, (1, 2))
        yield layer(system, f"{name}2D", "one", T2, 1)
        yield layer(system, f"{name}2D", "two", T2, (2, 1))
        yield layer(system, f"{name}2D", "pairs_first", T2, ((0, 1), (2, 1)), data_format="channels_first")
        yield layer(system, f"{name}3D", "defaults", T3)
        yield layer(system, f"{name}3D", "pairs", T3, ((0, 1), (2, 0), (1, 1)))
    yield layer(system, "Cropping2D", "defaults", T2)


def longer(system: System) -> Cases:
    yield layer(system, "UpSampling1D", "3", T1, 3)
    yield layer(system, "UpSampling2D", "first", T2, (2, 3), data_format="channels_first")
    yield layer(system, "UpSampling3D", "defaults", T3)
    kinds = ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]
    for kind in kinds if system.is_keras3 else [*kinds, "area", "gaussian", "mitchellcubic"]:
        yield layer(system, "UpSampling2D", kind, T2, (2, 3), interpolation=kind)


def others(system: System) -> Cases:
    yield layer(system, "SpatialDropout2D", "inference", T2, 0.5)
    yield layer(system, "SpatialDropout3D", "inference", T3, 0.5, data_format="channels_first")
    yield layer(system, "Flatten", "4d_first", T2, data_format="channels_first")
    yield layer(system, "Permute", "4d", T2, (3, 1, 2))
    yield layer(system, "Reshape", "4d", T2, (-1, 7, 2))
    yield Case.once("crnn", lambda: crnn(system)[0], values(2, 3, 8, 6, 1, seed=4))


# --- Files -------------------------------------------------------------------------------------------------------


def crnn(system: System) -> Any:
    """Pictures over time: a convolution of each, and an LSTM of what it finds."""
    L, K = system.layer, system.keras
    each = [L("Conv2D")(3, 3, activation="relu"), L("MaxPooling2D")(2), L("Flatten")()]
    layers = [L("TimeDistributed")(part) for part in each]
    model = K.Sequential([K.Input((3, 8, 6, 1)), *layers, L("LSTM")(4), L("Dense")(2, activation="softmax")])
    return model, values(2, 3, 8, 6, 1, seed=4)


def spectrogram(system: System) -> Any:
    """A spectrogram: its bands seen by convolutions, then over time."""
    L, K = system.layer, system.keras
    layers = [
        L("ZeroPadding2D")((1, 0)),
        L("Conv2D")(4, (3, 2), strides=(1, 2), padding="same", use_bias=False),
        L("BatchNormalization")(),
        L("DepthwiseConv2D")((3, 1), depth_multiplier=2, activation="relu"),
        L("SeparableConv2D")(3, 2, padding="same"),
        L("AveragePooling2D")((1, 2)),
        L("SpatialDropout2D")(0.2),
        L("Reshape")((10, -1)),
        L("GRU")(3, return_sequences=True),
        L("SeparableConv1D")(3, 3, padding="same"),
        L("DepthwiseConv1D")(2),
        L("GlobalMaxPooling1D")(),
    ]
    return K.Sequential([K.Input((10, 8, 1)), *layers]), values(2, 10, 8, 1, seed=5)


def decoder(system: System) -> Any:
    """Made longer again, over one, two and three axes."""
    L, K = system.layer, system.keras
    layers = [
        L("Conv1DTranspose")(4, 3, strides=2, padding="same"),
        L("Reshape")((6, 2, 2)),
        L("UpSampling2D")(2, interpolation="bilinear"),
        L("Conv2DTranspose")(2, 3, strides=(1, 2), activation="tanh"),
        L("Cropping2D")(((1, 1), (0, 1))),
        L("Reshape")((3, 4, 8, 2)),
        L("Conv3D")(2, 2),
        L("Conv3DTranspose")(1, (1, 2, 1)),
        L("MaxPooling3D")((1, 2, 2)),
        L("Flatten")(),
    ]
    return K.Sequential([K.Input((3, 3)), *layers]), values(2, 3, 3, seed=6)


BUILDERS: tuple[Callable[[System], Any], ...] = (crnn, spectrogram, decoder)


def files(folder: Path, store: Store) -> list[dict[str, Any]]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = []
    for system in SYSTEMS[:2]:
        for build in BUILDERS:
            system.keras.backend.clear_session()
            model, inputs = build(system)
            model.set_weights(fixed_weights(model))
            example = _example(model, inputs, store)
            for ending in (".keras", ".h5"):
                path = folder / f"{system.name}_{build.__name__}{ending}"
                model.save(path)
                lines.append({"id": f"file/{path.name}", "kind": "file", "file": path.name, **example})
    print(sum(path.stat().st_size for path in folder.iterdir()), "bytes of files")
    return json.loads(json.dumps(lines))  # type: ignore[no-any-return]
