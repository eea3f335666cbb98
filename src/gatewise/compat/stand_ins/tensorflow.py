"""`import tensorflow` in a process that a program under `gatewise run` started."""

from gatewise.compat.run import stand_in

stand_in(__name__)
