"""`tf.keras.metrics`: see `gatewise.metrics`."""

from __future__ import annotations

from gatewise import metrics as _metrics
from gatewise.base.absent import absent, public

globals().update({name: getattr(_metrics, name) for name in public(vars(_metrics)) if name != "resolve"})

__all__ = public(globals(), "gatewise.metrics", "gatewise.losses")  # noqa: PLE0605
__getattr__ = absent(__name__, "tf.keras.metrics")
