"""Where `gatewise.structure` was before it had a room: the module that stands at its new address."""

import sys

from gatewise.base import structure

sys.modules[__name__] = structure
