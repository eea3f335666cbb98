"""The fields of TFLite's tables, by their numbers, and its operators' names and settings.

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

from typing import Any, Final

_NAMES: Final = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE
EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR
ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND
COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE
HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE
BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1
UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR
RIGHT_SHIFT
"""
OPERATORS: Final = tuple(_NAMES.split())
"""By their codes. What comes behind them are StableHLO's."""

DTYPES: Final = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 8: "complex64", 9: "int8",
    10: "float64", 12: "uint64", 15: "uint32", 16: "uint16",
}  # fmt: skip
"""NumPy's names by the numbers of types."""

ACTIVATIONS: Final = {0: None, 1: "relu", 2: "relu_n1_to_1", 3: "relu6", 4: "tanh", 5: "sign_bit"}


# -- tables: the number of each field ---------------------------------------------------------------------------------


class Model:
    """The whole."""

    OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, SIGNATURES = 1, 2, 3, 4, 7


class OperatorCode:
    """Which operator a number stands for."""

    OLD_CODE, CUSTOM, VERSION, CODE = 0, 1, 2, 3


class Subgraph:
    """A graph."""

    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = 0, 1, 2, 3, 4


class Tensor:
    """A value."""

    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE, SPARSITY, SHAPE_SIGNATURE = range(8)


class Quantization:
    """What the integers of a tensor stand for."""

    SCALE, ZERO_POINT, AXIS = 2, 3, 6


class Buffer:
    """The bytes of a tensor."""

    DATA, OFFSET, SIZE = 0, 1, 2


class Operator:
    """A node."""

    CODE, INPUTS, OUTPUTS, OPTIONS = 0, 1, 2, 4


class Signature:
    """The names of a graph's inputs and outputs."""

    INPUTS, OUTPUTS, SUBGRAPH = 0, 1, 4


class NamedTensor:
    """One of them."""

    NAME, TENSOR = 0, 1


# -- operators: the settings that count here, each with its field, its kind and what it is where it is left out -------

_ACTIVATION: Final = ("b", 0)
_AXIS: Final = {"axis": (0, "<i", 0)}
_PADDING: Final = {"padding": (0, "b", 0), "stride_w": (1, "<i", 1), "stride_h": (2, "<i", 1)}

OPTIONS: Final[dict[str, dict[str, tuple[int, str, Any]]]] = {
    **{name: {"activation": (0, *_ACTIVATION)} for name in ("ADD", "SUB", "MUL", "DIV")},
    "FULLY_CONNECTED": {
        "activation": (0, *_ACTIVATION), "format": (1, "b", 0), "keeps_axes": (2, "?", False),
        "asymmetric": (3, "?", False),
    },
    "CONV_2D": {**_PADDING, "activation": (3, *_ACTIVATION), "dilation_w": (4, "<i", 1), "dilation_h": (5, "<i", 1)},
    "DEPTHWISE_CONV_2D": {
        **_PADDING, "activation": (4, *_ACTIVATION), "dilation_w": (5, "<i", 1), "dilation_h": (6, "<i", 1),
    },
    **{
        name: {**_PADDING, "width": (3, "<i", 1), "height": (4, "<i", 1), "activation": (5, *_ACTIVATION)}
        for name in ("MAX_POOL_2D", "AVERAGE_POOL_2D")
    },
    "UNIDIRECTIONAL_SEQUENCE_LSTM": {
        "activation": (0, *_ACTIVATION), "cell_clip": (1, "<f", 0.0), "projection_clip": (2, "<f", 0.0),
        "time_major": (3, "?", False), "asymmetric": (4, "?", False), "diagonal": (5, "?", False),
    },
    "BIDIRECTIONAL_SEQUENCE_LSTM": {
        "activation": (0, *_ACTIVATION), "cell_clip": (1, "<f", 0.0), "projection_clip": (2, "<f", 0.0),
        "merged": (3, "?", False), "time_major": (4, "?", True), "asymmetric": (5, "?", False),
    },
    "UNIDIRECTIONAL_SEQUENCE_RNN": {
        "time_major": (0, "?", False), "activation": (1, *_ACTIVATION), "asymmetric": (2, "?", False),
    },
    "BIDIRECTIONAL_SEQUENCE_RNN": {
        "time_major": (0, "?", False), "activation": (1, *_ACTIVATION), "merged": (2, "?", False),
        "asymmetric": (3, "?", False),
    },
    "CONCATENATION": {**_AXIS, "activation": (1, *_ACTIVATION)},
    "SOFTMAX": {"beta": (0, "<f", 0.0)},
    "STRIDED_SLICE": {
        "begin_mask": (0, "<i", 0), "end_mask": (1, "<i", 0), "ellipsis_mask": (2, "<i", 0),
        "new_axis_mask": (3, "<i", 0), "shrink_axis_mask": (4, "<i", 0), "offset": (5, "?", False),
    },
    "SPLIT": {"count": (0, "<i", 0)},
    "GATHER": {**_AXIS, "batch_dims": (1, "<i", 0)},
    "PACK": {"axis": (1, "<i", 0)},
    "UNPACK": {"axis": (1, "<i", 0)},
    "CAST": {"to": (1, "b", 0)},
    **{
        name: {"keeps_axes": (0, "?", False)}
        for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL")
    },
    **{name: {"to": (0, "b", 0)} for name in ("ARG_MAX", "ARG_MIN", "SHAPE")},
    "BATCH_MATMUL": {"turned_x": (0, "?", False), "turned_y": (1, "?", False), "asymmetric": (2, "?", False)},
    "LEAKY_RELU": {"alpha": (0, "<f", 0.0)},
    "GELU": {"approximate": (0, "?", False)},
    "ONE_HOT": _AXIS,
    "REVERSE_SEQUENCE": {"time": (0, "<i", 0), "batch": (1, "<i", 0)},
    "CUMSUM": {"exclusive": (0, "?", False), "reverse": (1, "?", False)},
}  # fmt: skip

LISTS: Final = {"RESHAPE": ("shape", 0), "SQUEEZE": ("axes", 0)}
"""Settings that are lists of numbers, and their fields."""

SUBGRAPHS: Final = {"WHILE": ("cond", "body"), "IF": ("then", "else"), "CALL": ("graph",)}
"""Settings that are graphs, from the first field on."""
