"""`tf.GradientTape`: derivatives of what a program computes while a tape is open.

A tape keeps the calls that its block makes (`base.recording`), and what they gave. Asked for a gradient, it takes the
calls that lie between the sources and the target, runs them as one function of traced arrays, and lets JAX
differentiate and compile that. A step that makes the same calls again finds the compiled function again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base import recording, structure
from gatewise.base.arrays import is_array, is_floating
from gatewise.base.tensors import as_tensor, plain
from gatewise.base.variable import Variable
from gatewise.base.wide import wide_enough


class Slot(NamedTuple):
    """A watched number's place on a tape."""

    number: int


class Given(NamedTuple):
    """The place of an array that nothing watches, among a call's own."""

    number: int


class Call(NamedTuple):
    """A call on a tape.

    Attributes:
        function: of arrays, as `recording.apply` got it.
        tree: its args and kwargs, for the structure.
        leaves: a `Slot` for each watched array, a `Given` for each other one, and what is no array itself.
        given: the arrays that nothing watches.
        outputs: a `Slot` for each output that can carry a gradient, else None.
    """

    function: Callable[..., Any]
    tree: Any
    leaves: tuple[Any, ...]
    given: tuple[Any, ...]
    outputs: tuple[Slot | None, ...]


class GradientTape:
    """Records what its block computes from trainable variables and watched tensors.

    Args:
        persistent: whether more than one gradient may be asked for.
        watch_accessed_variables: whether trainable variables are watched by themselves.

    >>> from gatewise.compat.tensorflow import constant
    >>> x = constant(3.0)
    >>> with GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * x
    >>> float(tape.gradient(y, x))
    6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent = persistent
        self.watch_accessed_variables = watch_accessed_variables
        self._block: AbstractContextManager[None] | None = None
        self._spent = False
        self.reset()

    def reset(self) -> None:
        """Forget all that was recorded and watched."""
        self._calls: list[Call] = []
        # By the identity of an array, or a variable's and its version; whatever has a place is kept alive.
        self._slots: dict[Hashable, Slot] = {}
        self._things: list[Any] = []
        self._values: list[Any] = []
        self._watched: dict[int, Variable] = {}
        self._made: set[int] = set()

    def __enter__(self) -> GradientTape:
        if self._block is not None:
            raise ValueError("This GradientTape is open already.")
        self._block = recording.opened(self)
        self._block.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        assert self._block is not None
        self._block.__exit__(*error)
        self._block = None

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Inside the block nothing is recorded on this tape."""
        with recording.paused(self):
            yield

    def watch(self, tensor: Any) -> None:
        """Watch tensors, or variables that are not trainable, alone or in a structure.

        Raises:
            ValueError: for what holds no numbers that can be differentiated.
        """
        for each in structure.flatten(tensor):
            if isinstance(each, Variable):
                self._watched[id(each)] = each
            elif is_array(each) and is_floating(each):
                self._place(each)
            else:
                raise ValueError(f"GradientTape.watch takes tensors of floats and variables, but {each!r} came.")

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that the recorded calls read."""
        found = {id(thing): thing for thing in self._things if isinstance(thing, Variable)}
        return tuple(found.values())

    # -- what `recording` tells ---------------------------------------------------------------------------------------

    def wants(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether something among the arguments is watched."""
        return any(self._is_watched(leaf) for leaf in structure.flatten((args, kwargs)))

    def record(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        """Keep a call."""
        if getattr(function, "ends_gradient", False):
            return
        made = structure.flatten(outputs)
        if not any(_carries(each) for each in made):
            return
        leaves: list[Any] = []
        given: list[Any] = []
        for leaf in structure.flatten((args, kwargs)):
            if self._is_watched(leaf):
                leaves.append(self._place(leaf))
            elif is_array(leaf) or isinstance(leaf, Variable):
                leaves.append(Given(len(given)))
                given.append(leaf)
            else:
                leaves.append(leaf)
        slots = tuple(self._place(each) if _carries(each) else None for each in made)
        self._made.update(slot.number for slot in slots if slot is not None)
        self._calls.append(Call(function, (args, kwargs), tuple(leaves), tuple(given), slots))

    def _is_watched(self, leaf: Any) -> bool:
        if isinstance(leaf, Variable):
            return id(leaf) in self._watched or (self.watch_accessed_variables and leaf.trainable)
        return id(leaf) in self._slots

    def _place(self, thing: Any) -> Slot:
        """The place of an array, or of a variable as it is now."""
        key = (id(thing), thing.version) if isinstance(thing, Variable) else id(thing)
        if key not in self._slots:
            self._slots[key] = Slot(len(self._things))
            self._things.append(thing)
            self._values.append(thing.value if isinstance(thing, Variable) else thing)
        return self._slots[key]

    def _places_of(self, source: Any) -> list[int]:
        """Where a source stands: a variable once for each value that it had."""
        return [number for number, thing in enumerate(self._things) if thing is source]

    # -- gradients ----------------------------------------------------------------------------------------------------

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = "none"
    ) -> Any:
        """The derivative of the target's sum by each source.

        Args:
            target: a tensor, or a structure of them.
            sources: variables and watched tensors, in any structure.
            output_gradients: weights of the target's numbers, in its structure.
            unconnected_gradients: "none" or "zero": what a source gets that the target does not depend on.

        Returns:
            Tensors in the structure of `sources`, None where the target does not depend on one.

        Raises:
            RuntimeError: a second gradient from a tape that is not persistent.
        """
        targets = structure.flatten(target)
        weights = None if output_gradients is None else structure.flatten(output_gradients)
        return self._derived(_gradients, targets, sources, weights, str(unconnected_gradients).lower().endswith("zero"))

    def jacobian(self, target: Any, sources: Any, unconnected_gradients: Any = "none", **_: Any) -> Any:
        """The derivative of each of the target's numbers by each source: shapes (*target, *source)."""
        return self._derived(_jacobians, [target], sources, None, str(unconnected_gradients).lower().endswith("zero"))

    def _derived(self, how: Callable[..., Any], targets: list[Any], sources: Any, weights: Any, zeros: bool) -> Any:
        if self._spent and not self.persistent:
            raise RuntimeError(
                "A GradientTape gives one gradient: ask for all sources in one call, or make it with persistent=True."
            )
        self._spent = True
        flat = structure.flatten(sources)
        for each in flat:
            if not (isinstance(each, Variable) or is_array(each)):
                raise TypeError(f"GradientTape.gradient takes variables and tensors as sources, but {each!r} came.")
        ends = [self._slots[id(each)].number for each in targets if id(each) in self._slots]
        kept_weights = (
            None if weights is None else [w for w, t in zip(weights, targets, strict=True) if id(t) in self._slots]
        )
        ends_of_variables = [self._place(t).number for t in targets if isinstance(t, Variable) and self._is_watched(t)]
        reach = self._between(ends + ends_of_variables)
        places = [[n for n in self._places_of(each) if n in reach.slots] for each in flat]
        wanted = [number for group in places for number in group]
        found = iter(self._computed(how, reach, ends + ends_of_variables, wanted, kept_weights) if wanted else ())
        gradients = [
            _summed([next(found) for _ in group], each, zeros) for group, each in zip(places, flat, strict=True)
        ]
        return structure.rebuild(sources, iter(gradients))

    def _between(self, ends: list[int]) -> Reach:
        """The calls that the targets depend on."""
        slots, calls = set(ends), []
        for call in reversed(self._calls):
            if any(slot is not None and slot.number in slots for slot in call.outputs):
                calls.append(call)
                slots.update(leaf.number for leaf in call.leaves if isinstance(leaf, Slot))
        return Reach(calls[::-1], slots)

    def _computed(self, how: Any, reach: Reach, ends: list[int], wanted: list[int], weights: Any) -> list[Any]:
        made = {slot.number for call in reach.calls for slot in call.outputs if slot is not None}
        leaves = sorted(number for number in reach.slots if number not in made and number not in wanted)
        # A source that a call gave is moved by a number that is 0: its derivative is the source's.
        points = [np.zeros_like(plain(self._values[n])) if n in made else self._values[n] for n in wanted]
        arrays = [[self._values[n] for n in leaves], [call.given for call in reach.calls]]
        key = (how, _form(reach.calls), tuple(ends), tuple(wanted), tuple(leaves), weights is None)
        program = _programs.get(key, lambda: Program(how, reach.calls, ends, wanted, leaves, made))
        given = structure.map_structure(_number, (points, arrays, weights))
        with wide_enough([leaf for leaf in structure.flatten(given) if hasattr(leaf, "dtype")]):
            found = program(*given)
        found = [as_tensor(np.asarray(each)) for each in found]
        origins = [self._values[n] if n in made else self._things[n] for n in wanted]
        things = [[self._things[n] for n in leaves], [call.given for call in reach.calls]]
        if not any(n in made for n in wanted):  # What follows from a gradient is seen by the tapes around this one.
            recording.record(program, (origins, things, weights), {}, found)
        return found


