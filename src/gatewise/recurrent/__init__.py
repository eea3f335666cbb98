"""The recurrent layers: the heart of Gatewise."""

from gatewise.recurrent.arguments import Gated as Gated
from gatewise.recurrent.base import RecurrentLayer as RecurrentLayer
from gatewise.recurrent.cudnn import CuDNNGRU as CuDNNGRU
from gatewise.recurrent.cudnn import CuDNNLSTM as CuDNNLSTM
from gatewise.recurrent.gru import GRU as GRU
from gatewise.recurrent.lstm import LSTM as LSTM
from gatewise.recurrent.peephole_lstm import PeepholeLSTM as PeepholeLSTM
from gatewise.recurrent.simple_rnn import SimpleRNN as SimpleRNN
from gatewise.recurrent.wrappers import Bidirectional as Bidirectional
from gatewise.recurrent.wrappers import TimeDistributed as TimeDistributed
