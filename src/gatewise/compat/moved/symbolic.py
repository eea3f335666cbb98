"""Where `gatewise.symbolic` was before it had a room: the module that stands at its new address."""

import sys

from gatewise.layer import symbolic

sys.modules[__name__] = symbolic