class Reach(NamedTuple):
    """Calls, in their order, and the places that they read and write."""

    calls: list[Call]
    slots: set[int]


class Program:
    """The derivative of some recorded calls, compiled once for each set of shapes."""

    def __init__(
        self, how: Any, calls: list[Call], ends: list[int], wanted: list[int], leaves: list[int], made: set[int]
    ) -> None:
        import jax

        self._calls = [call._replace(given=(), tree=_emptied(call.tree)) for call in calls]
        self._ends, self._wanted, self._leaves, self._made = ends, wanted, leaves, made
        self._how = how
        self._compiled = jax.jit(self._derive)

    def __call__(self, points: Any, arrays: Any, weights: Any) -> Any:
        return self._compiled(points, arrays, weights)

    def _derive(self, points: Any, arrays: Any, weights: Any) -> Any:
        return self._how(lambda at: self._targets(at, arrays), points, weights)

    def _targets(self, points: Any, arrays: Any) -> list[Any]:
        """The targets as a function of the sources."""
        import jax.numpy as jnp

        moved = {n: point for n, point in zip(self._wanted, points, strict=True) if n in self._made}
        values = dict(zip(self._wanted, points, strict=True))
        values.update(zip(self._leaves, arrays[0], strict=True))
        with recording.paused():
            for call, given in zip(self._calls, arrays[1], strict=True):
                leaves = [_filled(leaf, values, given) for leaf in call.leaves]
                args, kwargs = structure.rebuild(call.tree, iter(leaves))
                outputs = structure.flatten(call.function(*args, **kwargs))
                for slot, output in zip(call.outputs, outputs, strict=True):
                    if slot is not None:
                        values[slot.number] = output + moved[slot.number] if slot.number in moved else output
        return [jnp.asarray(values[n]) for n in self._ends]


