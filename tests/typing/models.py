"""What type checkers and editors know of modules, models, streams and files, and which names are errors to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gatewise as gw
import gatewise as tf

if TYPE_CHECKING:
    from typing import assert_type

    from gatewise.callbacks import History
    from gatewise.models import Functional, Model, Sequential
    from gatewise.streaming import Stream, StreamPool

    x = gw.Input((5, 3))
    drawn = gw.Model(x, gw.layers.LSTM(3)(x), name="drawn")
    chain = gw.Sequential([gw.layers.LSTM(3)])
    loaded = gw.models.load_model("model.keras")

    assert_type(drawn, Model)
    assert_type(chain, Sequential)
    assert_type(loaded, Model)
    assert_type(tf.keras.Sequential(), Sequential)
    assert_type(tf.keras.models.load_model("model.h5"), Model)
    assert_type(Functional(x, x), Functional)
    assert_type(drawn.input_names, list[str])
    assert_type(loaded.stream(), Stream)
    assert_type(loaded.stream_pool(9), StreamPool)
    assert_type(chain.fit([1.0], [2.0]), History)

    one: gw.layers.Layer = gw.layers.PeepholeLSTM(3)
    kin: gw.layers.LSTM = gw.layers.PeepholeLSTM(3)
    rate: gw.optimizers.Optimizer = gw.optimizers.AdamW(0.1)
    number = tf.constant(3.0)

    class Own(gw.Model):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.inner = gw.layers.LSTM(units)

    assert_type(Own(3), Own)
    assert_type(Own(3).inner.units, int)

    gw.Sequental([])  # type: ignore[attr-defined]
    gw.layers.LTSM(3)  # type: ignore[attr-defined]
    tf.keras.layers.LTSM(3)  # type: ignore[attr-defined]
    tf.keras.losses.MeanSquareError()  # type: ignore[attr-defined]
    tf.keras.losses.MeanSquaredError()
    tf.constantt(3.0)  # type: ignore[attr-defined]
    chain.predcit([1.0])  # type: ignore[attr-defined]
    loaded.stream().psuh([1.0])  # type: ignore[attr-defined]
    gw.config.thread = 3  # type: ignore[attr-defined]
    chain.layers[0].return_sequences  # type: ignore[attr-defined]  # noqa: B018
