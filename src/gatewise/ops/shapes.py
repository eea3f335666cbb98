"""Making arrays, and changing their shapes, axes and places; nothing here computes but with indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base.arrays import namespace, numpy_dtype
from gatewise.config import config
from gatewise.ops.declared import Array, Arrays, also, op, result
from gatewise.ops.dtypes import in_dtype, kind_of, name_of, operand, result_type, tensor, together

# --- Making ------------------------------------------------------------------------------------------------------


def _dtype(dtype: Any) -> Any:
    return numpy_dtype(config.floatx if dtype is None else name_of(dtype))


@also
def zeros(shape: Any, dtype: Any = None) -> Array:
    """Zeros."""
    return result(np.zeros(shape, _dtype(dtype)))


@also
def ones(shape: Any, dtype: Any = None) -> Array:
    """Ones."""
    return result(np.ones(shape, _dtype(dtype)))


@also
def empty(shape: Any, dtype: Any = None) -> Array:
    """Zeros, as any numbers will do."""
    return zeros(shape, dtype)


@op("numpy")
def full(shape: Any, fill_value: Array, dtype: Any = None) -> Array:
    """One value everywhere."""
    xp, value = operand(fill_value)
    return xp.full(shape, in_dtype(value, dtype or (config.floatx if np.isscalar(fill_value) else value.dtype)))


@also
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:  # noqa: N803
    """Ones on a diagonal."""
    return result(np.eye(N, M, k, _dtype(dtype)))


@also
def identity(n: int, dtype: Any = None) -> Array:
    """Ones on the diagonal."""
    return eye(n, dtype=dtype)


@also
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:  # noqa: N803
    """Ones on and below a diagonal."""
    return result(np.tri(N, M, k, _dtype(dtype)))


def _window(name: str) -> Callable[..., Any]:
    def function(x: int) -> Array:
        return result(getattr(np, name)(int(x)).astype(config.floatx))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {name} window of `x` numbers."
    return function


for _name in ("bartlett", "blackman", "hamming", "hanning"):
    also(_window(_name))


@also
def kaiser(x: int, beta: float) -> Array:
    """The Kaiser window of `x` numbers."""
    return result(np.kaiser(int(x), beta).astype(config.floatx))


@op("numpy")
def arange(start: Array, stop: Array | None = None, step: Array | None = None, dtype: Any = None) -> Array:
    """From `start` up to `stop`, that one left out."""
    given = [each for each in (start, stop, step) if each is not None]
    made = np.arange(start, stop, 1 if step is None else step) if stop is not None else np.arange(0, start, step or 1)
    return made.astype(numpy_dtype(name_of(dtype) if dtype else result_type(*map(kind_of, given))))


@op("numpy")
def linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` numbers at equal distances."""
    xp, (start, stop) = together(start, stop, floating=True)
    made = xp.linspace(start, stop, num, endpoint, retstep, axis=axis)
    wanted = dtype or start.dtype.name
    return tuple(in_dtype(part, wanted) for part in made) if retstep else in_dtype(made, wanted)


@op("numpy")
def logspace(
    start: Array, stop: Array, num: int = 50, endpoint: bool = True, base: float = 10, dtype: Any = None, axis: int = 0
) -> Array:
    """`base` to the power of `num` numbers at equal distances."""
    xp, (start, stop) = together(start, stop, floating=True)
    return in_dtype(xp.logspace(start, stop, num, endpoint, base, axis=axis), dtype or start.dtype.name)


