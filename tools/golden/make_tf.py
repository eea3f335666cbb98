"""`tf.json`: what calls of `tf` give in the real TensorFlow, and what short programs with tapes compute.

A call is a line of Python over `GIVEN`; the test evaluates the same line here. One that TensorFlow refuses is kept as
refused. A program is a few lines that leave what they computed in `found`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

GIVEN = {
    "f": "tf.constant([[1.0, 5.0, 2.0], [4.0, 0.5, 9.0]])",
    "g": "tf.constant([[0.3, -1.2, 2.0], [-0.4, 0.9, 1.1]])",
    "v": "tf.constant([1.0, 2.0, 3.0])",
    "p": "tf.constant([0.2, 0.5, 0.9])",
    "i": "tf.constant([[3, 1, 2], [0, 5, 4]])",
    "b": "tf.constant([[True, False, True], [False, False, True]])",
    "d": "np.array([1.0, 2.0, 3.0])",
    "l": "np.array([1, 2, 3])",
    "c": "tf.reshape(tf.range(24, dtype=tf.float32), (2, 3, 4))",
    "s": "tf.constant(['Hello, World!', 'a  b', 'äé Z'])",
    "r": "tf.ragged.constant([[1.0, 2.0], [], [3.0, 4.0, 5.0]])",
    "w": "tf.Variable([[1.0, 2.0], [3.0, 4.0]])",
}

OF_ONE = (
    "exp", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "abs", "square", "sign", "floor", "round", "negative",
    "sigmoid", "math.log", "math.log1p", "math.expm1", "math.rsqrt", "math.reciprocal", "math.softplus", "math.ceil",
    "math.asinh", "math.atan", "math.erf", "math.log_sigmoid", "math.is_nan", "math.is_finite", "math.is_inf",
    "math.exp", "math.sqrt", "math.sigmoid", "math.tanh", "math.abs", "math.square", "identity", "stop_gradient",
    "zeros_like", "ones_like", "shape", "size", "rank", "nn.relu", "nn.relu6", "nn.elu", "nn.selu", "nn.softsign",
    "nn.softplus", "nn.sigmoid", "nn.tanh", "nn.leaky_relu", "nn.gelu", "nn.silu", "nn.swish", "nn.softmax",
    "nn.log_softmax", "nn.l2_loss", "math.l2_normalize", "norm", "linalg.norm", "argmax", "argmin", "reduce_sum",
    "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "reduce_logsumexp", "math.reduce_std",
    "math.reduce_variance", "math.count_nonzero", "cumsum", "math.cumprod", "sort", "argsort", "transpose",
    "linalg.matrix_transpose", "convert_to_tensor", "math.acosh", "math.top_k", "math.sin", "math.sign",
    "math.negative",
)  # fmt: skip
INSIDE = ("math.asin", "math.acos", "math.atanh")
OF_TWO = (
    "add", "subtract", "multiply", "divide", "pow", "maximum", "minimum", "math.floordiv", "math.floormod",
    "math.squared_difference", "math.divide_no_nan", "math.atan2", "less", "less_equal", "greater", "greater_equal",
    "equal", "not_equal", "math.add", "math.subtract", "math.multiply", "math.divide", "math.pow", "math.maximum",
    "math.minimum", "math.less", "math.greater", "math.equal", "math.not_equal", "truediv", "math.truediv",
    "math.less_equal", "math.greater_equal", "math.mod", "math.multiply_no_nan",
)  # fmt: skip

LINES = r"""
# Constants and dtypes.
tf.constant(2**40)
tf.constant([2**40, 1])
tf.constant(1.5)
tf.constant([1, 2.5])
tf.constant(True)
tf.constant(1.5, tf.int32)
tf.constant(d, tf.float32)
tf.constant(l, tf.float32)
tf.constant(f, tf.float64)
tf.constant(3, shape=[2, 2])
tf.constant([1, 2, 3, 4], shape=(2, 2))
tf.constant([1, 2, 3], shape=[2, 2])
tf.constant('a')
tf.constant(['a', 'bc'])
tf.constant([[1], [1, 2]])
tf.constant(None)
tf.constant(d)
tf.convert_to_tensor(f, tf.float64)
tf.convert_to_tensor([1, 2], dtype=tf.float32)
tf.constant([np.float64(1)])
tf.convert_to_tensor(2, dtype_hint=tf.float32)
tf.constant(l)
tf.constant(0.1).numpy()
tf.constant([])
tf.zeros((2, 3))
tf.zeros(2, tf.int32)
tf.ones([2])
tf.fill([2, 2], 3)
tf.fill([2], 3.0)
tf.eye(2)
tf.eye(2, 3)
tf.eye(2, batch_shape=[2])
tf.zeros(tf.shape(f))
tf.zeros((), tf.bool)
tf.ones_like(d)
tf.zeros_like(i, dtype=tf.float32)
tf.ones_like([1, 2])
tf.range(3)
tf.range(2, 6, 2)
tf.range(0.0, 1.0, 0.25)
tf.range(0, 1, 0.25)
tf.range(3, dtype=tf.float32)
tf.range(l[1])
tf.range(5, 0, -2)
tf.range(start=1, limit=3)
tf.linspace(0.0, 1.0, 5)
tf.linspace(0, 1, 3)
tf.one_hot([0, 2], 3)
tf.one_hot([0, 5, -1], 3)
tf.one_hot([0, 2], depth=3, on_value=5, off_value=1)
tf.one_hot([0, 1], 3, axis=0)
tf.one_hot(i, 6, dtype=tf.int32)
tf.one_hot([0], 2, on_value=True, off_value=False)
tf.sequence_mask([1, 3])
tf.sequence_mask([1, 3], 4, tf.float32)
tf.sequence_mask([[1], [2]], maxlen=2)
tf.meshgrid([1, 2], [3, 4, 5])
tf.meshgrid([1, 2], [3, 4], indexing='ij')
tf.cast(f, tf.int32)
tf.cast([1.7, -1.7], 'int32')
tf.cast(i, tf.float32)
tf.cast(b, tf.float32)
tf.cast(l, tf.bool)
# Operators and what tensors know.
f + g
f + 2
2 + f
i + (i + 1)
f - g
f - 2
2 - f
i - (i + 1)
f * g
f * 2
2 * f
i * (i + 1)
f / g
f / 2
2 / f
i / (i + 1)
f // g
f // 2
2 // f
i // (i + 1)
f % g
f % 2
2 % f
i % (i + 1)
f ** g
f ** 2
2 ** f
i ** (i + 1)
f + d
d + f
f * l
f + i
i + 1.5
i + l
np.float64(1.5) * f
f * [1, 2, 3]
f < g
f >= 2
i == 3
f == f
f != g
f == i
f < d
i < 1.5
-f
abs(g)
~b
b & b
b | ~b
f @ tf.transpose(g)
v @ v
f[0]
f[0, 1]
f[:, 1:]
f[..., 0]
f[:, tf.newaxis]
f[-1]
f[f > 2]
f[b]
f[tf.constant(1)]
f[0, 1].numpy()
c[:, ::2]
c[1:, tf.newaxis, ..., -1]
w + 1
w * w
w[0]
2 - w
w @ w
tf.exp(w)
-w
w < 2
w / 2.0
f.shape
f.shape.as_list()
f.shape.rank
f.shape.ndims
f.shape == [2, 3]
f.shape == (2, 3)
f.shape[0]
f.shape.num_elements()
f.shape[1:]
f.shape + [4]
f.get_shape().as_list()
list(f.shape)
len(f.shape)
f.shape.is_fully_defined()
f.shape.is_compatible_with([2, None])
f.shape.concatenate([4])
tuple(f.shape)
tf.TensorShape([2, None])
tf.TensorShape([2, None]).as_list()
tf.TensorShape([None, 3]).is_compatible_with((2, 3))
f.dtype == tf.float32
f.dtype == 'float32'
f.dtype == np.float32
np.float32 == f.dtype
f.dtype.name
f.dtype != tf.int32
f.dtype.as_numpy_dtype.__name__
f.dtype.is_floating
i.dtype.is_integer
str(f.dtype)
repr(f.dtype)
f.dtype.size
tf.int32.max
tf.int32.min
tf.float32.max
tf.as_dtype('float16').name
tf.dtypes.as_dtype(np.int64).name
tf.bool.is_bool
str(v)
repr(v)
repr(v[0])
f'{v[0]:.3f}'
'%.2f' % v[0]
str(i)
str(s)
len(f)
[float(x) for x in v]
bool(v[0] > 0)
int(i[0, 0])
s[0].numpy()
f.ndim
tf.is_tensor(f)
tf.is_tensor(d)
tf.is_tensor(w)
isinstance(f, tf.Tensor)
isinstance(w, tf.Variable)
isinstance(w, tf.Tensor)
isinstance(d, tf.Tensor)
w.numpy()
w.shape.as_list()
w.dtype == tf.float32
tf.Variable(1.0).assign(2.0).numpy()
tf.Variable([1, 2]).assign_add([1, 1])
tf.Variable(3).assign_sub(1).numpy()
tf.Variable([1.0], dtype=tf.float64).dtype.name
tf.Variable(1.0, trainable=False).trainable
tf.Variable(lambda: 2.0).numpy()
w.read_value()
tf.Variable(1.0, name='x').name
{f.ref(): 1}[f.ref()]
hash(f)
np.sum(f)
np.mean(v)
tf.executing_eagerly()
# Elementwise, with more arguments.
tf.clip_by_value(f, 1, 4)
tf.clip_by_value(i, 1, 4)
tf.clip_by_value(i, 0, 1.5)
tf.clip_by_value(t=f, clip_value_min=v, clip_value_max=5.0)
tf.where(tf.constant([True, False, True]))
tf.where(b)
tf.where(f > 2, f, 0)
tf.where(f > 2, f, d)
tf.where(b, 1, 0)
tf.where(b, 1.0, 0)
tf.where(f > 2, x=f, y=g)
tf.where(i > 2, i, f)
tf.where(f > 2, f)
tf.logical_and(b, True)
tf.logical_not(b)
tf.logical_or(b, ~b)
tf.math.logical_xor(b, True)
tf.math.logical_and(b, b)
tf.logical_and(f, b)
tf.add_n([f, g, f])
tf.add_n([f, i])
tf.math.add_n([f, g])
tf.exp(1)
tf.exp([0.0, 1.0])
tf.exp(d)
tf.sqrt(2)
tf.math.log(0.0)
tf.math.divide_no_nan(1.0, 0.0)
tf.pow(2, 3)
tf.round([0.5, 1.5, 2.5, -0.5])
tf.divide(3, 2)
tf.multiply(x=f, y=2.0)
tf.add(x=1, y=2, name='sum')
tf.nn.leaky_relu(g, alpha=0.1)
tf.nn.gelu(g, approximate=True)
tf.nn.softmax(f, axis=0)
tf.nn.log_softmax(f, axis=0)
tf.nn.relu([-1, 2])
tf.sigmoid(0)
tf.sigmoid([-100.0, 0.0, 100.0])
tf.nn.softmax([[1000.0, 0.0]])
tf.math.softplus([-50.0, 0.0, 50.0])
tf.nn.silu(g, beta=2.0)
# Reductions.
tf.reduce_sum(f, axis=0)
tf.reduce_sum(f, 1)
tf.reduce_sum(f, axis=[0, 1])
tf.reduce_sum(f, axis=-1, keepdims=True)
tf.reduce_mean(f, axis=0)
tf.reduce_mean(f, 1)
tf.reduce_mean(f, axis=[0, 1])
tf.reduce_mean(f, axis=-1, keepdims=True)
tf.reduce_max(f, axis=0)
tf.reduce_max(f, 1)
tf.reduce_max(f, axis=[0, 1])
tf.reduce_max(f, axis=-1, keepdims=True)
tf.reduce_min(f, axis=0)
tf.reduce_min(f, 1)
tf.reduce_min(f, axis=[0, 1])
tf.reduce_min(f, axis=-1, keepdims=True)
tf.reduce_prod(f, axis=0)
tf.reduce_prod(f, 1)
tf.reduce_prod(f, axis=[0, 1])
tf.reduce_prod(f, axis=-1, keepdims=True)
tf.reduce_logsumexp(f, axis=0)
tf.reduce_logsumexp(f, 1)
tf.reduce_logsumexp(f, axis=[0, 1])
tf.reduce_logsumexp(f, axis=-1, keepdims=True)
tf.reduce_mean(i)
tf.reduce_mean(i, 0)
tf.reduce_mean([-1, 0, -2, -2])
tf.reduce_mean(l)
tf.reduce_sum(b)
tf.reduce_any(b)
tf.reduce_all(b, axis=1)
tf.reduce_any(b, 0, keepdims=True)
tf.reduce_any(f)
tf.reduce_sum(tf.constant([], tf.float32))
tf.reduce_max(f, 2)
tf.reduce_sum(f, axis=tf.constant(1))
tf.reduce_sum(tf.constant([200, 100], tf.uint8))
tf.math.reduce_std(f, axis=1)
tf.math.reduce_variance(f, 0, keepdims=True)
tf.reduce_sum(input_tensor=f)
tf.argmax(f, axis=1)
tf.argmax(f, output_type=tf.int32)
tf.argmax(input=f, axis=-1)
tf.argmin(f, 1)
tf.argmax([[1, 1], [3, 0]])
tf.argmax([1.0, 1.0])
tf.cumsum(f, axis=1)
tf.cumsum(v, exclusive=True)
tf.cumsum(v, reverse=True)
tf.cumsum(v, exclusive=True, reverse=True)
tf.math.cumprod(v, exclusive=True)
tf.sort(i, direction='DESCENDING')
tf.argsort(i, direction='DESCENDING')
tf.sort(f, axis=0)
tf.math.top_k(f, k=2)
tf.nn.top_k(i, 2).indices
tf.math.top_k([1, 3, 3], 2)
tf.unique([3, 1, 3, 2])
tf.math.in_top_k([1, 0], f, 1)
tf.math.segment_sum(f, [0, 0])
tf.math.unsorted_segment_sum(v, [1, 0, 1], 3)
tf.math.count_nonzero(g, axis=0)
tf.math.count_nonzero(i, dtype=tf.int32)
# Shapes.
tf.reshape(f, [3, 2])
tf.reshape(f, -1)
tf.reshape(f, (-1, 1))
tf.reshape(f, [4])
tf.reshape(tensor=f, shape=tf.constant([3, 2]))
tf.reshape(f, [tf.shape(f)[0], -1])
tf.transpose(c, [1, 0, 2])
tf.transpose(c, perm=[2, 0, 1])
tf.transpose(f, [0])
tf.expand_dims(f, 0)
tf.expand_dims(f, axis=-1)
tf.expand_dims(input=v, axis=[0])
tf.squeeze(f[tf.newaxis])
tf.squeeze(f[tf.newaxis], axis=[0])
tf.squeeze(f, 0)
tf.concat([f, g], 0)
tf.concat(values=[f, g], axis=1)
tf.concat([f, d[None]], 0)
tf.concat([i, f], 0)
tf.concat([f, g], axis=-1)
tf.concat([[1, 2], [1.5]], 0)
tf.stack([f, g])
tf.stack([f, g], axis=-1)
tf.stack([1, 2.5])
tf.stack([v, d])
tf.stack([v, 2 * v], 1)
tf.unstack(f)
tf.unstack(f, axis=1)
tf.split(f, 3, axis=1)
tf.split(f, [1, 2], 1)
tf.split(value=f, num_or_size_splits=2)
tf.split(f, 2, axis=1)
tf.split(f, [1, -1], axis=1)
tf.tile(f, [2, 1])
tf.tile(v, [2])
tf.repeat(v, 2)
tf.repeat(f, [1, 2], axis=0)
tf.broadcast_to(v, [2, 3])
tf.pad(f, [[1, 0], [0, 2]])
tf.pad(v, [[1, 1]], constant_values=9.0)
tf.pad(v, [[2, 1]], 'REFLECT')
tf.pad(v, [[2, 1]], mode='SYMMETRIC')
tf.reverse(f, [1])
tf.reverse(f, axis=[0, 1])
tf.roll(v, 1, 0)
tf.reverse_sequence(f, [2, 3], seq_axis=1)
tf.slice(f, [0, 1], [2, -1])
tf.slice(c, [0, 1, 0], [1, 1, 2])
tf.strided_slice(f, [0, 0], [2, 3], [1, 2])
tf.size(c)
tf.shape(c)[1]
tf.shape(f, out_type=tf.int64)
tf.rank(c)
tf.gather(f, [1, 0])
tf.gather(f, [2, 0], axis=1)
tf.gather(params=f, indices=[[0], [2]], axis=1, batch_dims=1)
tf.gather(v, 1)
tf.gather(f, [[0, 1], [1, 2]], batch_dims=1)
tf.gather(v, [3])
tf.gather(c, [0, 2], axis=-1)
tf.gather(c, [[0, 1], [2, 0]], axis=2, batch_dims=1)
tf.gather_nd(f, [[0, 1], [1, 2]])
tf.gather_nd(c, [[1, 2]])
tf.gather_nd(f, [[1], [0]], batch_dims=1)
tf.gather_nd(f, [[5, 0]])
tf.boolean_mask(f, [True, False])
tf.boolean_mask(f, b)
tf.boolean_mask(f, [True, False, True], axis=1)
tf.scatter_nd([[1], [3]], [9.0, 8.0], [5])
tf.scatter_nd([[1], [1]], [1, 2], [3])
tf.tensor_scatter_nd_update(v, [[0]], [7.0])
tf.tensor_scatter_nd_add(f, [[0, 1], [0, 1]], [1.0, 2.0])
# Products.
tf.matmul(f, g, transpose_b=True)
tf.matmul(f, g, transpose_a=True)
tf.matmul(f, g)
tf.matmul(v, v)
tf.matmul([[1.0]], np.ones((1, 1)))
tf.matmul(a=c, b=c, transpose_b=True)
tf.linalg.matmul(f, g, transpose_b=True)
tf.linalg.matvec(f, v)
tf.tensordot(f, v, 1)
tf.tensordot(f, g, [[1], [1]])
tf.tensordot(f, g, axes=[[0, 1], [0, 1]])
tf.tensordot(c, f, [1, 1])
tf.einsum('ij,kj->ik', f, g)
tf.einsum('bij,bkj->bik', c, c)
tf.einsum('...i,i->...', c, tf.ones(4))
tf.einsum('ij->', f)
tf.linalg.band_part(tf.ones((3, 3)), -1, 0)
tf.linalg.band_part(tf.ones((3, 3)), 0, 1)
tf.linalg.diag(v)
tf.linalg.diag_part(tf.eye(3))
tf.linalg.trace(tf.eye(3))
tf.linalg.inv([[2.0, 1.0], [1.0, 1.0]])
tf.linalg.det([[2.0, 1.0], [1.0, 3.0]])
tf.norm(f, axis=1)
tf.norm(f, ord=1, axis=1)
tf.norm(f, np.inf, axis=0, keepdims=True)
tf.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
tf.clip_by_norm(f, 2.0)
tf.clip_by_norm(v, 100.0)
tf.clip_by_norm(f, 1.0, axes=[1])
tf.linalg.global_norm([f, g])
tf.clip_by_global_norm([f, g], 1.0)
tf.clip_by_global_norm([v], 100.0)
# Losses on logits and the rest of `tf.nn`.
tf.nn.softmax_cross_entropy_with_logits(labels=tf.nn.softmax(g), logits=f)
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 2], logits=f)
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[[0]], logits=f)
tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(b, tf.float32), logits=g)
tf.nn.embedding_lookup(f, [[1, 0]])
tf.nn.l2_normalize(f, axis=1)
tf.nn.bias_add(f, v)
tf.nn.moments(f, axes=[0])
tf.nn.moments(f, [0, 1], keepdims=True)
tf.nn.dropout(f, rate=0.0)
tf.nn.dropout(f, 1.5)
# Text.
tf.strings.lower(s)
tf.strings.upper(s)
tf.strings.lower(s, encoding='utf-8')
tf.strings.upper(s, 'utf-8')
tf.strings.strip([' a ', 'b\n'])
tf.strings.length(s)
tf.strings.length(s, unit='UTF8_CHAR')
tf.strings.regex_replace(s, '[^a-zA-Z ]', '')
tf.strings.regex_replace('a.b', '[.?!,]', r' \0 ')
tf.strings.regex_replace(s, '[[:punct:]]', '#')
tf.strings.regex_replace('xx', 'x', 'y', replace_global=False)
tf.strings.regex_replace('ab', '(a)(b)', r'\2\1')
tf.strings.regex_full_match(['ab', 'b'], 'a.')
tf.strings.split(s)
tf.strings.split('a b  c')
tf.strings.split('a,b,', sep=',')
tf.strings.split(['a b', 'c'], ' ')
tf.strings.unicode_split(s, 'UTF-8')
tf.strings.unicode_split('äb', input_encoding='UTF-8')
tf.strings.bytes_split('abc')
tf.strings.join(['[START]', s, '[END]'], separator=' ')
tf.strings.join([s, s])
tf.strings.reduce_join(s)
tf.strings.reduce_join([['a', 'b'], ['c', 'd']], axis=-1)
tf.strings.reduce_join([['a', 'b'], ['c', 'd']], axis=0, separator='-')
tf.strings.reduce_join(tf.strings.unicode_split(s, 'UTF-8'), axis=-1)
tf.strings.reduce_join(['a', 'b'], keepdims=True)
tf.strings.substr('hello', 1, 3)
tf.strings.substr(s, 0, 1, unit='UTF8_CHAR')
tf.strings.to_number(['1.5', '-2'])
tf.strings.to_number('3', tf.int32)
tf.strings.as_string([1, 2])
tf.strings.as_string(1.5)
tf.strings.lower(f)
s == 'a  b'
tf.concat([s, ['x']], 0)
tf.reshape(s, (3, 1))
tf.gather(s, [2, 0])
tf.strings.as_string(b)
# Ragged tensors and arrays of tensors.
r.to_tensor()
r.to_tensor(-1.0)
r.row_lengths()
r.shape
r.to_list()
r.values
r.row_splits
r[0]
r[2, 1]
r[:2]
r[:, :1]
r.nrows()
r.dtype.name
len(r.to_list())
r.to_tensor(shape=[None, 4])
tf.RaggedTensor.from_row_lengths([1, 2, 3], [2, 0, 1])
tf.RaggedTensor.from_row_splits([1, 2, 3], [0, 2, 2, 3])
tf.RaggedTensor.from_value_rowids([1, 2, 3], [0, 0, 2])
tf.RaggedTensor.from_tensor([[1, 0], [2, 3]], padding=0)
tf.RaggedTensor.from_tensor([[1, 0], [2, 3]], lengths=[1, 2])
tf.ragged.constant([[[0.1], [0.2]], [[0.5]]], ragged_rank=1).shape
tf.ragged.constant([[[0.1], [0.2]], [[0.5]]], ragged_rank=1).to_tensor()
tf.ragged.constant([[[1], [2, 3]], []]).to_tensor()
tf.ragged.constant([[1], [2, 3]], dtype=tf.int64).dtype.name
tf.ragged.constant([[[1], [2, 3]], []]).to_list()
tf.ragged.stack([[1, 2], [3]])
tf.ragged.range([1, 3])
tf.RaggedTensor.from_row_lengths([1, 2], [5])
isinstance(r, tf.RaggedTensor)
tf.TensorArray(tf.float32, size=2).write(0, 1.0).write(1, 2.0).stack()
tf.TensorArray(tf.float32, 0, dynamic_size=True).write(1, [1.0]).stack()
tf.TensorArray(tf.int32, 2).write(2, 1)
tf.TensorArray(tf.float32, 2).unstack(f).read(1)
tf.TensorArray(tf.float32, 2).unstack(f).concat()
tf.TensorArray(tf.float32, 2).unstack(f).gather([1])
tf.TensorArray(tf.int32, 3).size()
# Control, and what surrounds it.
tf.cond(tf.constant(True), lambda: 1.0, lambda: 2.0)
tf.while_loop(lambda n: n < 5, lambda n: (n + 2,), [tf.constant(0)])
tf.map_fn(lambda row: row * 2, f)
tf.scan(lambda a, x: a + x, v)
tf.scan(lambda a, x: a + x, v, initializer=10.0)
tf.function(lambda x: x + 1)(v)
tf.get_static_value(v)
tf.debugging.assert_equal(1, 2)
tf.py_function(lambda x: x + 1, [v], tf.float32)
tf.config.run_functions_eagerly(True)
tf.io.gfile.exists('/nowhere')
tf.autograph.experimental.do_not_convert(len)([1])
tf.compat.v1.reduce_sum(f, reduction_indices=1, keep_dims=True)
tf.compat.v1.log(f)
tf.compat.v1.to_float(i)
tf.compat.v1.matrix_band_part(tf.ones((2, 2)), -1, 0)
tf.compat.v1.nn.softmax(f, dim=0)
tf.compat.v1.expand_dims(f, dim=0)
tf.compat.v1.squeeze(f[None], squeeze_dims=[0])
tf.compat.v1.argmax(f, dimension=1)
tf.compat.v1.batch_gather(f, [[0], [1]])
"""

CALLS = [
    *(f"tf.{name}({x})" for name in OF_ONE for x in ("f", "g")),
    *(f"tf.{name}(i)" for name in OF_ONE),
    *(f"tf.{name}({x})" for name in INSIDE for x in ("p", "l")),
    *(f"tf.{name}({x})" for name in OF_TWO for x in ("f, g", "f, v", "i, 2", "f, i", "f, d", "v, l", "1, 2.5", "d, v")),
    *(line for line in LINES.strip().splitlines() if not line.startswith("#")),
]

FILL = """
def fill(thing):
    thing.set_weights([(np.sin(np.arange(w.size) * 0.7 + 1.3 * i) * 0.6).reshape(w.shape).astype(w.dtype)
                       for i, w in enumerate(map(np.asarray, thing.get_weights()))])
    return thing

