"""How a layer declares its constructor's arguments: once, as typed class attributes.

    class Dense(Layer):
        units: Argument[int, int] = Argument(parse=positive)
        use_bias: Argument[bool, bool] = Argument(default=True, parse=boolean)

From the declaration come the constructor with its checks, `get_config`, `from_config` and `repr`. A default that older
generations of Keras had otherwise stands beside today's: `Argument(default="sigmoid", tf1="hard_sigmoid")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from gatewise.arguments.signature import OwnText, SignatureOf
from gatewise.base import release
from gatewise.base.changes import changes
from gatewise.base.foreign import raised_in_words, shown
from gatewise.base.words import NOTHING, mistyped, nearest

if TYPE_CHECKING:
    from typing import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[type], type]:
        """For type checkers alone; Python 3.10 does not have it."""
        return lambda cls: cls


Given = TypeVar("Given")
Kept = TypeVar("Kept")


class WrongKindError(TypeError, ValueError):
    """An argument is of a kind that it cannot be: Python's name for that is TypeError, Keras's is ValueError."""


class _Required:
    def __repr__(self) -> str:
        return "<required>"


REQUIRED: Any = _Required()


class Argument(Generic[Given, Kept]):
    """One argument of a layer's constructor, and the attribute that holds it.

    Args:
        default: what it is when the caller says nothing; without one the argument is required.
        parse: turns what was given into what is kept, or raises ValueError or TypeError with "expected ..., got ...".
        serialize: turns what is kept into plain values for the config.
        tf1, tf2: the default in that generation (see `gatewise.base.release`), where it differs.
        after: the name of an inherited argument that this one follows in positional order.
        kw_only: only by keyword.
        places: where it stands in a generation that has it elsewhere: the name of the argument that it follows there,
            or None for only by keyword.
        in_config: False for an argument that acts at construction and leaves no trace, such as `weights`; None for one
            that Keras 3 does not know, which a config holds only where it is not the default.
        otherwise: the attribute that is read in its place where it is kept as None.
        takes: the types that may be given, as an annotation; by default those of the declaration, `Argument[bool, ..]`.
    """

    __doc__ = OwnText(__doc__)
    owner: type | None = None
    """The class that declares it."""

    def __init__(
        self,
        *,
        default: Any = REQUIRED,
        parse: Callable[[Any], Any] = lambda value: value,
        serialize: Callable[[Any], Any] = lambda value: value,
        tf1: Any = REQUIRED,
        tf2: Any = REQUIRED,
        after: str | None = None,
        kw_only: bool = False,
        places: Mapping[release.Release, str | None] | None = None,
        in_config: bool | None = True,
        otherwise: str | None = None,
        takes: str | None = None,
    ) -> None:
        self.name = ""
        self.parse = parse
        self.serialize = serialize
        self.defaults = {
            "keras3": default,
            "tf2": default if tf2 is REQUIRED else tf2,
            "tf1": default if tf1 is REQUIRED else tf1,
        }
        self.after = after
        self.kw_only = kw_only
        self.places = places or {}
        self.in_config = in_config
        self.otherwise = otherwise
        self.takes = takes

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.owner = owner

    @property
    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is REQUIRED

    @property
    def default(self) -> Any:
        """The default in the generation that is current, or REQUIRED."""
        return self.defaults[release.current()]

    def written(self, value: Any) -> bool:
        """Whether a config holds the argument where it is kept as `value`."""
        if self.in_config is not None:
            return self.in_config
        # What is left out must mean the same to Keras 3 and to whoever reads it back in this generation.
        return any(value != self.parse(self.defaults[each]) for each in ("keras3", release.current()))

    def value_of(self, instance: object) -> Any:
        """What the argument of an object is, as a config says it."""
        return getattr(instance, self.name)

    @overload
    def __get__(self, instance: None, owner: type) -> Argument[Given, Kept]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Kept: ...

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        try:
            kept = instance.__dict__[self.name]
            return kept if kept is not None or self.otherwise is None else getattr(instance, self.otherwise)
        except KeyError:
            raise AttributeError(
                f"{owner.__name__}.{self.name} is not set: call super().__init__(...) first in the constructor.",
                name=self.name,
                obj=NOTHING,
            ) from None

    def __set__(self, instance: object, value: Given) -> None:
        try:
            instance.__dict__[self.name] = self.parse(value)
            instance.__dict__["_edited"] = changes.next()
        except (TypeError, ValueError) as error:
            label = type(instance).__name__
            if name := instance.__dict__.get("name"):
                label += f" {name!r}"
            kind = WrongKindError if isinstance(error, TypeError) else type(error)
            in_words = not isinstance(error, TypeError) or raised_in_words(error)
            raise kind(f"{label}: {self.name}: {error if in_words else f'it cannot be {shown(value)}'}") from None


@dataclass_transform(field_specifiers=(Argument,))
class Declared:
    """What has declared arguments. Type checkers make the constructors of its subclasses from them."""

    _arguments: ClassVar[dict[str, Argument[Any, Any]]] = {}
    """The class's own and inherited arguments by name, in positional order."""
    _fixed: ClassVar[dict[str, Any]] = {}
    """Inherited arguments that the class's constructor does not take, and what they are."""
    _by_release: ClassVar[frozenset[str]] = frozenset()
    """The arguments in configs whose defaults the generations differ in."""
    _settings: ClassVar[tuple[str, ...]] = ()
    """What else may be set, by name."""
    __signature__ = SignatureOf(lambda arguments: in_order(arguments))  # noqa: PLW0108 (it stands below)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = ordered(
            value for base in reversed(cls.__mro__) for value in vars(base).values() if isinstance(value, Argument)
        )
        cls._arguments = {name: argument for name, argument in declared.items() if name not in cls._fixed}
        cls._by_release = frozenset(
            name
            for name, argument in cls._arguments.items()
            if argument.in_config and len({repr(default) for default in argument.defaults.values()}) > 1
        )