@op("numpy")
def geomspace(
    start: Array, stop: Array, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Array:
    """`num` numbers at equal ratios."""
    xp, (start, stop) = together(start, stop, floating=True)
    return in_dtype(xp.geomspace(start, stop, num, endpoint, axis=axis), dtype or start.dtype.name)


def _alike(name: str) -> Callable[..., Any]:
    def function(x: Array, dtype: Any = None) -> Array:
        xp, x = operand(x)
        return in_dtype(getattr(xp, name)(x), dtype or x.dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name.partition('_')[0].capitalize()} of the shape of `x`."
    return function


for _name in ("zeros_like", "ones_like"):
    op("numpy")(_alike(_name))


@op("numpy")
def empty_like(x: Array, dtype: Any = None) -> Array:
    """Zeros of the shape of `x`, as any numbers will do."""
    xp, x = operand(x)
    return in_dtype(xp.zeros_like(x), dtype or x.dtype)


@op("numpy")
def full_like(x: Array, fill_value: Array, dtype: Any = None) -> Array:
    """One value in the shape of `x`."""
    xp, x = operand(x)
    return xp.full_like(x, tensor(fill_value, dtype or x.dtype))


@op("numpy")
def array(x: Array, dtype: Any = None) -> Array:
    """`x` as an array."""
    return tensor(x, dtype)


@op("numpy")
def copy(x: Array) -> Array:
    """A copy."""
    xp, x = operand(x)
    return xp.array(x)


@op("core")
def cast(x: Array, dtype: Any) -> Array:
    """`x` in another dtype."""
    return tensor(x, dtype)


@op("core")
def saturate_cast(x: Array, dtype: Any) -> Array:
    """`x` in another dtype, what does not fit at that one's ends."""
    xp, x = operand(x)
    wanted = numpy_dtype(name_of(dtype))
    ends = np.iinfo(wanted) if wanted.kind in "iu" else None if wanted.kind == "b" else np.finfo(wanted)
    return in_dtype(x if ends is None else xp.clip(x, float(ends.min), float(ends.max)), dtype)


@op("core", "ConvertToTensor")
def convert_to_tensor(x: Array, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Array:
    """`x` as an array, Python's numbers as float32 and int32."""
    return tensor(x, dtype)


@also
def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as an array of NumPy's."""
    return np.array(tensor(x))


@also
def is_tensor(x: Any) -> bool:
    """Whether `x` is an array."""
    return hasattr(x, "__array_namespace__") or isinstance(x, np.ndarray)


@also
def shape(x: Any) -> tuple[int | None, ...]:
    """The shape, None where a size is not known."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(tensor(x).shape)


@also
def dtype(x: Any) -> str:
    """The dtype's name."""
    return name_of(x.dtype)


@op("numpy")
def ndim(x: Array) -> Any:
    """How many axes there are."""
    return tensor(x).ndim


@op("numpy")
def size(x: Array) -> Any:
    """How many numbers there are."""
    return np.asarray(tensor(x).size, "int32")


# --- Shapes ------------------------------------------------------------------------------------------------------


@op("numpy")
def reshape(x: Array, newshape: Any) -> Array:
    """The numbers in another shape; one size may be -1 or None, and is found."""
    xp, x = operand(x)
    sizes = (newshape,) if isinstance(newshape, int) else newshape
    return xp.reshape(x, tuple(-1 if size is None else int(size) for size in sizes))


@op("numpy")
def expand_dims(x: Array, axis: Any) -> Array:
    """With more axes of size 1."""
    xp, x = operand(x)
    return xp.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis)


@op("numpy")
def squeeze(x: Array, axis: Any = None) -> Array:
    """Without axes of size 1."""
    xp, x = operand(x)
    return xp.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


@op("numpy")
def ravel(x: Array) -> Array:
    """The numbers in one axis."""
    xp, x = operand(x)
    return xp.ravel(x)


@op("numpy")
def transpose(x: Array, axes: Any = None) -> Array:
    """The axes in another order, by default reversed."""
    xp, x = operand(x)
    return xp.transpose(x, axes)


@op("numpy")
def moveaxis(x: Array, source: Any, destination: Any) -> Array:
    """Axes moved to other places."""
    xp, x = operand(x)
    return xp.moveaxis(x, source, destination)


@op("numpy")
def swapaxes(x: Array, axis1: int, axis2: int) -> Array:
    """Two axes exchanged."""
    xp, x = operand(x)
    return xp.swapaxes(x, axis1, axis2)


@op("numpy")
def broadcast_to(x: Array, shape: Any) -> Array:
    """Stretched to a shape."""
    xp, x = operand(x)
    return xp.broadcast_to(x, tuple(shape))


@op("numpy")
def repeat(x: Array, repeats: Any, axis: int | None = None) -> Array:
    """Each part so many times."""
    xp, x = operand(x)
    return xp.repeat(x, repeats if isinstance(repeats, int) else np.asarray(repeats), axis=axis)


@op("numpy")
def tile(x: Array, repeats: Any) -> Array:
    """The whole so many times along each axis."""
    xp, x = operand(x)
    return xp.tile(x, repeats if isinstance(repeats, int) else tuple(map(int, repeats)))


@op("numpy")
def pad(x: Array, pad_width: Any, mode: str = "constant", constant_values: Array | None = None) -> Array:
    """With more numbers before and behind, along each axis."""
    xp, x = operand(x)
    if constant_values is not None and mode != "constant":
        raise ValueError(f"ops.pad: constant_values={constant_values} goes with mode='constant', not with {mode!r}.")
    given = {"constant_values": constant_values or 0} if mode == "constant" else {}
    return xp.pad(x, np.asarray(pad_width).tolist(), mode=mode, **given)


@op("numpy")
def flip(x: Array, axis: Any = None) -> Array:
    """In the reversed order along axes, by default all."""
    xp, x = operand(x)
    return xp.flip(x, tuple(axis) if isinstance(axis, list) else axis)


@op("numpy")
def fliplr(x: Array) -> Array:
    """The second axis reversed."""
    xp, x = operand(x)
    return xp.flip(x, 1)


@op("numpy")
def flipud(x: Array) -> Array:
    """The first axis reversed."""
    xp, x = operand(x)
    return xp.flip(x, 0)


@op("numpy")
def rot90(array: Array, k: int = 1, axes: Any = (0, 1)) -> Array:
    """Turned by quarters, in the plane of two axes."""
    xp, array = operand(array)
    return xp.rot90(array, k, tuple(axes))


@op("numpy")
def roll(x: Array, shift: Any, axis: Any = None) -> Array:
    """Moved along axes, what leaves at the end coming in at the beginning."""
    xp, x = operand(x)
    return xp.roll(x, shift, axis)


@op("numpy")
def tril(x: Array, k: int = 0) -> Array:
    """Zeros above a diagonal."""
    xp, x = operand(x)
    return xp.tril(x, k)


@op("numpy")
def triu(x: Array, k: int = 0) -> Array:
    """Zeros below a diagonal."""
    xp, x = operand(x)
    return xp.triu(x, k)


@op("numpy")
def diag(x: Array, k: int = 0) -> Array:
    """A matrix with `x` on a diagonal; of a matrix, the diagonal."""
    xp, x = operand(x)
    return xp.diag(x, k)


@op("numpy")
def diagflat(x: Array, k: int = 0) -> Array:
    """A matrix with the numbers of `x` on a diagonal."""
    xp, x = operand(x)
    return xp.diagflat(x, k)


@op("numpy")
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonal of two axes."""
    xp, x = operand(x)
    return xp.diagonal(x, offset, axis1, axis2)


@op("numpy")
def meshgrid(*x: Array, indexing: str = "xy") -> Any:
    """A grid's coordinates."""
    parts = [tensor(each) for each in x]
    return list(namespace(*parts).meshgrid(*parts, indexing=indexing))


@op("numpy")
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:  # noqa: N803
    """The powers of `x` as columns."""
    xp, x = operand(x)
    return in_dtype(xp.vander(x, N, increasing=increasing), x.dtype.name)


# --- Joining and parting -----------------------------------------------------------------------------------------


def _joining(name: str, takes_axis: bool, first: str = "xs") -> Callable[..., Any]:
    def along(xs: Arrays, axis: Any = 0) -> Array:
        xp, parts = together(*xs)
        return getattr(xp, name)(parts, axis=axis)

    def plain(xs: Arrays) -> Array:
        xp, parts = together(*xs)
        return getattr(xp, name)(parts)

    function = along if takes_axis else plain
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}`: arrays joined into one."
    return function


op("numpy")(_joining("concatenate", takes_axis=True))
for _name in ("hstack", "vstack", "dstack"):
    op("numpy")(_joining(_name, takes_axis=False))


@op("numpy")
def stack(x: Arrays, axis: int = 0) -> Array:
    """Arrays of one shape joined along a new axis."""
    xp, parts = together(*x)
    return xp.stack(parts, axis=axis)


@op("numpy")
def append(x1: Array, x2: Array, axis: int | None = None) -> Array:
    """One behind the other."""
    xp, (x1, x2) = together(x1, x2)
    return xp.append(x1, x2, axis=axis)


def _parting(name: str, takes_axis: bool) -> Callable[..., Any]:
    def along(x: Array, indices_or_sections: Any, axis: int = 0) -> Any:
        xp, x = operand(x)
        return list(getattr(xp, name)(x, _where_to_cut(indices_or_sections), axis=axis))

    def plain(x: Array, indices_or_sections: Any) -> Any:
        xp, x = operand(x)
        return list(getattr(xp, name)(x, _where_to_cut(indices_or_sections)))

    function = along if takes_axis else plain
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}`: the array in so many parts, or cut before those places."
    return function


