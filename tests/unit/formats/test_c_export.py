"""C as `model.export("model.c")` writes it: every cell and activation, weights in 8 bits, bad input, and what a device
asks for: no memory, few functions, a budget that holds.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_programs import CC, SANITIZERS, CModel, as_c, build, self_test
from numpy.testing import assert_allclose

import gatewise as gw
from gatewise import layers
from gatewise.engine import _native, native
from gatewise.formats.c.cells import CELLS as CELLS_IN_C
from gatewise.formats.c.weights import stood_for, table

T, I, H = 9, 5, 6  # noqa: E741
# A sum has at most I + H + 1 = 12 products of at most 3; each is rounded by 2**-24 of it, and both sides round: some
# 1e-6 at most before the gates, whose slope is a quarter, and what a state carries on shrinks.
EXACT = {"atol": 1e-6, "rtol": 1e-6}
CELLS = {
    "lstm": lambda **own: layers.LSTM(H, **own),
    "gru": lambda **own: layers.GRU(H, reset_after=False, **own),
    "gru_reset_after": lambda **own: layers.GRU(H, **own),
    "simple": lambda **own: layers.SimpleRNN(H, **{k: v for k, v in own.items() if k != "recurrent_activation"}),
    "peephole_lstm": lambda **own: layers.PeepholeLSTM(H, **own),
}


def randomised(model: Any, scale: float = 0.3) -> Any:
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, scale, w.shape) for w in model.weights])
    return model


def sequence(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(T, I)).astype("float32")


def agrees(model: Any, folder: Path, x: np.ndarray, **options: Any) -> CModel:
    """The C program, which gives what predict gives on each beginning of the sequence."""
    program = CModel(model, folder, **options)
    (made,) = program.run([as_c(x)], len(x))
    wanted = model.predict(x[None], verbose=0)
    assert_allclose(made if wanted.ndim == 3 else made[-1], wanted[0], **EXACT)
    return program


# --- Cells and functions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_with_every_activation(cell: str, tmp_path: Path) -> None:
    x = gw.Input((None, I))
    names = sorted(native.activations() - {"keras2_hard_sigmoid"})
    parts = [
        CELLS[cell](activation=name, recurrent_activation=gate, return_sequences=True)(x)
        for name, gate in zip(names, [*names[1:], names[0]], strict=True)
    ]
    # Small weights, so that what gates without a bound carry on shrinks too.
    agrees(randomised(gw.Model(x, layers.Concatenate()(parts)), 0.15), tmp_path, sequence())


BLOCKS = {
    "lstm": lambda units: layers.LSTM(units, return_sequences=True),
    "gru": lambda units: layers.GRU(units, reset_after=False, return_sequences=True),
    "gru_reset_after": lambda units: layers.GRU(units, return_sequences=True),
    "peephole_lstm": lambda units: layers.PeepholeLSTM(units, return_sequences=True),
}


@pytest.mark.parametrize("flags", [(), ("-DGATEWISE_VECTORS",), ("-UGATEWISE_VECTORS", "-U__SSE2__", "-U__ARM_NEON")])
def test_blocks_of_units_and_those_left_over(flags: tuple[str, ...], tmp_path: Path) -> None:
    x = gw.Input((None, I))
    parts = [make(units)(x) for make in BLOCKS.values() for units in (8, 16, 19)]
    model = randomised(gw.Model(x, layers.Concatenate()(parts)))
    agrees(model, tmp_path, sequence(), flags=flags)
    model.export(tmp_path / "model.c", weights="int8", show=False)
    assert self_test(tmp_path / "model.c", *flags).startswith("model: right")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_every_cell_without_bias_under_sanitizers(cell: str, weights: str, tmp_path: Path) -> None:
    layer = CELLS[cell](use_bias=False)
    model = randomised(gw.Sequential([gw.Input((None, I)), layer, layers.Dense(2)]))
    model.export(tmp_path / "model.c", weights=weights, show=False)
    assert self_test(tmp_path / "model.c", *SANITIZERS).startswith("model: right")


def test_every_level_of_optimisation_compiles_without_a_warning(tmp_path: Path) -> None:
    x = gw.Input((None, I))
    model = randomised(gw.Model(x, layers.Concatenate()([make()(x) for make in CELLS.values()])))
    for weights in ("float32", "int8"):
        model.export(tmp_path / "model.c", weights=weights, show=False)
        for flags in (["-O0"], ["-O2"], ["-O3", "-funroll-loops"], ["-Os"]):
            build(*flags, "-c", tmp_path / "model.c", "-o", tmp_path / "model.o")


def test_c_has_kerass_cells_and_says_which_others_it_lacks(tmp_path: Path) -> None:
    known = _native.cells()
    assert {name: list(states) for name, (states, _) in CELLS_IN_C.items()} == {
        name: list(known[name]["states"]) for name in CELLS_IN_C
    }
    assert {"simple", "lstm", "gru", "gru_reset_after"} <= set(CELLS_IN_C)
    for make in (layers.CoupledLSTM, layers.MinGRU, layers.SLSTM):
        with pytest.raises(ValueError, match=f"cannot be exported to C.*{make.__name__}"):
            gw.Sequential([gw.Input((None, I)), make(H)]).export(tmp_path / "m.c")
    assert not list(tmp_path.iterdir())


def test_the_hard_sigmoid_of_old_files(tmp_path: Path) -> None:
    with gw.base.release.meaning("tf1"):
        model = gw.Sequential([gw.Input((None, I)), layers.LSTM(H, recurrent_activation="hard_sigmoid")])
    agrees(randomised(model), tmp_path, sequence())


def test_every_function_of_streams(tmp_path: Path) -> None:
    x = gw.Input((None, I))
    names = [name for name in native.functions() if name not in ("threshold", "keras2_hard_sigmoid")]
    parts = [layers.Activation(name)(x) for name in names]
    parts += [
        layers.ThresholdedReLU(0.7)(x),
        layers.ReLU(1.5, 0.2, 0.3)(x),
        layers.ELU(0.4)(x),
        layers.Activation("softmax")(x),
        layers.Activation("log_softmax")(x),
        layers.PReLU(shared_axes=[1])(x),
    ]
    model = randomised(gw.Model(x, layers.Concatenate()(parts)))
    far = np.concatenate([sequence(), 30 * sequence(2), np.zeros((1, I), "float32")])
    agrees(model, tmp_path, far)


def test_tanh_by_the_exponential_function_keeps_its_digits(tmp_path: Path) -> None:
    program = CModel(gw.Sequential([gw.Input((None, 1)), layers.Activation("tanh")]), tmp_path)
    x = np.concatenate([np.linspace(-12, 12, 40001), np.logspace(-30, 0, 2000), [0.2, -0.2, 100, -100]])
    x = x.astype("float32")[:, None]
    (made,) = program.run([x], len(x))
    wanted = np.tanh(x.astype("float64"))
    # The series: 6e-8 left out, and roundings; the quotient: 2**-24 each of e and of its sums, over 1/3.
    assert_allclose(made, wanted, rtol=5e-7, atol=0)


def test_nan_stays_nan(tmp_path: Path) -> None:
    model = randomised(gw.Sequential([gw.Input((None, I)), layers.LSTM(H), layers.Dense(2, activation="relu")]))
    program = CModel(model, tmp_path)
    (made,) = program.run([np.full((1, I), np.nan, np.float32)], 1)
    assert np.isnan(made).all()


# --- 8 bits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
def test_8_bits_are_off_by_half_a_factor_at_most(axis: int) -> None:
    array = np.random.default_rng(3).normal(size=(40, 30)).astype("float32")
    array[:, 3] = array[4] = 0
    made = table(array, "int8", axis)
    assert made.numbers.dtype == np.int8
    away = np.abs(stood_for(array, "int8", axis) - array)
    # Half a factor, and the rounding of a product of float32 numbers of at most 127 factors.
    assert (away <= np.expand_dims(made.factors, axis) * (0.5 + 127 * 2**-23)).all()
    assert np.abs(made.numbers).max() == 127


@pytest.mark.parametrize("cell", CELLS)
def test_8_bits_give_what_a_model_with_the_rounded_weights_gives(cell: str, tmp_path: Path) -> None:
    layer = CELLS[cell]()
    model = randomised(gw.Sequential([gw.Input((None, I)), layer, layers.Dense(3)]))
    (made,) = CModel(model, tmp_path, weights="int8").run([sequence()], T)
    exact = model.predict(sequence()[None], verbose=0)[0]
    tables = ("kernel", "recurrent_kernel")
    model.set_weights([stood_for(w.numpy(), "int8") if w.name in tables else w.numpy() for w in model.weights])
    rounded = model.predict(sequence()[None], verbose=0)[0]
    made = made if rounded.ndim == 2 else made[-1]
    assert_allclose(made, rounded, **EXACT)
    assert np.abs(made - exact).max() > 1e-5  # So the two can be told apart.


def test_the_stated_error_is_that_of_8_bits(tmp_path: Path) -> None:
    model = randomised(gw.Sequential([gw.Input((None, I)), layers.GRU(H), layers.Dense(1)]))
    program = CModel(model, tmp_path, weights="int8")
    (stated,) = re.findall(r"y: root mean square ([\d.e-]+), at most ([\d.e-]+);", program.header)
    x = np.random.default_rng(0).normal(size=(16, 64, I)).astype("float32")  # As the exporter draws them.
    stream = model.stream(16)
    wanted, made = stream.push_many(x), []
    for each in x:
        program.reset()
        made += program.run([each], 64)
    away = np.stack(made) - wanted
    # The numbers are printed with two digits.
    assert_allclose([float(each) for each in stated], [np.sqrt(np.mean(away**2)), np.abs(away).max()], rtol=0.06)


def test_8_bits_of_a_dense_layer_are_within_the_bound_of_their_factors(tmp_path: Path) -> None:
    model = randomised(gw.Sequential([gw.Input((None, I)), layers.Dense(7)]))
    (made,) = CModel(model, tmp_path, weights="int8").run([sequence()], T)
    factors = table(model.layers[0].kernel.numpy(), "int8").factors
    bound = np.abs(sequence()).sum(1, keepdims=True) * factors / 2
    assert (np.abs(made - model.predict(sequence()[None], verbose=0)[0]) <= bound + 1e-6).all()


# --- What a device asks for -------------------------------------------------------------------------------------------


@pytest.fixture
def gru(tmp_path: Path) -> CModel:
    model = gw.Sequential([gw.Input((None, I)), layers.GRU(H), layers.Dense(2, activation="sigmoid")])
    return CModel(randomised(model), tmp_path)


def test_the_budget_holds(gru: CModel, capsys: pytest.CaptureFixture[str]) -> None:
    weights = 3 * H * (I + H) + 2 * 3 * H + 2 * H + 2
    assert gru.number("FLASH_BYTES") == 4 * weights
    assert gru.number("MULTIPLY_ADDS") == 3 * H * (I + H) + 2 * H
    assert gru.number("RAM_BYTES") == 4 * (H + H)  # The state and the next one; the self test asks sizeof.
    assert "the stack holds 36 bytes of arrays" in gru.header  # Three times three sums, of one unit at a time.
    assert "2 calls of expf" in gru.header  # Of the last layer; gates have an approximation of their own.
    assert capsys.readouterr().out == ""


def test_the_budget_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    randomised(gw.Sequential([gw.Input((None, I)), layers.GRU(H)])).export(tmp_path / "gru.c", weights="int8")
    text = capsys.readouterr().out
    for words in ("gru.c", "gru.h", "flash: ", "RAM: ", "multiply-adds", "at most"):
        assert words in text


def test_memory_between_operations_is_used_again(tmp_path: Path) -> None:
    chain = [layers.Dense(50) for _ in range(6)]
    program = CModel(randomised(gw.Sequential([gw.Input((None, I)), *chain])), tmp_path)
    assert program.number("RAM_BYTES") == 4 * 100


def test_nothing_is_called_but_the_mathematical_library(gru: CModel, tmp_path: Path) -> None:
    build("-O2", "-c", gru.source, "-o", tmp_path / "model.o")
    text = subprocess.run(["nm", "-u", tmp_path / "model.o"], check=True, capture_output=True, text=True).stdout
    # Compilers make calls of memcpy and its kin of loops, as they do everywhere.
    assert set(text.split()) - {"U", "memcpy", "memset", "memmove"} == {"expf"}


def test_functions_and_sections_can_be_replaced(gru: CModel, tmp_path: Path) -> None:
    flags = ["-DGATEWISE_EXP=own_exp", "-DGATEWISE_TANH=own_tanh"]
    flags += ["-include", tmp_path / "own.h", '-DGATEWISE_WEIGHTS=__attribute__((section(".own_weights")))']
    own = "#include <math.h>\nstatic float own_{0}(float x) {{ return (float){0}((double)x); }}\n"
    (tmp_path / "own.h").write_text(own.format("exp") + own.format("tanh"))
    assert self_test(gru.source, *map(str, flags)).startswith("model: right")
    sections = subprocess.run(
        ["objdump", "-h", gru.source.with_suffix(".test")], capture_output=True, text=True, check=True
    )
    assert ".own_weights" in sections.stdout


def test_the_self_test_finds_what_is_wrong(gru: CModel) -> None:
    with pytest.raises(AssertionError, match="model: FAILED, largest difference"):
        self_test(gru.source, "-DGATEWISE_TANH=sinf")


def test_the_header_is_c_plus_plus_too(gru: CModel, tmp_path: Path) -> None:
    (tmp_path / "main.cpp").write_text('#include "model.h"\nint main() { static model_state s; model_reset(&s); }\n')
    build("-O1", "-c", gru.source, "-o", tmp_path / "model.o")
    cpp = shutil.which("c++") or "g++"
    command = [cpp, "-Wall", "-Werror", tmp_path / "main.cpp", tmp_path / "model.o", "-lm", "-o", tmp_path / "main"]
    subprocess.run(command, check=True)
    subprocess.run([tmp_path / "main"], check=True)


def test_names_are_told_apart_and_are_c(tmp_path: Path) -> None:
    a, b = gw.Input((None, I), name="double"), gw.Input((3,), name="s")
    y = layers.LSTM(H, name="step")(a)
    z = layers.Dense(2, name="größe/2*/")(layers.Concatenate(name="work")([y, layers.Dense(2, name="sigmoid")(b)]))
    model = randomised(gw.Model([a, b], [z, layers.Dense(1, name="int")(y)]))
    model.export(tmp_path / "2 odd-names.c", show=False)
    text = (tmp_path / "2 odd-names.h").read_text()
    assert "int m_2_odd_names_run(m_2_odd_names_state *s, const float *double_, const float *s_2, int steps, " in text
    build("-DM_2_ODD_NAMES_SELF_TEST", tmp_path / "2 odd-names.c", "-o", tmp_path / "odd")
    subprocess.run([tmp_path / "odd"], check=True)


# --- What is refused --------------------------------------------------------------------------------------------------


def test_ids_outside_a_table_move_nothing(tmp_path: Path) -> None:
    model = randomised(gw.Sequential([gw.Input((None,)), layers.Embedding(10, 4), layers.GRU(3)]))
    program = CModel(model, tmp_path)
    ids = np.array([[1], [2], [3]], np.int32)
    (wanted,) = program.run([ids], 3)
    program.reset()
    for wrong in (-1, 10):
        program.run([np.array([[1], [wrong]], np.int32)], 2, code=1)
    assert_allclose(program.run([ids], 3)[0], wanted, atol=0)


def test_what_a_stream_refuses_is_refused_in_its_words(tmp_path: Path) -> None:
    both = gw.Sequential([gw.Input((None, I)), layers.Bidirectional(layers.LSTM(4), name="both_ways")])
    with pytest.raises(ValueError, match="both_ways") as said:
        both.stream()
    with pytest.raises(ValueError, match=re.escape(str(said.value))):
        both.export(tmp_path / "both.c", show=False)
    assert not list(tmp_path.iterdir())


def test_ids_that_are_given_on_are_refused(tmp_path: Path) -> None:
    ids = gw.Input((None,))
    model = gw.Model(ids, [layers.Embedding(10, 4)(ids), ids])
    with pytest.raises(ValueError, match="no operation for this: ids as they came"):
        model.export(tmp_path / "model.c", show=False)


def test_other_forms_of_weights_are_refused(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((None, I)), layers.LSTM(4)])
    with pytest.raises(ValueError, match=r"weights='int18': C has them as 'float32' or 'int8'\. Did you mean 'int8'\?"):
        model.export(tmp_path / "model.c", weights="int18")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((None, I)), layers.LSTM(4, name="broken"), layers.Dense(2)])
    model.layers[0].kernel.assign(np.full((I, 16), np.inf))
    for weights in ("float32", "int8"):
        with pytest.raises(ValueError, match="C has no constants for infinities and NaN, and broken's kernel"):
            model.export(tmp_path / "model.c", weights=weights, show=False)


def test_a_model_that_is_not_built_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not built"):
        gw.Sequential([layers.LSTM(4)]).export(tmp_path / "model.c")


def test_the_compiler_of_these_tests_is_there() -> None:
    assert shutil.which(CC)