def refuse_typo(instance: Declared, name: str) -> None:
    """Refuse a new attribute of an object of Gatewise's own classes that is an argument's name with a slip in it.

    Any other name is the program's own affair, and so are all names in a class of its own.

    Raises:
        AttributeError: it names the argument.
    """
    cls: Any = type(instance)
    meant = _meant(cls, name) if cls.__module__.startswith("gatewise.") else None
    if meant is not None:
        label = getattr(instance, "label", type(instance).__name__)
        text = f"{label} has no argument {name!r}. Did you mean {meant!r}?"
        raise AttributeError(text, name=name, obj=NOTHING)


@cache
def _meant(cls: Any, name: str) -> str | None:
    if name.startswith("_") or hasattr(cls, name):
        return None
    known = [each for each in (*cls._arguments, *cls._settings) if name != f"{each}s"]
    return mistyped(name, known)


def ordered(declared: Iterable[Argument[Any, Any]]) -> dict[str, Argument[Any, Any]]:
    """The arguments by name in positional order, base classes first, each `after` obeyed.

    One that is declared again keeps its place, except that a positional one does not take the place of a keyword-only
    one.
    """
    order: list[Argument[Any, Any]] = []
    for argument in declared:
        order = [other for other in order if not (other.name == argument.name and other.kw_only > argument.kw_only)]
        names = [other.name for other in order]
        if argument.name in names:
            order[names.index(argument.name)] = argument
        elif argument.after is not None:
            order.insert(names.index(argument.after) + 1, argument)
        else:
            order.append(argument)
    return {argument.name: argument for argument in order}


def in_order(arguments: dict[str, Argument[Any, Any]]) -> list[str]:
    """The names of the arguments that may be given by place, in the order of the current generation."""
    now = release.current()
    names = [name for name, argument in arguments.items() if not argument.kw_only and now not in argument.places]
    moved = {name: before for name, argument in arguments.items() if (before := argument.places.get(now)) is not None}
    while moved:  # One may follow another that has moved.
        name = next(name for name, before in moved.items() if before in names)
        names.insert(names.index(moved.pop(name)) + 1, name)
    return names


def unsaid(arguments: dict[str, Argument[Any, Any]], names: Iterable[str], args: Any, kwargs: Any) -> frozenset[str]:
    """Those of `names` that a call with these `args` and `kwargs` leaves at their defaults."""
    return frozenset(names).difference(kwargs, in_order(arguments)[: len(args)])


def by_name(label: str, args: tuple[Any, ...], kwargs: dict[str, Any], place: int, name: str) -> tuple[Any, ...]:
    """The positional arguments without the one at `place`, which goes into `kwargs` as `name`.

    Raises:
        TypeError: where it is in `kwargs` already.
    """
    if len(args) <= place:
        return args
    if name in kwargs:
        raise TypeError(f"{label} got two values for {name!r}: {args[place]!r} and {kwargs[name]!r}.")
    kwargs[name] = args[place]
    return args[:place] + args[place + 1 :]


def bind(
    label: str, arguments: dict[str, Argument[Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Match a call's `args` and `kwargs` with the declared arguments, defaults filled in.

    Raises:
        TypeError: too many, unknown, doubled or missing arguments; the message names the nearest known one.
    """
    positional = in_order(arguments)
    if len(args) > len(positional):
        raise TypeError(f"{label} takes at most {len(positional)} positional arguments, but {len(args)} came.")
    given = dict(zip(positional, args, strict=False))
    for name, value in kwargs.items():
        if name not in arguments:
            raise TypeError(f"{label} has no argument {name!r}.{nearest(name, arguments)}")
        if name in given:
            raise TypeError(f"{label} got two values for {name!r}: {given[name]!r} and {value!r}.")
        given[name] = value
    bound = {name: given.get(name, argument.default) for name, argument in arguments.items()}
    missing = [name for name, value in bound.items() if value is REQUIRED]
    if missing:
        raise TypeError(f"{label} needs the argument{'s' * (len(missing) > 1)} {', '.join(missing)}.")
    return bound
