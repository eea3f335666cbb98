"""Names for things: how 'tanh', 'GlorotUniform' or a config in a file becomes an object, and the way back.

Activations, initializers, regularizers, constraints and layers each have one registry. What a user wrote
(custom objects) is looked up before what Gatewise has, in this order:

    1. `custom_objects` passed to the call
    2. the innermost `custom_object_scope`, then the ones around it
    3. `get_custom_objects()`, which `register_keras_serializable` fills
    4. a subclass of Gatewise's, in the module that the config names, where the program has imported it
    5. the registry's own entries, first those of the Keras generation in force (`gatewise.base.release`)

A config is data. It picks among entries that exist; it never imports a module and never runs code that it carries.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

from gatewise.base import release
from gatewise.base.foreign import raised_in_words
from gatewise.base.typing import Config
from gatewise.base.words import LIKENESS

Entry = TypeVar("Entry")
Value = TypeVar("Value")
Decorated = TypeVar("Decorated")

_MISSING: Final = object()

# --- Custom objects ---------------------------------------------------------------------------------------------

_registered: dict[str, Any] = {}
_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("gatewise_custom_objects", default=None)


@contextmanager
def custom_object_scope(*objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Let names in configs mean your own classes and functions, inside the `with` block.

    Scopes nest: the inner one wins. A scope holds in its own thread or task only.

    >>> def half(x):
    ...     return x / 2
    >>> with custom_object_scope({"half": half}):
    ...     find_custom_object("half")(3.0)
    1.5
    """
    merged = dict(_scope.get() or {})
    for each in objects:
        merged.update(each or {})
    token = _scope.set(merged)
    try:
        yield
    finally:
        _scope.reset(token)


def get_custom_objects() -> dict[str, Any]:
    """The process-wide custom objects, by name: the live dictionary, to read or to change.

    >>> def third(x):
    ...     return x / 3
    >>> get_custom_objects()["third"] = third
    >>> find_custom_object("third") is third
    True
    >>> del get_custom_objects()["third"]
    """
    return _registered


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Decorated], Decorated]:
    """A decorator: configs name this class or function `package>name`, and loading finds it again.

    Raises:
        ValueError: for a class without `get_config`, which no config could rebuild.

    >>> @register_keras_serializable("docs")
    ... def quarter(x):
    ...     return x / 4
    >>> get_registered_name(quarter)
    'docs>quarter'
    """

    def register(thing: Decorated) -> Decorated:
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ValueError(
                f"Cannot register the class {thing.__name__}: it has no get_config method, so no config could rebuild "
                f"it. Give it get_config(self), returning its constructor's arguments as a dict."
            )
        _registered[f"{package}>{name or getattr(thing, '__name__', None) or type(thing).__name__}"] = thing
        return thing

    return register


def get_registered_name(thing: Any) -> str:
    """The name that configs use for a class or function: `package>name` where registered, else its own name.

    >>> get_registered_name(dict)
    'dict'
    """
    for name, registered in list(_registered.items()):  # a copy: another thread may register
        if registered is thing:
            return name
    return getattr(thing, "__name__", None) or type(thing).__name__


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The custom object of that name, or None.

    >>> get_registered_object("nobody>knows") is None
    True
    """
    found = find_custom_object(name, custom_objects)
    return found if found is not None else (module_objects or {}).get(name)


def find_custom_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What `name` means in `custom_objects`, the scopes in force and the process-wide objects; None if nothing."""
    for objects in (custom_objects, _scope.get(), _registered):
        if objects and name in objects:
            return objects[name]
    return None


def _custom_names(custom_objects: Mapping[str, Any] | None) -> list[str]:
    return [name for objects in (custom_objects, _scope.get(), _registered) if objects for name in list(objects)]


# --- Registries of names ----------------------------------------------------------------------------------------


