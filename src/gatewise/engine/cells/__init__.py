"""The recurrent cells: one file an equation, the same for every executor."""

from __future__ import annotations

from gatewise.engine.cells.cell import ALL as ALL
from gatewise.engine.cells.cell import NATIVE as NATIVE
from gatewise.engine.cells.cell import Activation as Activation
from gatewise.engine.cells.cell import Cell as Cell
from gatewise.engine.cells.cell import LinearCell as LinearCell
from gatewise.engine.cells.cell import Parts as Parts
from gatewise.engine.cells.cell import Project as Project
from gatewise.engine.cells.cell import State as State
from gatewise.engine.cells.cell import carry_of as carry_of
from gatewise.engine.cells.cell import is_native as is_native
from gatewise.engine.cells.cell import native as native
from gatewise.engine.cells.cell import runs_in_parallel as runs_in_parallel
from gatewise.engine.cells.cell import split as split
from gatewise.engine.cells.clipped_lstm import ClippedLSTM as ClippedLSTM
from gatewise.engine.cells.coupled_lstm import CoupledLSTM as CoupledLSTM
from gatewise.engine.cells.gru import GRU as GRU
from gatewise.engine.cells.gru import GRUResetAfter as GRUResetAfter
from gatewise.engine.cells.indrnn import IndRNN as IndRNN
from gatewise.engine.cells.layer_norm import LayerNormGRU as LayerNormGRU
from gatewise.engine.cells.layer_norm import LayerNormLSTM as LayerNormLSTM
from gatewise.engine.cells.lstm import LSTM as LSTM
from gatewise.engine.cells.minimal import MinGRU as MinGRU
from gatewise.engine.cells.minimal import MinLSTM as MinLSTM
from gatewise.engine.cells.peephole_lstm import PeepholeLSTM as PeepholeLSTM
from gatewise.engine.cells.projected_lstm import ProjectedLSTM as ProjectedLSTM
from gatewise.engine.cells.rg_lru import RGLRU as RGLRU
from gatewise.engine.cells.simple_rnn import SimpleRNN as SimpleRNN
from gatewise.engine.cells.slstm import SLSTM as SLSTM
from gatewise.engine.cells.zoneout_lstm import ZoneoutLSTM as ZoneoutLSTM