x = np.cos(np.arange(60) * 0.9).reshape(4, 5, 3).astype("float32")
L = tf.keras.layers
"""

PROGRAMS = {
    "simple gradients": """
a, b = tf.Variable(2.0), tf.constant(3.0)
with tf.GradientTape() as tape:
    tape.watch(b)
    y = a * b + tf.exp(a) / b
found = tape.gradient(y, [a, b])
""",
    "structures and what is not connected": """
a, b, c = tf.Variable(2.0), tf.Variable([1.0, 2.0]), tf.Variable(1.0, trainable=False)
with tf.GradientTape() as tape:
    y = tf.reduce_sum(b ** 2) * c
grads = tape.gradient(y, {"a": a, "b": b, "c": c})
found = [grads["a"] is None, grads["b"], grads["c"] is None]
""",
    "zeros for what is not connected": """
a, b = tf.Variable([2.0, 1.0]), tf.Variable(1.0)
with tf.GradientTape() as tape:
    y = b * 3
found = tape.gradient(y, [a, b], unconnected_gradients=tf.UnconnectedGradients.ZERO)
""",
    "persistent, and between": """
x = tf.constant([1.0, 2.0])
with tf.GradientTape(persistent=True) as tape:
    tape.watch(x)
    y = x * x
    z = y * y
