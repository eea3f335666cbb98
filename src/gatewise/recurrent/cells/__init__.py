"""Cells: what advances one step, from (B, I) and the state before to the output and the state after."""

from gatewise.recurrent.cells.abstract import AbstractRNNCell as AbstractRNNCell
from gatewise.recurrent.cells.base import RecurrentCell as RecurrentCell
from gatewise.recurrent.cells.conv_lstm import ConvLSTMCell as ConvLSTMCell
from gatewise.recurrent.cells.dropout import DropoutRNNCell as DropoutRNNCell
from gatewise.recurrent.cells.gru import GRUCell as GRUCell
from gatewise.recurrent.cells.lstm import LSTMCell as LSTMCell
from gatewise.recurrent.cells.simple_rnn import SimpleRNNCell as SimpleRNNCell
from gatewise.recurrent.cells.stacked import StackedRNNCells as StackedRNNCells
from gatewise.recurrent.cells.wrappers import DeviceWrapper as DeviceWrapper
from gatewise.recurrent.cells.wrappers import DropoutWrapper as DropoutWrapper
from gatewise.recurrent.cells.wrappers import ResidualWrapper as ResidualWrapper
