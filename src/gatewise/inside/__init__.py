"""Looking inside: what recurrent layers compute at every step, as arrays and as pictures."""

from __future__ import annotations

from gatewise.inside.layer_trace import LayerTrace as LayerTrace
from gatewise.inside.trace import Trace as Trace
from gatewise.inside.trace import trace as trace
