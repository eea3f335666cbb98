"""Models that advance step by step: one stream, a batch of them, or a pool of a million."""

from gatewise.streaming.pool import StreamPool as StreamPool
from gatewise.streaming.pool import UnknownStreamError as UnknownStreamError
from gatewise.streaming.stream import Stream as Stream
