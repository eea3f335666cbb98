"""All layers, under Keras's names."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.graph import Input as Input
from gatewise.graph import InputLayer as InputLayer
from gatewise.layer import Layer as Layer
from gatewise.layer.input_spec import InputSpec as InputSpec
from gatewise.layers.activation import ELU as ELU
from gatewise.layers.activation import Activation as Activation
from gatewise.layers.activation import Identity as Identity
from gatewise.layers.activation import LeakyReLU as LeakyReLU
from gatewise.layers.activation import PReLU as PReLU
from gatewise.layers.activation import ReLU as ReLU
from gatewise.layers.activation import Softmax as Softmax
from gatewise.layers.activation import ThresholdedReLU as ThresholdedReLU
from gatewise.layers.attention import AdditiveAttention as AdditiveAttention
from gatewise.layers.attention import Attention as Attention
from gatewise.layers.attention import GroupedQueryAttention as GroupedQueryAttention
from gatewise.layers.attention import MultiHeadAttention as MultiHeadAttention
from gatewise.layers.category_encoding import CategoryEncoding as CategoryEncoding
from gatewise.layers.convolution import Conv1D as Conv1D
from gatewise.layers.convolution import Conv2D as Conv2D
from gatewise.layers.convolution import Conv3D as Conv3D
from gatewise.layers.dense import Dense as Dense
from gatewise.layers.depthwise import DepthwiseConv1D as DepthwiseConv1D
from gatewise.layers.depthwise import DepthwiseConv2D as DepthwiseConv2D
from gatewise.layers.depthwise import SeparableConv1D as SeparableConv1D
from gatewise.layers.depthwise import SeparableConv2D as SeparableConv2D
from gatewise.layers.discretization import Discretization as Discretization
from gatewise.layers.einsum_dense import EinsumDense as EinsumDense
from gatewise.layers.embedding import Embedding as Embedding
from gatewise.layers.embedding import ReversibleEmbedding as ReversibleEmbedding
from gatewise.layers.function import Lambda as Lambda
from gatewise.layers.hashing import HashedCrossing as HashedCrossing
from gatewise.layers.hashing import Hashing as Hashing
from gatewise.layers.locally_connected import LocallyConnected1D as LocallyConnected1D
from gatewise.layers.locally_connected import LocallyConnected2D as LocallyConnected2D
from gatewise.layers.lookup import IntegerLookup as IntegerLookup
from gatewise.layers.lookup import StringLookup as StringLookup
from gatewise.layers.masking import Masking as Masking
from gatewise.layers.merging import Add as Add
from gatewise.layers.merging import Average as Average
from gatewise.layers.merging import Concatenate as Concatenate
from gatewise.layers.merging import Dot as Dot
from gatewise.layers.merging import Maximum as Maximum
from gatewise.layers.merging import Minimum as Minimum
from gatewise.layers.merging import Multiply as Multiply
from gatewise.layers.merging import Subtract as Subtract
from gatewise.layers.merging import add as add
from gatewise.layers.merging import average as average
from gatewise.layers.merging import concatenate as concatenate
from gatewise.layers.merging import dot as dot
from gatewise.layers.merging import maximum as maximum
from gatewise.layers.merging import minimum as minimum
from gatewise.layers.merging import multiply as multiply
from gatewise.layers.merging import subtract as subtract
from gatewise.layers.normalization import BatchNormalization as BatchNormalization
from gatewise.layers.normalization import GroupNormalization as GroupNormalization
from gatewise.layers.normalization import LayerNormalization as LayerNormalization
from gatewise.layers.normalization import RMSNormalization as RMSNormalization
from gatewise.layers.normalization import SpectralNormalization as SpectralNormalization
from gatewise.layers.normalization import UnitNormalization as UnitNormalization
from gatewise.layers.operation import Operation as Operation
from gatewise.layers.padding import Cropping1D as Cropping1D
from gatewise.layers.padding import Cropping2D as Cropping2D
from gatewise.layers.padding import Cropping3D as Cropping3D
from gatewise.layers.padding import ZeroPadding1D as ZeroPadding1D
from gatewise.layers.padding import ZeroPadding2D as ZeroPadding2D
from gatewise.layers.padding import ZeroPadding3D as ZeroPadding3D
from gatewise.layers.pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from gatewise.layers.pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from gatewise.layers.pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from gatewise.layers.pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from gatewise.layers.pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from gatewise.layers.pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from gatewise.layers.pooling import AveragePooling1D as AveragePooling1D
from gatewise.layers.pooling import AveragePooling2D as AveragePooling2D
from gatewise.layers.pooling import AveragePooling3D as AveragePooling3D
from gatewise.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from gatewise.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from gatewise.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from gatewise.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from gatewise.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from gatewise.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from gatewise.layers.pooling import MaxPooling1D as MaxPooling1D
from gatewise.layers.pooling import MaxPooling2D as MaxPooling2D
from gatewise.layers.pooling import MaxPooling3D as MaxPooling3D
from gatewise.layers.regularization import ActivityRegularization as ActivityRegularization
from gatewise.layers.regularization import AlphaDropout as AlphaDropout
from gatewise.layers.regularization import Dropout as Dropout
from gatewise.layers.regularization import GaussianDropout as GaussianDropout
from gatewise.layers.regularization import GaussianNoise as GaussianNoise
from gatewise.layers.regularization import SpatialDropout1D as SpatialDropout1D
from gatewise.layers.regularization import SpatialDropout2D as SpatialDropout2D
from gatewise.layers.regularization import SpatialDropout3D as SpatialDropout3D
from gatewise.layers.reshaping import Flatten as Flatten
from gatewise.layers.reshaping import Permute as Permute
from gatewise.layers.reshaping import RepeatVector as RepeatVector
from gatewise.layers.reshaping import Reshape as Reshape
from gatewise.layers.scaling import Normalization as Normalization
from gatewise.layers.scaling import Rescaling as Rescaling
from gatewise.layers.text_vectorization import TextVectorization as TextVectorization
from gatewise.layers.transposed import Conv1DTranspose as Conv1DTranspose
from gatewise.layers.transposed import Conv2DTranspose as Conv2DTranspose
from gatewise.layers.transposed import Conv3DTranspose as Conv3DTranspose
from gatewise.layers.upsampling import UpSampling1D as UpSampling1D
from gatewise.layers.upsampling import UpSampling2D as UpSampling2D
from gatewise.layers.upsampling import UpSampling3D as UpSampling3D
from gatewise.recurrent import GRU as GRU
from gatewise.recurrent import LSTM as LSTM
from gatewise.recurrent import RGLRU as RGLRU
from gatewise.recurrent import RNN as RNN
from gatewise.recurrent import SLSTM as SLSTM
from gatewise.recurrent import AbstractRNNCell as AbstractRNNCell
from gatewise.recurrent import Bidirectional as Bidirectional
from gatewise.recurrent import ClippedLSTM as ClippedLSTM
from gatewise.recurrent import ConvLSTM as ConvLSTM
from gatewise.recurrent import ConvLSTM1D as ConvLSTM1D
from gatewise.recurrent import ConvLSTM2D as ConvLSTM2D
from gatewise.recurrent import ConvLSTM3D as ConvLSTM3D
from gatewise.recurrent import ConvLSTMCell as ConvLSTMCell
from gatewise.recurrent import CoupledLSTM as CoupledLSTM
from gatewise.recurrent import CuDNNGRU as CuDNNGRU
from gatewise.recurrent import CuDNNLSTM as CuDNNLSTM
from gatewise.recurrent import DropoutRNNCell as DropoutRNNCell
from gatewise.recurrent import GRUCell as GRUCell
from gatewise.recurrent import IndRNN as IndRNN
from gatewise.recurrent import LayerNormGRU as LayerNormGRU
from gatewise.recurrent import LayerNormLSTM as LayerNormLSTM
from gatewise.recurrent import LSTMCell as LSTMCell
from gatewise.recurrent import MinGRU as MinGRU
from gatewise.recurrent import MinLSTM as MinLSTM
from gatewise.recurrent import PeepholeLSTM as PeepholeLSTM
from gatewise.recurrent import ProjectedLSTM as ProjectedLSTM
from gatewise.recurrent import SimpleRNN as SimpleRNN
from gatewise.recurrent import SimpleRNNCell as SimpleRNNCell
from gatewise.recurrent import StackedRNNCells as StackedRNNCells
from gatewise.recurrent import TimeDistributed as TimeDistributed
from gatewise.recurrent import Wrapper as Wrapper
from gatewise.recurrent import ZoneoutLSTM as ZoneoutLSTM

# Keras's other names of the same layers.
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
Deconvolution2D = Conv2DTranspose
Deconvolution3D = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GroupQueryAttention = GroupedQueryAttention
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

answer_for(__name__, "gatewise.layers")