def _filled(leaf: Any, values: dict[int, Any], given: Any) -> Any:
    if isinstance(leaf, Slot):
        return values[leaf.number]
    return given[leaf.number] if isinstance(leaf, Given) else leaf


def _emptied(tree: Any) -> Any:
    return structure.map_structure(lambda _: None, tree)


def _gradients(function: Callable[[Any], list[Any]], points: Any, weights: Any) -> Any:
    import jax

    def total(at: Any) -> Any:
        outputs = function(at)
        factors = [1.0] * len(outputs) if weights is None else [1.0 if w is None else w for w in weights]
        return sum((out * factor).sum() for out, factor in zip(outputs, factors, strict=True))

    return jax.grad(total)(points)


def _jacobians(function: Callable[[Any], list[Any]], points: Any, weights: Any) -> Any:
    import jax

    return jax.jacrev(lambda at: function(at)[0])(points)


def _summed(parts: list[Any], source: Any, zeros: bool) -> Any:
    if not parts:
        return as_tensor(np.zeros(source.shape, source.dtype)) if zeros else None
    first, *rest = parts
    for each in rest:
        first = first + each
    return first


def _number(leaf: Any) -> Any:
    return plain(leaf.value if isinstance(leaf, Variable) else leaf)


def _carries(value: Any) -> bool:
    """Whether a gradient can go through a value: whole numbers and booleans stop it."""
    return is_array(value) and is_floating(value)


# --- Compiled programs ----------------------------------------------------------------------------------------------


class Programs:
    """The programs of the steps made last, by what their calls are."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Program] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Program]) -> Program:
        """The program of a form of calls."""
        if key not in self._kept:
            self._kept[key] = make()
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


_programs: Final = Programs(64)


def _form(calls: Iterable[Call]) -> Hashable:
    """What tells recorded calls apart: the functions, what is no array among their arguments, who reads from whom."""
    return tuple((call.function, _shape(call.tree), tuple(map(_key, call.leaves)), call.outputs) for call in calls)


def _shape(tree: Any) -> Hashable:
    if isinstance(tree, dict):
        return tuple((key, _shape(part)) for key, part in tree.items())
    if isinstance(tree, (list, tuple)):
        return (type(tree).__name__, *map(_shape, tree))
    return None


def _key(leaf: Any) -> Hashable:
    try:
        hash(leaf)
    except TypeError:
        return Same(leaf)
    return type(leaf), leaf


class Same:
    """Stands for a thing that has no hash: equal where it is the same thing."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


recording.new_tape.append(GradientTape)