def _where_to_cut(places: Any) -> Any:
    return places if isinstance(places, int) else tuple(map(int, places))


for _name in ("split", "array_split"):
    op("numpy")(_parting(_name, takes_axis=True))
for _name in ("hsplit", "vsplit", "dsplit"):
    op("numpy")(_parting(_name, takes_axis=False))


@op("core")
def unstack(x: Array, num: int | None = None, axis: int = 0) -> Any:
    """The parts along an axis, as a list."""
    xp, x = operand(x)
    return list(xp.moveaxis(x, axis, 0))


# --- Places ------------------------------------------------------------------------------------------------------


@op("numpy")
def get_item(x: Array, key: Array) -> Array:
    """`x[key]`."""
    return tensor(x)[key]


@op("numpy")
def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """The parts at places along an axis."""
    x, indices = tensor(x), tensor(indices)
    xp = namespace(x, indices)
    return xp.take(xp.asarray(x), in_dtype(indices, "int32") if indices.dtype.kind == "f" else indices, axis=axis)


@op("numpy")
def take_along_axis(x: Array, indices: Array, axis: int | None = None) -> Array:
    """The parts at places along an axis, with a place for each of the other axes."""
    x, indices = tensor(x), tensor(indices)
    xp = namespace(x, indices)
    return xp.take_along_axis(xp.asarray(x), indices, axis=axis)