found = [tape.gradient(z, x), tape.gradient(z, y), tape.gradient(y, x), tape.gradient([y, z], [x, y])]
""",
    "one gradient only": """
x = tf.Variable(1.0)
with tf.GradientTape() as tape:
    y = x * x
tape.gradient(y, x)
try:
    tape.gradient(y, x)
    found = "given"
except RuntimeError:
    found = "refused"
""",
    "second derivatives": """
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = tf.reduce_sum(x ** 3)
    first = inner.gradient(y, x)
    penalty = tf.reduce_sum(first ** 2)
found = [first, outer.gradient(penalty, x)]
""",
    "what stops gradients": """
x = tf.Variable([1.0, 2.0, 3.0])
with tf.GradientTape(persistent=True) as tape:
    y = tf.reduce_sum(tf.stop_gradient(x) * x)
    z = tf.cast(tf.argmax(x), tf.float32)
    with tape.stop_recording():
        s = tf.reduce_sum(x)
found = [tape.gradient(y, x), tape.gradient(z, x) is None, tape.gradient(s, x) is None]
""",
    "variables not watched by themselves": """
a, b = tf.Variable(2.0), tf.Variable(3.0)
with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(a)
    y = a * b
grads = tape.gradient(y, [a, b])
found = [grads[0], grads[1] is None, len(tape.watched_variables())]
""",
    "output gradients and jacobians": """
x = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
with tf.GradientTape(persistent=True) as tape:
    y = tf.linalg.matvec(x, [1.0, 2.0]) ** 2
found = [tape.gradient(y, x, output_gradients=tf.constant([1.0, 10.0])), tape.jacobian(y, x)]
""",
    "indices, shapes and masks": """
x = tf.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
with tf.GradientTape(persistent=True) as tape:
    parts = tf.split(x, 3, axis=1)
    a = parts[0] * parts[2]
    y = tf.concat([a, x[:, 1:]], axis=-1)
    y = tf.reduce_sum(tf.gather(y, [0, 0, 1]) * tf.stack([1.0, 2.0, 3.0]))
    m = tf.reduce_sum(tf.boolean_mask(x, x > 2.0) ** 2) + tf.reduce_max(x) + tf.reduce_sum(x[x > 4.0])
    e = tf.reduce_sum(tf.einsum("ij,kj->ik", x, x)) + tf.norm(x) + tf.reduce_logsumexp(x)
    w = tf.reduce_sum(tf.where(x > 3.0, x * x, tf.zeros_like(x))) + tf.reduce_sum(tf.nn.softmax(x)[:, 0])
    u = sum(tf.reduce_sum(row) * k for k, row in enumerate(tf.unstack(x))) + tf.reduce_sum(tf.cumsum(x, axis=1))
