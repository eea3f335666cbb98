"""`ops.jsonl.gz` and `ops.npz`: what Keras 3's `ops` and tf_keras's `backend` give for calls written as Python.

A case is an expression over the functions and a few named arrays: `"take(x, [0, 2], axis=1)"`. What it gives is kept as
numbers and dtype.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from store import Store, write_lines

random = np.random.default_rng(7)


def _floats(*shape: int) -> np.ndarray:
    return random.uniform(-2, 2, shape).round(3).astype("float32")


SQUARE = (_floats(2, 3, 3) + 4 * np.eye(3)).astype("float32")
INPUTS: dict[str, np.ndarray] = {
    "x": _floats(2, 3, 4),
    "y": _floats(2, 3, 4),
    "p": random.uniform(0.05, 0.95, (2, 3, 4)).round(3).astype("float32"),
    "m": _floats(3, 4),
    "n": _floats(4, 5),
    "v": _floats(4),
    "w": np.float32([0.3, -1.2, 2.1, 0.3]),
    "sq": SQUARE,
    "pd": (SQUARE @ np.swapaxes(SQUARE, 1, 2)).astype("float32"),
    "i": random.integers(0, 4, (2, 3)).astype("int32"),
    "j": random.integers(-5, 9, (2, 3)).astype("int32"),
    "k": random.integers(1, 4, (2, 3)).astype("int32"),
    "t": random.integers(0, 2, (2, 3, 4)).astype("float32"),
    "c": random.random((2, 3, 4)) > 0.5,
    "odd": np.float32([np.nan, np.inf, -np.inf, -1.5, 0, 2.5]),
    "im": _floats(2, 6, 5, 4),
    "seq": _floats(2, 7, 4),
    "ker1": _floats(3, 4, 5),
    "ker2": _floats(2, 3, 4, 5),
    "ker2g": _floats(2, 3, 2, 6),
    "kert1": _floats(3, 5, 4),
    "dk1": _floats(3, 4, 2),
    "pk1": _floats(1, 8, 3),
    "q4": _floats(2, 3, 4, 5),
    "k4": _floats(2, 6, 2, 5),
    "see": random.random((2, 1, 3, 6)) > 0.3,
}
DTYPES = ("bool", "int8", "uint8", "int16", "uint32", "int32", "int64", "float16", "float32", "float64")
INPUTS |= {f"of_{name}": np.array([0, 1, 1, 1]).astype(name) for name in DTYPES}
INPUTS |= {f"two_{name}": np.array([1, 1, 1, 1]).astype(name) for name in DTYPES}

UNARY = (
    "exp exp2 expm1 log1p sqrt cbrt sin cos tan sinh cosh tanh arcsin arctan arcsinh deg2rad rad2deg ceil floor "
    "sinc i0 negative sign square trunc isfinite isinf isnan absolute reciprocal rsqrt round erf erfc logical_not sum "
    "mean max min prod var std any all argmax argmin cumsum cumprod median sort argsort count_nonzero relu sigmoid "
    "softmax log_softmax gelu silu elu selu softplus leaky_relu relu6 hard_sigmoid zeros_like ones_like logsumexp diff"
)
BINARY = (
    "add subtract multiply divide true_divide maximum minimum power mod floor_divide equal less greater_equal arctan2 "
    "hypot logaddexp logical_and dot matmul"
)
SHORT = {"ADDED": "lambda z, s: (z + s[0], [z + s[0]])", "START": "[v * ones((2, 4))]"}
"""What stands for more in the cases below."""

OPS = """
log(p); log2(p); log10(p); arccosh(p + 1.0); arctanh(p); arccos(p); erfinv(p); fabs(x); isneginf(odd); isposinf(odd)
nan_to_num(odd); nan_to_num(odd, nan=1.0, posinf=2.0, neginf=3.0); isnan(odd); isfinite(odd); signbit(odd); trunc(x)
clip(x, -0.5, 0.5); clip(j, 0, 3); clip(j, 0.5, 2.5); round(x, 1); divide_no_nan(x, t); ldexp(x, 2); heaviside(x, 0.5)
fmod(j, k); gcd(j, k); lcm(k, i); nextafter(x, y); fmax(x, y); fmin(x, y); logaddexp2(x, y); isclose(x, x + 1e-9)
bitwise_and(j, k); bitwise_or(j, k); bitwise_xor(j, k); bitwise_not(j); bitwise_invert(j); left_shift(k, 1)
right_shift(k, 1); bitwise_left_shift(k, i); bitwise_right_shift(k, i); where(c, x, y); where(c, x, 0)
where(c, j[0, 0], 2.5); add(x, 1); add(j, 1.5); add([1, 2], [0.5, 1]); power(x, 2); power(2, j * 0 + 3)
multiply(True, j); subtract(2.5, i); logical_xor(c, t); sum(x, axis=1); sum(x, axis=(0, 2), keepdims=True)
mean(x, axis=-1); mean(j); max(x, axis=1); max(x, initial=1.0); min(x, axis=(0, 1)); amax(x, axis=2); amin(x, axis=2)
ptp(x, axis=1); any(c, axis=1); all(c, axis=-1, keepdims=True); prod(x, axis=0); var(x, axis=1)
std(x, axis=-1, keepdims=True); median(x, axis=1); median(x); quantile(x, 0.3, axis=1); quantile(x, [0.2, 0.7])
percentile(x, 30, axis=1); average(x, axis=1); average(v, weights=w); argmax(x, axis=1)
argmin(x, axis=-1, keepdims=True); argmax(x); cumsum(x, axis=1); cumprod(x, axis=-1); cumsum(m); sort(x, axis=1)
argsort(w); argsort(x, axis=1); count_nonzero(t, axis=1); logsumexp(x, axis=1); logsumexp(x, axis=-1, keepdims=True)
nansum(odd[2:]); nanmean(odd[3:]); nanmax(odd[3:]); nanmin(odd[3:]); top_k(x, 2); top_k(w, 3)
in_top_k(i[0] * 1, m, 2); searchsorted([0.1, 0.5, 2.0], v); searchsorted([0.1, 0.5, 2.0], w, side="right")
digitize(v, [-1.0, 0.0, 1.0]); bincount(i[0]); bincount(i, minlength=5); bincount(i[0], weights=m[:, 0])
histogram(v, bins=4); isin(i, [1, 2]); allclose(x, x); trapezoid(v); trapezoid(m, dx=0.5); unique(i); diff(x, n=2)
diff(m, axis=0); segment_sum(m, [0, 0, 2]); segment_max(m, [0, 0, 1]); segment_min(m, [0, 1, 1])
segment_sum(m, [0, 2, 2], num_segments=4); zeros((2, 3)); ones(3, dtype="int32"); full((2,), 3); full((2,), 2.5)
full((2,), 1, dtype="float32"); eye(3); eye(2, 3, k=1); identity(2); tri(3); arange(5); arange(1, 3, 0.5)
arange(2, 8, 3); arange(3, dtype="float32"); linspace(0, 1, 5); linspace(0.0, 2.0, 4, endpoint=False)
logspace(0, 2, 3); geomspace(1.0, 8.0, 4); full_like(x, 2); full_like(j, 2.7); ones_like(j, dtype="float32")
bartlett(5); hamming(5); hanning(5); blackman(5); kaiser(5, 8.6); cast(x, "int32"); cast(j, "float16")
cast(x, "bool"); convert_to_tensor([1, 2]); array([1.5]); saturate_cast(j, "uint8"); size(x); ndim(x)
convert_to_tensor(2.5); convert_to_tensor([[True]]); reshape(x, (6, -1)); reshape(x, -1); expand_dims(x, 1)
expand_dims(x, (0, -1)); squeeze(x[:, :1], 1); squeeze(x[:1]); ravel(x); transpose(x); transpose(x, (0, 2, 1))
moveaxis(x, 0, -1); swapaxes(x, 0, 1); broadcast_to(v, (2, 4)); repeat(x, 2, axis=1); repeat(i, 2)
repeat(m, [1, 2, 0], axis=0); tile(x, (1, 2, 1)); tile(v, 2); pad(m, ((1, 0), (0, 2))); pad(m, 1, constant_values=2.0)
pad(m, ((1, 1), (2, 0)), mode="reflect"); pad(m, ((1, 1), (2, 0)), mode="symmetric"); flip(x); flip(x, axis=1)
roll(x, 1); roll(x, 2, axis=1); rot90(m); tril(m); triu(m, k=1); diag(v); diag(m); diag(v, k=1); diagonal(x)
diagonal(x, offset=1, axis1=1, axis2=2); diagflat(v); meshgrid(v, w); meshgrid(v, w, indexing="ij"); vander(v, 3)
concatenate([x, y], axis=1); concatenate([i, m[:2, :3]], axis=0); stack([x, y]); stack([x, y], axis=-1)
hstack([m, m]); dstack([m, m]); append(x, y); append(m, m, axis=0); split(x, 2, axis=2)
split(x, [1, 2], axis=1); array_split(v, 3); hsplit(m, 2); unstack(x, axis=1); vsplit(n, 2); take(x, [0, 2], axis=1)
take(x, 5); take(v, i); take(x, -1, axis=2); take_along_axis(x, argsort(x, axis=1), axis=1); nonzero(t[0])
get_item(x, (0, 1)); unravel_index([5, 7], (3, 4)); select([c, t > 0.5], [x, y], 9.0); slice(x, [0, 1, 0], [2, 2, 3])
slice(m, [1, 0], [-1, 2]); slice_update(m, [1, 1], zeros((2, 2))); scatter([[0], [2], [0]], [1.0, 2.0, 3.0], (4,))
scatter_update(m, [[0, 1], [2, 3]], [9.0, 8.0]); scatter_update(v, [[0], [0]], [1.0, 2.0], reduction="add")
scatter_update(v, [[0], [2]], [1.0, 2.0], reduction="max"); stop_gradient(x); flipud(m); fliplr(m); copy(x)
count_nonzero(t); matmul(x, n); matmul(v, n); dot(x, n); dot(v, w); dot(m, 2.0); inner(m, m); outer(v, w); vdot(v, w)
tensordot(x, n, axes=1); tensordot(x, y, axes=[[1, 2], [1, 2]]); einsum("bij,jk->bik", x, n)
einsum("bij,bij->b", x, y); einsum("ij->ji", j); cross(m[:, :3], m[:, 1:]); trace(sq, axis1=1, axis2=2); kron(m, m)
correlate(v, w[:2]); matmul(j, transpose(j)); norm(x); norm(x, axis=-1); norm(m, ord=1, axis=0); norm(m, ord="fro")
norm(x, ord=2, axis=1, keepdims=True); det(sq); inv(sq); solve(sq, x); solve(sq, x[:, :, 0]); cholesky(pd)
cholesky(pd, upper=True); lu_factor(sq); solve_triangular(sq, x, lower=True); svd(m, compute_uv=False); pinv(m)
logdet(pd); slogdet(sq); lstsq(transpose(m), v); cdist(m, m); corrcoef(m); rfft(v); fft((v, w)); irfft((v[:3], w[:3]))
fft2((m, m)); extract_sequences(v, 2, 1); matrix_rank(m); relu(x); softmax(x, axis=1); log_softmax(x, axis=-1)
gelu(x); gelu(x, approximate=False); leaky_relu(x, 0.3); elu(x, 0.5); celu(x); glu(x); hard_silu(x); silu(x); swish(x)
log_sigmoid(x); softsign(x); hard_tanh(x); hard_shrink(x); soft_shrink(x); tanh_shrink(x); squareplus(x)
threshold(x, 0.5, 9.0); selu(x); sparse_plus(x); sparse_sigmoid(x); one_hot(i, 4); one_hot(i, 4, axis=1)
one_hot(j, 3, dtype="int32"); multi_hot(i, 4); multi_hot(i[0], 4); binary_crossentropy(t, p)
binary_crossentropy(t, x, from_logits=True); categorical_crossentropy(t, p)
categorical_crossentropy(t, x, from_logits=True); sparse_categorical_crossentropy(i, p)
sparse_categorical_crossentropy(i, x, from_logits=True); moments(x, axes=[0, 1]); moments(x, axes=[-1], keepdims=True)
batch_normalization(x, v, w * w, axis=-1); batch_normalization(x, v, w * w, -1, offset=w, scale=v, epsilon=0.1)
layer_normalization(x); layer_normalization(x, v, w, axis=-1, epsilon=0.01); rms_normalization(x, v)
rms_normalization(x); normalize(x); normalize(x, axis=1, order=1); dot_product_attention(q4, k4, k4 * 2)
dot_product_attention(q4, k4, k4, mask=see, scale=0.7); dot_product_attention(q4, q4, q4, is_causal=True)
conv(seq, ker1); conv(seq, ker1, strides=2, padding="same"); conv(seq, ker1, dilation_rate=2); conv(im, ker2)
conv(im, ker2, strides=(2, 1), padding="same"); conv(im, ker2g); depthwise_conv(seq, dk1)
depthwise_conv(seq, dk1, padding="same"); separable_conv(seq, dk1, pk1); conv_transpose(seq, kert1)
conv_transpose(seq, kert1, strides=2); conv_transpose(seq, kert1, strides=2, padding="same")
conv_transpose(seq, kert1, strides=2, output_padding=1); conv_transpose(seq, kert1, strides=3, padding="same")
max_pool(seq, 2); max_pool(seq, 3, strides=2, padding="same"); average_pool(seq, 3, strides=2, padding="same")
average_pool(im, (2, 3)); max_pool(im, 2, strides=1, padding="same"); depth_to_space(im, 2)
space_to_depth(im[:, :, :4], 2); scan(lambda h, z: (h + z, h * z), v, m)
scan(lambda h, z: (h + z, h), v, m, reverse=True); scan(lambda h, z: (h + 1, h), 0, length=3)
map(lambda z: z * 2 + 1, m); vectorized_map(lambda z: sum(z), m); associative_scan(lambda a, b: a + b, m)
associative_scan(lambda a, b: a + b, m, reverse=True, axis=1)
while_loop(lambda a, b: a < 4, lambda a, b: (a + 1, b * 2.0), (0, 1.0))
while_loop(lambda a: a < 9, lambda a: a + 1, 0, maximum_iterations=3); fori_loop(0, 3, lambda s, a: a * 2.0, v)
cond(True, lambda: v, lambda: w); switch(1, [lambda a: a, lambda a: a * 2], v)
switch(7, [lambda a: a, lambda a: a * 2], v)
"""

BACKEND = """
dot(x, n); dot(m, n); batch_dot(x, y, axes=(2, 2)); batch_dot(x, y, axes=2); batch_dot(x, y, axes=1)
batch_dot(x, permute_dimensions(y, (0, 2, 1))); batch_dot(m, m, axes=1); batch_dot(x, x[:, :, 0], axes=(1, 1))
batch_dot(q4, permute_dimensions(q4, (0, 1, 3, 2))[:, :, :, :2], axes=(3, 2)); batch_dot(x[:, 0], y, axes=(1, 2))
batch_dot(m, m); tanh(x); sigmoid(x); hard_sigmoid(x * 2.0); softmax(x); softmax(x, axis=1); exp(x); square(x)
sqrt(p); log(p); abs(x); sign(x); round(x); pow(x, 2); sin(x); cos(x); elu(x); relu(x)
relu(x, alpha=0.2, max_value=1.0); softplus(x); softsign(x); clip(x, -0.5, 0.5); sum(x, axis=1); sum(x)
mean(x, axis=-1, keepdims=True); mean(c); max(x, axis=1); min(x, axis=[0, 1]); prod(x, axis=1); var(x, axis=1)
std(x, axis=1); any(c, axis=1); all(c); argmax(x); argmin(x, axis=1); cumsum(x, axis=1); cumprod(x, axis=1)
expand_dims(x); expand_dims(x, 1); squeeze(x[:, :1], 1); permute_dimensions(x, (0, 2, 1)); repeat(m, 2)
repeat_elements(x, 2, axis=1); reshape(x, (2, 12)); reshape(x, (-1, 4)); concatenate([x, y])
concatenate([x, y], axis=1); stack([x, y]); tile(x, [1, 2, 1]); tile(v, 2); flatten(x); batch_flatten(x); transpose(m)
reverse(x, 1); cast(x, "int32"); cast(c, "float32"); zeros((2, 3)); ones((2,), dtype="int32"); eye(2); zeros_like(x)
ones_like(x); arange(4); arange(1, 7, 2); constant(2.5); constant([1.0, 2.0], shape=(2, 1)); gather(m, [0, 2])
one_hot(i, 4); equal(i, k); not_equal(i, k); greater(x, y); greater_equal(x, y); less(x, y); less_equal(x, y)
maximum(x, y); minimum(x, y); l2_normalize(x, axis=-1); l2_normalize(x); binary_crossentropy(t, p)
binary_crossentropy(t, x, from_logits=True); categorical_crossentropy(t, p)
categorical_crossentropy(t, x, from_logits=True); sparse_categorical_crossentropy(i, p)
sparse_categorical_crossentropy(i, x, from_logits=True); binary_focal_crossentropy(t, p)
categorical_focal_crossentropy(t, p); batch_normalization(x, v, w * w, w, v)
normalize_batch_in_training(x, v, w, [0, 1]); bias_add(x, v); bias_add(x, m); in_top_k(m, [0, 1, 3], 2)
switch(c, x, y); in_train_phase(v, w, training=1); in_test_phase(v, w, training=1); stop_gradient(x)
conv1d(seq, ker1); conv1d(seq, ker1, padding="causal"); conv1d(seq, ker1, strides=2, padding="same"); conv2d(im, ker2)
conv2d(im, ker2, padding="same"); pool2d(im, (2, 2))
pool2d(im, (2, 2), pool_mode="avg", padding="same", strides=(2, 2)); temporal_padding(seq, (1, 2))
spatial_2d_padding(im)
local_conv1d(seq, reshape(arange(5 * 12 * 2, dtype="float32"), (5, 12, 2)) / 100.0, (3,), (1,))
foldl(lambda a, b: a + b, m); foldr(lambda a, b: a - b, m); map_fn(lambda a: a * 2.0, m)
resize_images(im, 2, 3, "channels_last"); count_params(v)
separable_conv2d(im, ker2[:, :, :, :2], reshape(ker2[:1, :1, :, :2], (1, 1, 8, 1))); rnn(ADDED, x, START)
rnn(ADDED, x, START, go_backwards=True); rnn(ADDED, x, START, mask=c[:, :, 0])
rnn(lambda z, s: (z + s[0] * s[1], [z + s[0]]), x, START, constants=[w], unroll=True)
rnn(ADDED, x, START, mask=c[:, :, 0], zero_output_for_mask=True); rnn(ADDED, x, START, return_all_outputs=False)
ctc_batch_cost([[1, 2], [2, 2]], softmax(seq), [[7], [6]], [[2], [1]]); ctc_decode(softmax(seq), [7, 5])
"""


def expressions(text: str) -> list[str]:
    """The cases of a block of text."""
    for short, whole in SHORT.items():
        text = text.replace(short, whole)
    return [each.strip() for each in text.replace("\n", ";").split(";") if each.strip()]


def generated() -> list[str]:
    """The cases about dtypes."""
    made = [f"{name}(of_{dtype})" for name in UNARY.split() for dtype in DTYPES]
    made += [f"add(of_{one}, two_{other})" for one in DTYPES for other in DTYPES]
    operands = ("of_bool, two_bool", "of_int32, two_int32", "of_int8, two_uint8", "of_int32, two_float32")
    operands += ("of_float32, 2", "of_int32, 2", "of_int32, 2.0", "of_float16, 2.0", "of_int64, two_float32")
    made += [f"{name}({pair})" for name in BINARY.split() for pair in operands]
    return made


def make(out: Path) -> None:
    import keras
    import tf_keras

    store = Store()
    lines: list[dict[str, Any]] = [{"inputs": {name: _kept(store, value) for name, value in INPUTS.items()}}]
    lines += _lines(store, "ops", keras.ops, generated() + expressions(OPS))
    lines += _lines(store, "backend", tf_keras.backend, expressions(BACKEND))
    lines.append(_drawn_model(store))
    write_lines(out / "ops.jsonl.gz", lines)
    store.save(out / "ops.npz")
    print(len(lines) - 1, "cases of ops")


def _drawn_model(store: Store) -> dict[str, Any]:
    """What Keras 3 writes for an Embedding's mask and operations on tensors around an LSTM, and what it predicts."""
    import keras
    from keras import ops

    ids = keras.Input((5,), dtype="int32")
    h = keras.layers.LSTM(4, return_sequences=True)(keras.layers.Embedding(7, 3, mask_zero=True)(ids))
    there = ops.any(ids != 0, axis=1, keepdims=True)
    y = ops.where(there, ops.tanh(h[:, -1, :]) * 2 - 1, 0.0)
    model = keras.Model(ids, ops.softmax(keras.layers.Dense(2)(y) / 3))
    weights = [random.uniform(-1, 1, w.shape).astype("float32") for w in model.get_weights()]
    model.set_weights(weights)
    x = np.array([[1, 2, 3, 0, 0], [0, 0, 0, 0, 0], [6, 5, 4, 3, 2]], "int32")
    kept = {
        "weights": store.put_all(weights),
        "inputs": store.put(x),
        "outputs": store.put(model.predict(x, verbose=0)),
    }
    return {"module": "model", "case": "masked", "config": model.to_json(), **kept}


def _lines(store: Store, module: str, functions: Any, cases: list[str]) -> list[dict[str, Any]]:
    import tensorflow as tf

    names = {name: getattr(functions, name) for name in dir(functions)}
    names |= {name: tf.constant(value) for name, value in INPUTS.items()}
    lines = []
    for case in cases:
        try:
            value = eval(case, dict(names))
        except Exception as error:  # What the real one refuses is no case.
            print(f"{module}: {case}: {type(error).__name__}: {str(error)[:100]}")
            continue
        lines.append({"module": module, "case": case, "gives": _structure(store, value)})
    return lines


def _structure(store: Store, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_structure(store, part) for part in value]
    return _kept(store, np.asarray(value))


def _kept(store: Store, array: np.ndarray) -> dict[str, str]:
    wide = {"f": "float64" if array.dtype == np.float64 else "float32", "b": "bool"}.get(array.dtype.kind, "int64")
    return {"dtype": array.dtype.name, "values": store.put(array.astype(wide))}
