"""The recurrent cells: one file an equation, the same for every executor."""

from __future__ import annotations

from gatewise.engine.cells.cell import ALL as ALL
from gatewise.engine.cells.cell import NATIVE as NATIVE
from gatewise.engine.cells.cell import Activation as Activation
from gatewise.engine.cells.cell import Cell as Cell
from gatewise.engine.cells.cell import Parts as Parts
from gatewise.engine.cells.cell import Project as Project
from gatewise.engine.cells.cell import State as State
from gatewise.engine.cells.cell import carry_of as carry_of
from gatewise.engine.cells.cell import is_native as is_native
from gatewise.engine.cells.cell import native as native
from gatewise.engine.cells.cell import split as split
from gatewise.engine.cells.gru import GRU as GRU
from gatewise.engine.cells.gru import GRUResetAfter as GRUResetAfter
from gatewise.engine.cells.lstm import LSTM as LSTM
from gatewise.engine.cells.peephole_lstm import PeepholeLSTM as PeepholeLSTM
from gatewise.engine.cells.simple_rnn import SimpleRNN as SimpleRNN