found = [tape.gradient(t, x) for t in (y, m, e, w, u)]
""",
    "a variable that changes on the way": """
x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = x * x
    x.assign(3.0)
    z = y * x
found = [tape.gradient(z, x), z]
""",
    "writing a training loop": FILL + """
model = fill(tf.keras.Sequential([L.Input((5, 3)), L.LSTM(4), L.Dense(3)]))
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam(0.01)
metric = tf.keras.metrics.SparseCategoricalAccuracy()
y = np.array([0, 2, 1, 2])
losses = []
for step in range(4):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits)
    grads = tape.gradient(loss, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    metric.update_state(y, logits)
    losses.append(float(loss))
found = [losses, metric.result().numpy(), [np.asarray(w) for w in model.weights]]
""",
    "a compiled step, clipped": FILL + """
model = fill(tf.keras.Sequential([L.Input((5, 3)), L.GRU(4, return_sequences=True), L.Dense(1)]))
optimizer = tf.keras.optimizers.SGD(0.1, momentum=0.9)
target = tf.constant(x[..., :1] ** 2)
mean = tf.keras.metrics.Mean()

@tf.function(input_signature=[tf.TensorSpec([None, 5, 3], tf.float32)])
def step(batch):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(batch, training=True) - target))
    grads = tape.gradient(loss, model.trainable_variables)
    grads, norm = tf.clip_by_global_norm(grads, 0.5)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    mean(loss)
    return norm

