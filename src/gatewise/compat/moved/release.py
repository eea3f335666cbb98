"""Where `gatewise.release` was before it had a room: the module that stands at its new address."""

import sys

from gatewise.base import release

sys.modules[__name__] = release