class Registry(Generic[Entry]):
    """Entries by name, with aliases, meanings that depend on the Keras generation, and errors that help.

    Args:
        kind: what an entry is, in words for messages: "activation", "layer".
        loose: whether 'GlorotUniform', 'glorot_uniform' and 'glorotuniform' are one name. Without it a name must be exact.
        suffixes: endings that a loose name may carry without meaning anything, in lower case: "v2".

    >>> shapes: Registry[int] = Registry("shape", loose=True)
    >>> _ = shapes.register("Triangle")(3)
    >>> _ = shapes.register("Square", "quad")(4)
    >>> shapes.lookup("quad"), shapes.lookup("square")
    (4, 4)
    >>> shapes.lookup("traingle")
    Traceback (most recent call last):
        ...
    ValueError: Unknown shape 'traingle': did you mean 'Triangle'? If it is your own, name it in custom_objects: keras.utils.custom_object_scope({'traingle': ...}).
    """  # noqa: E501

    def __init__(self, kind: str, *, loose: bool = False, suffixes: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self.a_kind = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        self.loose = loose
        self.suffixes = suffixes
        self._entries: dict[str, Entry] = {}
        self._of_release: dict[tuple[release.Release, str], Entry] = {}
        self._names: dict[Any, str] = {}
        self._shown: dict[str, str] = {}

    def register(self, name: str, *aliases: str) -> Callable[[Decorated], Decorated]:
        """A decorator: file an entry under `name` (what configs write) and its aliases."""

        def file(entry: Decorated) -> Decorated:
            for each in (name, *aliases):
                key = self._key(each)
                if key in self._entries:
                    raise ValueError(f"The {self.kind} name {each!r} is taken already, by {self._entries[key]!r}.")
                self._entries[key] = cast(Entry, entry)
                self._shown[key] = each
            self._names[entry] = name
            return entry

        return file

    def register_for(self, *releases: release.Release, name: str) -> Callable[[Decorated], Decorated]:
        """A decorator: in those Keras generations `name` means this entry instead."""

        def file(entry: Decorated) -> Decorated:
            for each in releases:
                self._of_release[each, self._key(name)] = cast(Entry, entry)
            self._names.setdefault(entry, name)
            return entry

        return file

    def lookup(self, name: str, custom_objects: Mapping[str, Any] | None = None) -> Entry:
        """The entry of that name.

        Raises:
            ValueError: for an unknown name, with the nearest known one.
        """
        found = find_custom_object(name, custom_objects)
        if found is None:
            found = self._own(name)
        if found is _MISSING:
            raise ValueError(self._unknown(name, custom_objects))
        return cast(Entry, found)

    def lookup_config(self, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Entry:
        """The entry that a config names, in Keras 2's form (`class_name`) or Keras 3's (`module`, `registered_name`).

        A class that a config places in a user's own module is never taken for one of ours of the same name.
        """
        class_name, registered_name = config.get("class_name"), config.get("registered_name")
        if not isinstance(class_name, str):
            raise ValueError(
                f"A config of {self.a_kind} is a dict with 'class_name' and 'config'; got {dict(config)!r}."
            )
        if class_name == "__lambda__":
            raise ValueError(
                f"This {self.kind} was saved as a Python lambda. A file is data, so its code is never run: write the "
                f"function in your program, and save the model with it as a named function, or rebuild it in code."
            )
        for name in (registered_name, class_name):
            found = find_custom_object(name, custom_objects) if isinstance(name, str) else None
            if found is not None:
                return cast(Entry, found)
        if _is_foreign(config):
            if (of_program := _class_of_program(config)) is not None:
                return cast(Entry, of_program)
            raise ValueError(self._unknown(registered_name or class_name, custom_objects, config.get("module")))
        return self.lookup(class_name, custom_objects)

    def name_of(self, entry: Any) -> str | None:
        """The name that `entry` is registered under here, or None."""
        try:
            return self._names.get(entry)
        except TypeError:  # unhashable: it cannot be an entry
            return None

    def names(self) -> list[str]:
        """All the names, aliases included, in order.

        >>> Registry("thing").names()
        []
        """
        return sorted(self._shown.values(), key=str.lower)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._own(name) is not _MISSING

    def _key(self, name: str) -> str:
        return name.replace("_", "").lower() if self.loose else name

    def _own(self, name: str) -> Any:
        key = self._key(name)
        keys = [key, *(key[: -len(suffix)] for suffix in self.suffixes if key.endswith(suffix))]
        for each in keys:
            found = self._of_release.get((release.current(), each), self._entries.get(each, _MISSING))
            if found is not _MISSING:
                return found
        return _MISSING

    def _unknown(self, name: str, custom_objects: Mapping[str, Any] | None, module: str | None = None) -> str:
        from difflib import get_close_matches

        names = (*self._shown.values(), *_custom_names(custom_objects))
        known = {_plain(each): each for each in names}
        if module:
            hint = f" of the module {module!r}."
        elif not self.loose and (
            near := get_close_matches(name, names, n=1, cutoff=LIKENESS)
        ):  # "Hinge" and "hinge" differ there
            hint = f": did you mean {near[0]!r}?"
        elif near := get_close_matches(_plain(name), known, n=1, cutoff=LIKENESS):
            hint = f": did you mean {known[near[0]]!r}?"
        else:
            hint = f". Known: {', '.join(self.names())}."
        return (
            f"Unknown {self.kind} {name!r}{hint} If it is your own, name it in custom_objects: "
            f"keras.utils.custom_object_scope({{{name!r}: ...}})."
        )


def _plain(name: str) -> str:
    """A name without package, case and underscores: how names are compared for likeness."""
    return name.rpartition(">")[2].replace("_", "").lower()


def _is_foreign(config: Mapping[str, Any]) -> bool:
    """Whether a Keras 3 config says that its class is a user's, which only custom objects can give."""
    module = config.get("module")
    if module is None:  # Keras 3 writes None for __main__, and then a registered name; Keras 2 writes neither.
        return config.get("registered_name") is not None
    return str(module).split(".")[0] not in {"keras", "tf_keras", "tensorflow", "gatewise", "builtins"}


def _class_of_program(config: Mapping[str, Any]) -> Any:
    """The class that a config names by its module, where the program has imported that; nothing is imported here.

    It must be a subclass of one of ours that the module itself defines: a config cannot reach anything else.
    """
    module, name = config.get("module"), config.get("class_name")
    found = getattr(sys.modules.get(str(module)), str(name), None)
    if not isinstance(found, type) or found.__module__ != module:
        return None
    return found if any(base.__module__.startswith("gatewise.") for base in found.__mro__[1:]) else None


# --- Registries of objects --------------------------------------------------------------------------------------


class ObjectRegistry(Registry[Any], Generic[Value]):
    """A registry whose entries make, or are, small callable objects: activations, initializers and their like.

    Args:
        kind: as for Registry.
        module: the module that Keras 3's configs name: "keras.initializers".
        factories: whether entries make values (classes, functions of a config) or are the values (functions).
        default: what None means.
        loose: as for Registry.
        suffixes: as for Registry.
        bare_names: whether a config holds our functions as bare names, as Keras 3's do for activations, or as dicts.
    """

    def __init__(
        self,
        kind: str,
        module: str,
        *,
        factories: bool = True,
        default: Value | None = None,
        loose: bool = True,
        suffixes: tuple[str, ...] = (),
        bare_names: bool = True,
    ) -> None:
        super().__init__(kind, loose=loose, suffixes=suffixes)
        self.bare_names = bare_names
        self.module = module
        self.factories = factories
        self.default = default

    def get(self, identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Value | None:
        """The object that `identifier` says: None, a name, a config, a class, or a callable (returned as it is).

        Raises:
            ValueError: for a name that nothing has.
            TypeError: for something that is none of these.
        """
        if identifier is None:
            return self.default
        if isinstance(identifier, str):
            return self._make(self.lookup(identifier, custom_objects), None, identifier)
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier, custom_objects)
        if isinstance(identifier, type):
            return self._make(identifier, None, identifier.__name__)
        if callable(identifier):
            return cast(Value, identifier)
        raise TypeError(
            f"Cannot read {identifier!r} (of type {type(identifier).__name__}) as {self.a_kind}: "
            f"expected None, a name, a config, a class or a callable."
        )

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Value | None:
        """The object that a config describes, as `serialize` or any Keras wrote it: a name or a dict."""
        if not isinstance(config, Mapping):
            return self.get(config, custom_objects)
        inner = config.get("config")
        if config.get("class_name") == "function" and isinstance(inner, str):
            return self.get(inner, custom_objects)
        return self._make(self.lookup_config(config, custom_objects), inner, config["class_name"])

    def serialize(self, thing: Value | None) -> Any:
        """What a config holds for `thing`, readable by Keras 3: None, a function's name, or a dict.

        Raises:
            ValueError: for a lambda, or an object without `get_config`: no config could say it.
        """
        if thing is None:
            return None
        own = self.name_of(thing)
        if own is not None:
            return own if self.bare_names else _of_function(own)
        if hasattr(thing, "get_config"):
            return self._serialize_object(thing)
        name = get_registered_name(thing)
        if not hasattr(thing, "__name__") or name == "<lambda>":
            raise ValueError(
                f"Cannot write the {self.kind} {thing!r} to a config: a config holds a name or a get_config() dict. "
                f"Use a named function, or a class with get_config."
            )
        return _of_function(name)

    def _serialize_object(self, thing: Any) -> Config:
        cls = type(thing)
        own = self.name_of(cls)
        module = self.module if own else cls.__module__
        return {
            "module": None if module == "__main__" else module,
            "class_name": own or cls.__name__,
            "config": thing.get_config(),
            "registered_name": None if own else get_registered_name(cls),
        }

    def _make(self, entry: Any, config: Any, name: str) -> Value:
        """The value of an entry: made of its config where it is a class or one of our factories, else itself."""
        if config is not None and not isinstance(config, Mapping):
            raise ValueError(f"The config of the {self.kind} {name!r} is a dict of its arguments; got {config!r}.")
        makes = isinstance(entry, type) or (self.factories and self.name_of(entry) is not None)
        if not makes and not config:
            return cast(Value, entry)
        make = getattr(entry, "from_config", None)
        try:
            return cast(Value, make(dict(config)) if make and config is not None else entry(**(config or {})))
        except TypeError as error:
            raise TypeError(f"The {self.kind} {name!r} cannot be made of {dict(config or {})!r}: {error}") from error
        except (KeyError, AttributeError) as error:
            if raised_in_words(error) or not str(getattr(entry, "__module__", "")).startswith("gatewise."):
                raise
            why = f"it lacks {error}" if isinstance(error, KeyError) else "that is not what Keras writes"
            raise ValueError(f"The {self.kind} {name!r} cannot be made of {dict(config or {})!r}: {why}.") from error


def _of_function(name: str) -> Config:
    """Keras 3's config of a function."""
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


# --- Objects that are their configs -----------------------------------------------------------------------------


class Described:
    """A base for small objects that are equal when their configs are, and rebuilt from them.

    A subclass lists its constructor's arguments in `_arguments`, each kept as an attribute of that name. A subclass in
    the plain Keras style overrides `get_config` instead. `_renamed` maps the argument names of older releases to
    today's, or to None where the argument is gone.
    """

    _arguments: ClassVar[tuple[str, ...]] = ()
    _renamed: ClassVar[Mapping[str, str | None]] = {}

    def get_config(self) -> Config:
        """The constructor's arguments, as values that JSON can hold."""
        return {name: getattr(self, name) for name in self._arguments}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        """Make the object that `get_config` described, in this release or an older one."""
        named = {cls._renamed.get(name, name): value for name, value in config.items()}
        return cls(**{name: value for name, value in named.items() if name is not None})

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items() if value is not None)
        return f"{type(self).__name__}({given})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Described) or type(self) is not type(other):
            return NotImplemented
        return self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(type(self))