norms = [step(tf.constant(x)).numpy() for _ in range(3)]
found = [norms, mean.result().numpy(), [np.asarray(w) for w in model.weights]]
""",
    "losses of regularizers and layers": FILL + """
model = tf.keras.Sequential([L.Input((5, 3)), L.LSTM(4, kernel_regularizer="l2")])
model.add(L.Dense(2, activity_regularizer="l1"))
fill(model)
with tf.GradientTape() as tape:
    out = model(x, training=True)
    loss = tf.reduce_sum(out ** 2) + sum(model.losses)
found = [loss, tape.gradient(loss, model.trainable_variables)]
""",
    "masks reach the loss": FILL + """
ids = np.array([[1, 2, 0, 0], [3, 1, 2, 0]])
model = fill(tf.keras.Sequential([L.Embedding(4, 3, mask_zero=True), L.LSTM(3, return_sequences=True), L.Dense(4)]))
model(ids)
fill(model)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
with tf.GradientTape() as tape:
    loss = loss_fn(ids, model(ids))
found = [loss, tape.gradient(loss, model.trainable_variables)]
""",
    "batch normalization moves": FILL + """
model = fill(tf.keras.Sequential([L.Input((3,)), L.Dense(4), L.BatchNormalization(), L.Dense(1)]))
for variable in model.non_trainable_variables:
    variable.assign(np.ones(variable.shape))
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(model(x[:, 0], training=True) ** 2)
found = [loss, tape.gradient(loss, model.trainable_variables), [np.asarray(v) for v in model.non_trainable_variables]]
""",
    "encoder, attention and decoder, step by step": FILL + """
