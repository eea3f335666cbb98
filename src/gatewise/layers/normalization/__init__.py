"""Layers that bring numbers to mean 0 and variance 1, or to a length of 1: a file each over `base.py`."""

from gatewise.layers.normalization.batch import BatchNormalization as BatchNormalization
from gatewise.layers.normalization.group import GroupNormalization as GroupNormalization
from gatewise.layers.normalization.layer import LayerNormalization as LayerNormalization
from gatewise.layers.normalization.rms import RMSNormalization as RMSNormalization
from gatewise.layers.normalization.spectral import SpectralNormalization as SpectralNormalization
from gatewise.layers.normalization.unit import UnitNormalization as UnitNormalization
