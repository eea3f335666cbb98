"""What each kind of layer does at one time step of a stream: one file a family."""

from gatewise.streaming.rules import activation as activation
from gatewise.streaming.rules import attention as attention
from gatewise.streaming.rules import convolution as convolution
from gatewise.streaming.rules import dense as dense
from gatewise.streaming.rules import masking as masking
from gatewise.streaming.rules import merging as merging
from gatewise.streaming.rules import normalization as normalization
from gatewise.streaming.rules import operation as operation
from gatewise.streaming.rules import passing as passing
from gatewise.streaming.rules import preprocessing as preprocessing
from gatewise.streaming.rules import recurrent as recurrent
from gatewise.streaming.rules import reshaping as reshaping
from gatewise.streaming.rules import rnn as rnn
from gatewise.streaming.rules import sequences as sequences
from gatewise.streaming.rules import time_distributed as time_distributed
from gatewise.streaming.rules.base import PerStep as PerStep
from gatewise.streaming.rules.base import Rule as Rule
from gatewise.streaming.rules.base import WholeSequence as WholeSequence
from gatewise.streaming.rules.base import rule as rule
from gatewise.streaming.rules.base import rule_of as rule_of