@op("numpy")
def nonzero(x: Array) -> Any:
    """Where the numbers are not 0: places along each axis."""
    xp, x = operand(x)
    return tuple(in_dtype(each, "int32") for each in xp.nonzero(x))


@op("numpy")
def unravel_index(indices: Array, shape: Any) -> Any:
    """Places in the flat array as places along each axis."""
    xp, indices = operand(indices)
    return tuple(in_dtype(each, indices.dtype.name) for each in xp.unravel_index(indices, tuple(shape)))


@op("numpy")
def select(condlist: Arrays, choicelist: Arrays, default: Array = 0) -> Array:
    """The choice of the first condition that holds."""
    xp, (*choices, other) = together(*choicelist, default)
    return xp.select([tensor(each, "bool") for each in condlist], choices, other)


@op("core")
def slice(inputs: Array, start_indices: Array, shape: Any) -> Array:
    """A block of a shape, from a place on."""
    xp, inputs = operand(inputs)
    if xp is np and isinstance(tensor(start_indices), np.ndarray):
        starts = [int(start) for start in tensor(start_indices)]
        return inputs[tuple(_span(*each) for each in zip(starts, shape, strict=True))]
    from jax import lax

    starts = list(tensor(start_indices))
    sizes = [inputs.shape[k] - int(starts[k]) if size == -1 else size for k, size in enumerate(shape)]
    return lax.dynamic_slice(xp.asarray(inputs), starts, sizes)


def _span(start: int, size: int) -> Any:
    return _Slice(start, None if size == -1 else start + size)


_Slice: Final = type(np.s_[:])


@op("core")
def slice_update(inputs: Array, start_indices: Array, updates: Array) -> Array:
    """`inputs` with a block written at a place."""
    xp, (inputs, updates) = together(inputs, updates)
    if xp is np and isinstance(tensor(start_indices), np.ndarray):
        made = inputs.copy()
        starts = [int(start) for start in tensor(start_indices)]
        made[tuple(_span(*each) for each in zip(starts, updates.shape, strict=True))] = updates
        return made
    from jax import lax

    return lax.dynamic_update_slice(xp.asarray(inputs), updates, list(tensor(start_indices)))


@op("core")
def scatter(indices: Array, values: Array, shape: Any) -> Array:
    """Zeros of a shape, with values added at places (the last axis of `indices` is a place)."""
    values = tensor(values)
    zeros = namespace(values).zeros(tuple(shape), dtype=values.dtype)
    return _written(zeros, tensor(indices), values, "add")


@op("core")
def scatter_update(inputs: Array, indices: Array, updates: Array, reduction: str | None = None) -> Array:
    """`inputs` with updates at places, instead of what is there or joined with it ("add", "max", "min", "mul")."""
    _, (inputs, updates) = together(inputs, updates)
    return _written(inputs, tensor(indices), updates, reduction)


_JOINED_BY: Final = {"add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}


def _written(x: Array, indices: Array, values: Array, how: str | None) -> Array:
    xp = namespace(x, indices, values)
    places = tuple(xp.moveaxis(xp.asarray(indices), -1, 0))
    if xp is not np:
        at = xp.asarray(x).at[places]
        return at.set(values) if how is None else getattr(at, how)(values)
    made = np.array(x)
    if how is None:
        made[places] = values
    else:
        getattr(np, _JOINED_BY[how]).at(made, places, values)
    return made


@op("core", "StopGradient")
def stop_gradient(variable: Array) -> Array:
    """`variable`, which no gradient flows through."""
    xp, x = operand(variable)
    if xp is np:
        return x
    from jax import lax

    return lax.stop_gradient(x)


@op("numpy")
def view(x: Array, dtype: Any = None) -> Array:
    """The same bytes read as another dtype."""
    _, x = operand(x)
    return x.view(numpy_dtype(name_of(dtype or x.dtype)))


@also
def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function of numbers as one of arrays."""

    def each(*args: Any) -> Any:
        arrays = [tensor(arg) for arg in args]
        xp = namespace(*arrays)
        return result(xp.vectorize(pyfunc, excluded=excluded or set(), signature=signature)(*arrays))

    return each