class Attention(L.Layer):
    def __init__(self, units):
        super().__init__()
        self.w1, self.w2, self.v = L.Dense(units), L.Dense(units), L.Dense(1)

    def call(self, query, values):
        score = self.v(tf.nn.tanh(self.w1(tf.expand_dims(query, 1)) + self.w2(values)))
        weights = tf.nn.softmax(score, axis=1)
        return tf.reduce_sum(weights * values, axis=1), weights

embedding, encoder = L.Embedding(6, 3), L.GRU(4, return_sequences=True, return_state=True)
cell = L.GRU(4, return_sequences=True, return_state=True)
attention, head = Attention(5), L.Dense(6)
source, target = np.array([[1, 2, 3], [4, 5, 1]]), np.array([[2, 3, 0], [1, 4, 5]])
loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
layers = [embedding, encoder, cell, attention, head]

def loss_of():
    values, state = encoder(embedding(source))
    loss = 0.0
    for t in range(1, 3):
        context, _ = attention(state, values)
        step = tf.concat([tf.expand_dims(context, 1), embedding(target[:, t - 1 : t])], axis=-1)
        out, state = cell(step, initial_state=state)
        per = loss_object(target[:, t], head(tf.reshape(out, (-1, out.shape[2]))))
        mask = tf.cast(tf.math.logical_not(tf.math.equal(target[:, t], 0)), per.dtype)
        loss += tf.reduce_mean(per * mask)
    return loss

