"""Names, configs and custom objects."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gatewise import activations, initializers
from gatewise.base import registry, release
from gatewise.base.registry import (
    Described,
    Registry,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)


@pytest.fixture(autouse=True)
def _clean_custom_objects() -> Iterator[None]:
    before = dict(get_custom_objects())
    yield
    get_custom_objects().clear()
    get_custom_objects().update(before)


def half(x: Any) -> Any:
    return x / 2


class Halves(Described):
    _arguments = ("count",)

    def __init__(self, count: int = 1) -> None:
        self.count = count

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return shape


class Layer:
    pass


class LSTM(Layer):
    pass


@pytest.fixture
def layers() -> Registry[type[Layer]]:
    made: Registry[type[Layer]] = Registry("layer")
    made.register("LSTM")(LSTM)
    return made


# --- Names ------------------------------------------------------------------------------------------------------


def test_a_strict_registry_wants_exact_names_and_suggests_the_nearest(layers: Registry[type[Layer]]) -> None:
    assert layers.lookup("LSTM") is LSTM
    assert "LSTM" in layers
    assert "lstm" not in layers
    for name in ("lstm", "LSMT", "LSTMM"):
        with pytest.raises(ValueError, match=rf"Unknown layer '{name}': did you mean 'LSTM'\?.*custom_object_scope"):
            layers.lookup(name)


def test_a_name_like_nothing_known_lists_what_is_known(layers: Registry[type[Layer]]) -> None:
    with pytest.raises(ValueError, match=r"Unknown layer 'Frobnicate'. Known: LSTM."):
        layers.lookup("Frobnicate")


@pytest.mark.parametrize(
    "name", ["GlorotUniform", "glorot_uniform", "glorotuniform", "GlorotUniformV2", "glorot_uniform_initializer"]
)
def test_a_loose_registry_takes_every_spelling(name: str) -> None:
    assert type(initializers.get(name)) is initializers.GlorotUniform


def test_a_name_can_be_taken_once_only() -> None:
    names: Registry[int] = Registry("number", loose=True)
    names.register("One")(1)
    with pytest.raises(ValueError, match="'one' is taken"):
        names.register("one")(2)


def test_a_name_can_mean_another_entry_in_an_older_release() -> None:
    names: Registry[str] = Registry("word")
    names.register("x")("today's")
    names.register_for("tf1", name="x")("the old one")
    assert names.lookup("x") == "today's"
    with release.meaning("tf1"):
        assert names.lookup("x") == "the old one"
    with release.meaning("tf2"):
        assert names.lookup("x") == "today's"


# --- Custom objects ---------------------------------------------------------------------------------------------


def test_scopes_nest_and_end() -> None:
    with custom_object_scope({"half": half}):
        assert activations.get("half") is half
        with custom_object_scope({"half": abs}, {"other": half}):
            assert activations.get("half") is abs
            assert activations.get("other") is half
        assert activations.get("half") is half
    with pytest.raises(ValueError, match="Unknown activation 'half'"):
        activations.get("half")


def test_a_scope_ends_when_its_block_raises() -> None:
    with pytest.raises(RuntimeError), custom_object_scope({"half": half}):
        raise RuntimeError
    assert get_registered_object("half") is None


def test_a_scope_holds_in_its_own_thread_only() -> None:
    seen = []
    with custom_object_scope({"half": half}):
        thread = threading.Thread(target=lambda: seen.append(get_registered_object("half")))
        thread.start()
        thread.join()
    assert seen == [None]


def test_what_the_user_named_comes_before_what_is_built_in() -> None:
    assert activations.deserialize("tanh", custom_objects={"tanh": half}) is half
    with custom_object_scope({"tanh": abs}):
        assert activations.get("tanh") is abs
        assert activations.deserialize("tanh", custom_objects={"tanh": half}) is half
    get_custom_objects()["tanh"] = half
    assert activations.get("tanh") is half


def test_registered_objects_are_written_and_found_under_their_package() -> None:
    register_keras_serializable("mine")(half)
    assert get_registered_name(half) == "mine>half"
    config = activations.serialize(half)
    assert config == {
        "module": "builtins",
        "class_name": "function",
        "config": "mine>half",
        "registered_name": "function",
    }
    assert activations.deserialize(json.loads(json.dumps(config))) is half

    @register_keras_serializable(name="Other")
    class Custom(Halves):
        pass

    config = initializers.serialize(Custom(3))
    assert config["registered_name"] == "Custom>Other"
    assert initializers.deserialize(config) == Custom(3)


def test_the_nearest_name_may_be_a_registered_one() -> None:
    register_keras_serializable("mine")(half)
    with pytest.raises(ValueError, match="did you mean 'mine>half'"):
        activations.get("half")


def test_a_class_without_get_config_cannot_be_registered() -> None:
    with pytest.raises(ValueError, match="Cannot register the class Layer: it has no get_config"):
        register_keras_serializable()(Layer)


def test_unregistered_things_go_by_their_own_name() -> None:
    assert get_registered_name(half) == "half"
    assert get_registered_name([]) == "list"
    assert get_registered_object("half", module_objects={"half": half}) is half


# --- Configs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["keras.layers", "tensorflow.keras.layers", "tf_keras.layers", None])
def test_a_config_names_a_built_in_class(layers: Registry[type[Layer]], module: str | None) -> None:
    config = {"module": module, "class_name": "LSTM", "config": {}, "registered_name": None}
    assert layers.lookup_config(config) is LSTM
    assert layers.lookup_config({"class_name": "LSTM", "config": {}}) is LSTM


@pytest.mark.parametrize(
    ("module", "registered"), [("my.package", "LSTM"), (None, "LSTM"), ("my.package", "mine>LSTM"), ("my", None)]
)
def test_a_users_class_is_never_taken_for_ours_of_the_same_name(
    layers: Registry[type[Layer]], module: str | None, registered: str | None
) -> None:
    config = {"module": module, "class_name": "LSTM", "config": {}, "registered_name": registered}
    with pytest.raises(ValueError, match=r"Unknown layer .*LSTM.*custom_objects"):
        layers.lookup_config(config)
    for name in {registered or "LSTM", "LSTM"}:
        assert layers.lookup_config(config, {name: Layer}) is Layer


@pytest.mark.parametrize("config", [{}, {"config": {}}, {"class_name": 3}, {"class_name": None, "config": {}}])
def test_a_config_without_a_name_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="A config of an initializer is a dict with 'class_name'"):
        initializers.get(config)


def test_a_lambda_in_a_file_is_never_run() -> None:
    config = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
    with pytest.raises(ValueError, match="saved as a Python lambda"):
        activations.deserialize(config)


def test_a_lambda_is_not_written() -> None:
    with pytest.raises(ValueError, match="Use a named function"):
        activations.serialize(lambda x: x)


def test_a_config_that_is_not_a_dict_is_refused() -> None:
    with pytest.raises(ValueError, match=r"config of the initializer 'Constant' is a dict.*got \[1\]"):
        initializers.get({"class_name": "Constant", "config": [1]})


def test_wrong_arguments_in_a_config_name_the_class() -> None:
    with pytest.raises(TypeError, match=r"initializer 'Zeros' cannot be made of \{'wrong': 1\}"):
        initializers.get({"class_name": "Zeros", "config": {"wrong": 1}})


@pytest.mark.parametrize("thing", [3, 3.5, [1], object()])
def test_other_things_are_refused_with_their_type(thing: Any) -> None:
    with pytest.raises(TypeError, match=rf"\(of type {type(thing).__name__}\) as an activation"):
        activations.get(thing)


def test_a_custom_function_named_by_a_config_is_itself_or_makes_of_the_config() -> None:
    def ones_like_this(shape: Any, dtype: Any = None) -> Any:
        return shape

    custom = {"mine": ones_like_this, "make": Halves, "factory": lambda count: Halves(count=count)}
    assert initializers.deserialize({"class_name": "mine", "config": {}}, custom) is ones_like_this
    assert initializers.deserialize("mine", custom) is ones_like_this
    assert initializers.deserialize("make", custom) == Halves(1)
    assert initializers.deserialize({"class_name": "make", "config": {"count": 2}}, custom) == Halves(2)
    assert initializers.deserialize({"class_name": "factory", "config": {"count": 3}}, custom) == Halves(3)


def test_a_class_in_the_users_module_is_written_with_it() -> None:
    config = initializers.serialize(Halves(2))
    assert config == {
        "module": __name__,
        "class_name": "Halves",
        "config": {"count": 2},
        "registered_name": "Halves",
    }
    assert initializers.deserialize(config, {"Halves": Halves}) == Halves(2)


def test_a_subclass_of_ours_is_not_written_as_ours() -> None:
    class Zeros(initializers.Zeros):
        pass

    assert initializers.serialize(Zeros())["registered_name"] == "Zeros"
    with pytest.raises(ValueError, match="Unknown initializer 'Zeros'"):
        initializers.deserialize(initializers.serialize(Zeros()))


# --- Objects that are their configs -----------------------------------------------------------------------------


def test_objects_are_equal_when_their_configs_are() -> None:
    assert Halves(2) == Halves(2) != Halves(3)
    assert hash(Halves(2)) == hash(Halves(2))
    assert Halves(2) != 2
    assert repr(Halves(2)) == "Halves(count=2)"
    assert type("Sub", (Halves,), {})(2) != Halves(2)


def test_an_unhashable_thing_has_no_name() -> None:
    assert activations.registry.name_of([]) is None
    assert registry.get_registered_name({}) == "dict"
