"""precision="bfloat16": the argument, what it reaches, what it leaves alone, and how far it may move an output.

The bound. A bfloat16 has 8 significant bits, so rounding a number moves it by at most u = 2^-8 of its size, and a product
of two rounded factors lies within 2 u + u^2 of the exact one. `Bound` carries that through the equations in float64 beside
the exact values: a sum is moved by at most (2 u + u^2) (|x| |W| + |h| |U|), and by |U| times the error that the state came
with; a sigmoid passes on at most a quarter of an error, a tanh at most all of it; a product of two numbers a b moves by at
most |a'| |b' - b| + |a' - a| |b|. The float32 rounding of n terms and of the activations adds 2^-23 (n + 8) and 2^-21.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.arguments import in_order
from gatewise.base import release
from gatewise.engine.rounding import to_bfloat16
from gatewise.layers import GRU, LSTM, Bidirectional, Dense, Masking, SimpleRNN, TimeDistributed
from gatewise.models import plan

LAYERS = [LSTM, GRU, SimpleRNN]
U = 2.0**-8  # The rounding of bfloat16.
T, F, H = 12, 8, 24
SIZES = [2.0, H / 1.5, 4.0]  # What uniform weights are divided by: kernel, recurrent kernel, bias.
X = np.random.default_rng(0).standard_normal((5, T, F)).astype("float32")


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


class Bound:
    """The outputs (B, T, H) of a layer in float64, and how far bfloat16 may move each of them."""

    def __init__(self, layer: Any, x: np.ndarray) -> None:
        self.w, self.u, b = (v.numpy().astype("float64") for v in layer.weights)
        self.b, self.d = (b[0], b[1]) if b.ndim == 2 else (b, np.zeros_like(b))
        self.r = 2 * U + U * U + 2.0**-23 * (sum(self.w.shape[:1]) + len(self.u) + 8)
        self.x = x.astype("float64")
        kind = type(layer).__name__.lower() + ("_after" if getattr(layer, "reset_after", False) else "")
        self.h, self.e = np.zeros((2, len(x), len(self.u)))
        self.c, self.ec = np.zeros((2, len(x), len(self.u)))
        found = []
        for t in range(x.shape[1]):
            getattr(self, kind)(self.x[:, t])
            found.append((self.h, self.e))
        self.y, self.error = (np.stack(column, axis=1) for column in zip(*found, strict=True))

    def sums(self, x: Any) -> tuple[Any, Any]:
        return x @ self.w + self.b, self.r * (np.abs(x) @ np.abs(self.w) + np.abs(self.b))

    def state_sums(self, h: Any, e: Any, columns: Any = slice(None)) -> tuple[Any, Any]:
        u, d = self.u[:, columns], self.d[columns]
        size = np.abs(u)
        return h @ u + d, self.r * ((np.abs(h) + e) @ size + np.abs(d)) + e @ size

    def gate(self, z: Any, e: Any) -> tuple[Any, Any]:
        return sigmoid(z), e / 4 + 2.0**-21

    def split(self, pair: Any, count: int) -> Any:
        return zip(*(np.split(part, count, axis=1) for part in pair), strict=True)

    def added(self, first: Any, second: Any) -> tuple[Any, Any]:
        return first[0] + second[0], first[1] + second[1]

    def simplernn(self, x: Any) -> None:
        z, e = self.added(self.sums(x), self.state_sums(self.h, self.e))
        self.h, self.e = np.tanh(z), e + 2.0**-21

    def lstm(self, x: Any) -> None:
        i, f, g, o = self.split(self.added(self.sums(x), self.state_sums(self.h, self.e)), 4)
        (i, ei), (f, ef), (o, eo) = self.gate(*i), self.gate(*f), self.gate(*o)
        g, eg = np.tanh(g[0]), g[1] + 2.0**-21
        self.ec = (f + ef) * self.ec + ef * np.abs(self.c) + (i + ei) * eg + ei * np.abs(g)
        self.c = f * self.c + i * g
        shown = np.tanh(self.c)
        self.h, self.e = o * shown, (o + eo) * (self.ec + 2.0**-21) + eo * np.abs(shown)

    def mixed(self, z: Any, g: Any) -> None:
        """h' = z h + (1 - z) g."""
        (z, ez), (g, eg) = self.gate(*z), (np.tanh(g[0]), g[1] + 2.0**-21)
        self.e = (z + ez) * self.e + (1 - z + ez) * eg + ez * np.abs(self.h - g)
        self.h = z * self.h + (1 - z) * g

    def gru_after(self, x: Any) -> None:
        xz, xr, xg = self.split(self.sums(x), 3)
        hz, hr, hg = self.split(self.state_sums(self.h, self.e), 3)
        r, er = self.gate(*self.added(xr, hr))
        self.mixed(self.added(xz, hz), self.added(xg, (r * hg[0], (r + er) * hg[1] + er * np.abs(hg[0]))))

    def gru(self, x: Any) -> None:
        n = len(self.u)
        xz, xr, xg = self.split(self.sums(x), 3)
        hz, hr = self.split(self.state_sums(self.h, self.e, slice(0, 2 * n)), 2)
        r, er = self.gate(*self.added(xr, hr))
        reset = r * self.h, (r + er) * self.e + er * np.abs(self.h)
        self.mixed(self.added(xz, hz), self.added(xg, self.state_sums(*reset, slice(2 * n, None))))