loss_of()
for layer in layers:
    fill(layer)
variables = [v for layer in layers for v in layer.trainable_variables]
optimizer = tf.keras.optimizers.Adam(0.02)
losses = []
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = loss_of()
    # As one tensor: for the slices that an embedding gets there, TensorFlow's Adam leaves other rows as they are.
    grads = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
    optimizer.apply_gradients(zip(grads, variables))
    losses.append(float(loss))
found = [losses, [np.asarray(v) for v in variables]]
""",
    "a module with weights of its own": """
class Linear(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(tf.ones((3, 2)) * 0.5, name="w")
        self.b = tf.Variable(tf.zeros(2), name="b")

    @tf.function
    def __call__(self, x):
        return tf.matmul(x, self.w) + self.b

linear = Linear()
data = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((linear(data) - 1.0) ** 2)
    for variable, grad in zip(linear.trainable_variables, tape.gradient(loss, linear.trainable_variables)):
        variable.assign_sub(0.01 * grad)
found = [loss, linear.w.numpy(), linear.b.numpy(), [v.name for v in linear.trainable_variables]]
""",
}  # fmt: skip


def make(out: Path) -> None:
    names: dict[str, Any] = {"tf": tf, "np": np}
    for name, text in GIVEN.items():
        names[name] = eval(text, names)
    # TensorFlow refuses a NumPy array before a tensor of another dtype in these, and takes it in all others.
    tried = [
        call
        for call in CALLS
        if not (call.endswith("(d, v)") and any(name in call for name in ("add(", "truediv(", "no_nan(")))
    ]
    calls = [{"call": call, **_said(call, names)} for call in dict.fromkeys(tried)]
    calls = [each for each in calls if each.get("error") != "AttributeError"]
    programs = {}
    for name, source in PROGRAMS.items():
        space: dict[str, Any] = {"tf": tf, "np": np}
        exec(source, space)
        programs[name] = {"source": source, "found": _plain(space["found"])}
    lines = ",\n".join(json.dumps(each) for each in calls)
    text = f'{{"given": {json.dumps(GIVEN)},\n"calls": [\n{lines}\n],\n"programs": {json.dumps(programs)}}}\n'
    (out / "tf.json").write_text(text)
    print(
        len(calls),
        "calls of tf,",
        sum("error" in each for each in calls),
        "of them refused;",
        len(programs),
        "programs",
    )


def _said(call: str, names: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"found": _plain(eval(call, names))}
    except Exception as error:
        return {"error": type(error).__name__}


def _plain(value: Any) -> Any:
    """A value as JSON holds it: an array as {dtype, shape, values}, in lists and tuples too."""
    if isinstance(value, tf.IndexedSlices):
        value = tf.convert_to_tensor(value)
    if isinstance(value, (tf.RaggedTensor, tf.TensorShape)):
        listed = value.to_list() if isinstance(value, tf.RaggedTensor) else value.as_list()
        return {"rows": _text(listed)}
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, (tf.Tensor, tf.Variable, np.ndarray, np.generic)):
        array = np.asarray(value)
        dtype = "string" if array.dtype.kind in "OS" else array.dtype.name
        return {"dtype": dtype, "shape": list(array.shape), "values": _text(array.tolist())}
    return _text(value)


def _text(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_text(part) for part in tree]
    return tree.decode(errors="backslashreplace") if isinstance(tree, bytes) else tree
