"""Where `gatewise.arrays` was before it had a room: the module that stands at its new address."""

import sys

from gatewise.base import arrays

sys.modules[__name__] = arrays