def made(cls: Any, **options: Any) -> Any:
    """A layer whose state's errors do not grow from step to step even at worst: |U| sums to about 3/4 in a column."""
    layer = cls(H, return_sequences=True, **options)
    layer.build((None, None, F))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.uniform(-1, 1, w.shape) / size for w, size in zip(layer.weights, SIZES, strict=True)])
    return layer


def model_of(*layers: Any) -> Any:
    return gw.Sequential([gw.Input((None, F)), *layers])


VARIANTS = [
    pytest.param(cls, options, id=f"{cls.__name__}{options or ''}")
    for cls, options in [(LSTM, {}), (GRU, {}), (GRU, {"reset_after": False}), (SimpleRNN, {})]
]


# -- what it costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["native", "reference", "jax"])
@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_the_error_stays_inside_its_bound(cls: Any, options: Any, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine == "reference":
        monkeypatch.setenv("GATEWISE_ENGINE", "reference")
    x: Any = X if engine != "jax" else pytest.importorskip("jax").numpy.asarray(X)
    layer = made(cls, **options)
    bound = Bound(layer, X)
    plain = np.abs(np.asarray(layer(x)) - bound.y).max()
    layer.precision = "bfloat16"
    error = np.abs(np.asarray(layer(x)) - bound.y)
    assert (error <= bound.error).all()
    assert bound.error[:, 0].max() < 10 * U  # The bound says something: it begins at a few u,
    assert bound.error.max() < 50 * U  # and stays well below the size of the outputs.
    assert error.max() > 100 * plain  # Rounding took place: u is 2^16 times float32's.


def test_rounding_is_to_the_nearest_with_ties_to_even() -> None:
    jax = pytest.importorskip("jax")
    draw = np.random.default_rng(2)
    x = draw.integers(0, 2**32, 50_000, dtype=np.uint32).view(np.float32)
    x = np.concatenate([x, np.array([np.nan, np.inf, -np.inf, 0, -0.0, 3.4e38, 1 + U, 1 + 3 * U, 1e-45], "float32")])
    with np.errstate(invalid="ignore"):
        rounded = to_bfloat16(x)
        wanted = np.asarray(jax.numpy.asarray(x).astype("bfloat16")).astype("float32")
        np.testing.assert_array_equal(rounded, wanted)
        np.testing.assert_array_equal(np.asarray(jax.jit(to_bfloat16)(x)), wanted)
        assert not (rounded.view(np.uint32)[np.isfinite(x)] & 0xFFFF).any()
    usual = np.abs(x) > 1e-37
    usual &= np.abs(x) < 3e38
    relative = np.abs(rounded[usual].astype("float64") / x[usual] - 1)
    assert 0.99 * U < relative.max() <= U


@pytest.mark.parametrize("cls", LAYERS)
def test_other_engines_round_the_weights_alone(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWISE_ENGINE", "reference")
    layer, plain = made(cls, precision="bfloat16"), made(cls)
    kernel, recurrent_kernel, bias = layer.get_weights()
    plain.set_weights([to_bfloat16(kernel), to_bfloat16(recurrent_kernel), bias])
    np.testing.assert_array_equal(layer(X), plain(X))
    assert (to_bfloat16(bias) != bias).any()


def test_an_activation_that_the_native_engine_lacks() -> None:
    layer = made(LSTM, activation=lambda x: x / (1 + x * x), precision="bfloat16")
    plain = made(LSTM, activation=layer.activation)
    plain.set_weights([*map(to_bfloat16, layer.get_weights()[:2]), layer.get_weights()[2]])
    np.testing.assert_array_equal(layer(X), plain(X))


# -- the argument ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", LAYERS)
def test_the_argument_and_its_config(cls: Any) -> None:
    assert cls(3).precision == cls(3, precision=None).precision == cls(3, precision="float32").precision == "float32"
    assert cls(3, dtype="float64").precision == "float64"
    for plain in (cls(3), cls(3, precision="float32"), cls(3, dtype="float64", precision="float64")):
        assert "precision" not in plain.get_config()
    layer = cls(3, precision="bfloat16")
    assert layer.get_config()["precision"] == "bfloat16"
    assert "precision='bfloat16'" in repr(layer)
    for again in (cls.from_config(layer.get_config()), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert again.precision == "bfloat16"


@pytest.mark.parametrize("version", ["keras3", "tf2", "tf1"])
@pytest.mark.parametrize("cls", LAYERS)
def test_it_has_no_place_among_positional_arguments(cls: Any, version: Any) -> None:
    with release.meaning(version):
        assert "precision" not in in_order(cls._arguments)


def test_configs_of_models_keep_it() -> None:
    model = model_of(Bidirectional(LSTM(4, return_sequences=True, precision="bfloat16")), GRU(3))
    assert model.precision == "mixed"
    model.precision = "bfloat16"
    for again in (gw.models.model_from_json(model.to_json()), gw.models.clone_model(model)):
        assert again.precision == "bfloat16"
        assert again.layers[0].backward_layer.precision == "bfloat16"
    model.precision = None
    assert "precision" not in model.to_json()


@pytest.mark.parametrize("value", ["half", "bfloat", 16, np.float32, ["bfloat16"]])
def test_other_values_are_refused(value: Any) -> None:
    words = "precision: expected 'float32', 'bfloat16' or None, got"
    with pytest.raises(ValueError, match=f"^LSTM: {words}"):
        LSTM(3, precision=value)
    layer, model = LSTM(3, name="memory"), model_of(LSTM(3))
    with pytest.raises(ValueError, match=f"^LSTM 'memory': {words}"):
        layer.precision = value
    with pytest.raises(ValueError, match=f"^Sequential '.*': {words}"):
        model.precision = value
    assert layer.precision == model.precision == "float32"


def test_layers_in_float64_refuse_it() -> None:
    words = "computes in float64, but precision='bfloat16' is for layers in float32: make this one with dtype='float32'"
    with pytest.raises(ValueError, match=f"^GRU {words}"):
        GRU(3, dtype="float64", precision="bfloat16")
    layer = GRU(3, dtype="float64", name="exact")
    for value in ("bfloat16", "float32"):
        with pytest.raises(ValueError, match="GRU 'exact' computes in float64"):
            layer.precision = value
    layer.precision = layer.precision
    late = GRU(3, precision="bfloat16", name="late")
    late.dtype = "float64"
    with pytest.raises(ValueError, match=f"GRU 'late' {words}"):
        late(X)


# -- setting it later -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", LAYERS)
def test_setting_it_makes_what_was_prepared_anew(cls: Any) -> None:
    layer = made(cls)
    model = model_of(layer)
    exact = model.predict(X)
    assert plan.of(model) is not None
    wanted = model_of(made(cls, precision="bfloat16")).predict(X)
    layer.precision = "bfloat16"
    np.testing.assert_array_equal(model.predict(X), wanted)
    np.testing.assert_array_equal(model(X), wanted)
    assert plan.of(model) is not None
    layer.precision = None
    np.testing.assert_array_equal(model.predict(X), exact)
    assert (wanted != exact).any()


def nested() -> tuple[Any, list[Any]]:
    """A model with recurrent layers at every depth, and those layers."""
    inner = model_of(GRU(3, return_sequences=True))
    each = gw.Sequential([gw.Input((F, 1)), SimpleRNN(2)])
    pair = Bidirectional(LSTM(4, return_sequences=True))
    x = gw.Input((T, F))
    by_step = TimeDistributed(each)(gw.layers.Reshape((T, F, 1))(x))
    y = LSTM(3)(gw.layers.Concatenate()([inner(x), pair(x), by_step]))
    model = gw.Model(x, Dense(2)(y))
    return model, [layer for layer in model._walk() if isinstance(layer, tuple(LAYERS))]


def test_a_model_sets_all_recurrent_layers_inside() -> None:
    model, layers = nested()
    assert len(layers) == 5
    exact = model.predict(X)
    model.precision = "bfloat16"
    assert model.precision == "bfloat16"
    assert {layer.precision for layer in layers} == {"bfloat16"}
    rounded = model.predict(X)
    assert (rounded != exact).any()
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=0.2)
    for layer in layers:
        layer.precision = "float32"
        assert model.precision == ("mixed" if layer is not layers[-1] else "float32")
    np.testing.assert_array_equal(model.predict(X), exact)


def test_wrappers_have_it_too() -> None:
    pair = Bidirectional(LSTM(4))
    pair.precision = "bfloat16"
    assert pair.forward_layer.precision == pair.backward_layer.precision == pair.precision == "bfloat16"
    pair.backward_layer.precision = None
    assert pair.precision == "mixed"
    by_step = TimeDistributed(GRU(2))
    by_step.precision = "bfloat16"
    assert by_step.layer.precision == "bfloat16"


def test_all_layers_or_none() -> None:
    model = model_of(LSTM(3, return_sequences=True), LSTM(3, dtype="float64", name="exact"))
    for value in ("bfloat16", "float32"):
        with pytest.raises(ValueError, match="LSTM 'exact' computes in float64"):
            model.precision = value
    assert [layer.precision for layer in model.layers] == ["float32", "float64"]
    model.layers[0].precision = "bfloat16"
    model.precision = None
    assert [layer.precision for layer in model.layers] == ["float32", "float64"]


def test_a_model_without_recurrent_layers() -> None:
    model = gw.Sequential([gw.Input((3,)), Dense(2)], name="plain")
    for value in (None, "float32"):
        model.precision = value
    assert model.precision == "float32"
    with pytest.raises(ValueError, match="Sequential 'plain' has no LSTM, GRU or SimpleRNN to compute in bfloat16"):
        model.precision = "bfloat16"


def test_a_program_may_keep_a_metric_under_this_name() -> None:
    class Precision:
        pass

    class Classifier(gw.Model):
        def __init__(self) -> None:
            self.precision = None
            super().__init__()
            self.memory = LSTM(3)
            self.precision = Precision()

        def call(self, x: Any) -> Any:
            return self.memory(x)

    model = Classifier()
    assert isinstance(model.precision, Precision)
    assert model.predict(X).shape == (5, 3)
    assert model.memory.precision == "float32"
    for value, wanted in (("bfloat16", "bfloat16"), (None, "float32")):
        model.precision = value
        assert model.precision == model.memory.precision == wanted


# -- the same meaning everywhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", LAYERS)
def test_masks_and_directions(cls: Any) -> None:
    layer, back = made(cls, precision="bfloat16"), made(cls, precision="bfloat16", go_backwards=True)
    whole = np.asarray(layer(X))
    np.testing.assert_array_equal(back(X[:, ::-1]), whole)
    mask = np.ones((5, T), bool)
    mask[:, 7:] = False
    np.testing.assert_array_equal(layer(X, mask=mask)[:, :7], whole[:, :7])
    held = model_of(Masking(), layer).predict(np.where(mask[..., None], X, 0))
    np.testing.assert_array_equal(held, np.asarray(layer(X, mask=mask)))


@pytest.mark.parametrize("cls", LAYERS)
def test_stateful_layers(cls: Any) -> None:
    whole, layer = made(cls, precision="bfloat16"), made(cls, precision="bfloat16", stateful=True)
    halves = [np.asarray(layer(part)) for part in (X[:, :5], X[:, 5:])]
    np.testing.assert_array_equal(np.concatenate(halves, axis=1), whole(X))


@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_streams_and_pools(cls: Any, options: Any) -> None:
    """They agree with `predict` to what either may differ from the exact result, and move all the same."""
    layer = made(cls, **options)
    model, bound = model_of(layer), Bound(layer, X)
    exact = model.stream(batch_size=5).push_many(X)
    model.precision = "bfloat16"
    wanted = model.predict(X)
    stream, pool, ids = model.stream(batch_size=5), model.stream_pool(5), np.arange(5)
    pool.add(ids)
    streamed = np.stack([stream.push(X[:, t]) for t in range(T)], axis=1)
    pooled = np.stack([pool.push(ids, X[:, t]) for t in range(T)], axis=1)
    assert stream.native
    for found in (streamed, pooled):
        assert (np.abs(found - bound.y) <= bound.error).all()
        assert (np.abs(found - wanted) <= 2 * bound.error).all()
        assert np.abs(found - exact).max() > 1e-4
    np.testing.assert_array_equal(model.stream(batch_size=5).push_many(X), streamed)


def test_a_stream_goes_on_in_another_precision() -> None:
    layer = made(GRU)
    model = model_of(layer)
    stream, bound = model.stream(batch_size=5), Bound(layer, X)
    stream.push_many(X[:, :6])
    saved = stream.save()
    exact = stream.push_many(X[:, 6:])
    layer.precision = "bfloat16"
    for later in (stream, model.stream(batch_size=5)):
        later.update()
        later.restore(saved)
        found = later.push_many(X[:, 6:])
        assert (found != exact).any()
        assert (np.abs(found - bound.y[:, 6:]) <= bound.error[:, 6:]).all()


@pytest.mark.parametrize("cls", LAYERS)
def test_training_computes_in_float32(cls: Any) -> None:
    layer, plain = made(cls, precision="bfloat16"), made(cls)
    np.testing.assert_array_equal(layer(X, training=True), plain(X, training=True))
    assert (np.asarray(layer(X)) != np.asarray(plain(X))).any()
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(X)
    np.testing.assert_array_equal(layer(x, training=True), plain(x, training=True))


@pytest.mark.parametrize("cls", LAYERS)
def test_gradients_pass_the_rounding_unchanged(cls: Any) -> None:
    """They are those at the rounded weights, in full float32."""
    jax = pytest.importorskip("jax")
    layer, plain = made(cls, precision="bfloat16"), made(cls)
    kernel, recurrent_kernel, bias = layer.get_weights()
    weights = [to_bfloat16(kernel), to_bfloat16(recurrent_kernel), bias]

    def gradients(layer: Any, weights: list[Any]) -> Any:
        def loss(weights: Any) -> Any:
            return (layer.stateless_call(weights, [], X)[0] ** 2).mean()

        return jax.jit(jax.grad(loss))(weights)

    found, wanted = gradients(layer, [kernel, recurrent_kernel, bias]), gradients(plain, weights)
    for one, other in zip(found, wanted, strict=True):
        # The same operations: only how XLA orders sums may differ, of at most B T terms beside the state's.
        np.testing.assert_allclose(one, other, rtol=0, atol=2.0**-23 * (len(X) * T + F + H) * np.abs(other).max())
    assert (np.asarray(found[0]).view(np.uint32) & 0xFFFF).any()


def test_the_jax_executor() -> None:
    pytest.importorskip("jax")
    layer = made(LSTM)
    model, bound = model_of(layer), Bound(layer, X)
    gw.config.executor = "jax"
    try:
        exact = model.predict(X)
        model.precision = "bfloat16"
        rounded = model.predict(X)
    finally:
        gw.config.executor = "auto"
    assert np.abs(rounded - exact).max() > 1e-4
    assert (np.abs(rounded - bound.y) <= bound.error).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("layer", [LSTM, GRU, SimpleRNN])
def test_a_layer_of_half_a_dtype_computes_in_it_under_jax(layer: Any, dtype: str) -> None:
    import jax
    import jax.numpy as jnp

    made = layer(H, dtype=dtype, return_sequences=True)
    made.build((None, None, F))
    exact = layer(H, return_sequences=True)
    exact.build((None, None, F))
    exact.set_weights([np.asarray(w.value, "float32") for w in made.weights])
    assert "precision" not in made.get_config()
    for training in (False, True):
        y = jax.jit(lambda x, training=training: made(x, training=training))(jnp.asarray(X, dtype))
        assert (y.dtype.name, y.shape) == (dtype, (len(X), T, H))
        # Outputs lie below 1; every step rounds a few sums to eight bits, and gates pass on half of what came before.
        assert np.abs(np.asarray(y, "float32") - exact(X)).max() < 16 * U
