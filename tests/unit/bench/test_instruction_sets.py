"""How the benchmarks hold ours and the peers to one set of instructions."""

from __future__ import annotations

import platform

import pytest

from benchmarks import isa, machine
from benchmarks.peers import OURS, SYSTEMS, TRAINERS, variables
from benchmarks.run import Run
from gatewise.engine import _native

NAMES = [system.name for system in SYSTEMS]
HELD = Run("amd-25-17-avx512", "avx2", held=True)
FREE = Run("amd-25-17-avx512", "avx512", held=False)


def test_every_system_has_its_line_in_the_table():
    assert set(isa.HOLDS) == {*NAMES, isa.OURS_ON_JAX}
    assert {system.held_as or system.name for system in TRAINERS} <= set(isa.HOLDS)


def test_ours_in_training_holds_the_engine_and_what_jax_compiles():
    ours = HELD.hold(TRAINERS)[0]
    assert ours.settings == {"GATEWISE_ISA": "avx2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}


@pytest.mark.parametrize("name", isa.WORDS)
def test_ours_gets_the_name_that_the_engine_knows(name):
    assert isa.switches("Gatewise", name) == {"GATEWISE_ISA": name}


def test_the_engine_has_no_set_that_the_table_lacks():
    assert set(_native.isas()) <= set(isa.WORDS)


def test_avx2_is_said_in_each_systems_own_words():
    assert {name: isa.switches(name, "avx2") for name in NAMES} == {
        "Gatewise": {"GATEWISE_ISA": "avx2"},
        "PyTorch": {
            "ATEN_CPU_CAPABILITY": "avx2",
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        },
        "ONNX Runtime": {},
        "OpenVINO": {"ONEDNN_MAX_CPU_ISA": "AVX2", "OV_CPU_MAX_ISA": "AVX2"},
        "Keras-TF": {"ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        "Keras-JAX": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        "Flax": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
    }


@pytest.mark.parametrize("name", ["baseline", "avx2", "avx512", "amx"])
def test_only_a_peer_without_a_switch_is_free_on_x86(name):
    assert isa.free(NAMES, name) == ["ONNX Runtime"]


def test_a_held_run_gives_each_worker_its_switches_and_no_others(monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")  # The caller's: not passed on.
    monkeypatch.setenv("GATEWISE_ISA", "baseline")
    for system in HELD.hold(SYSTEMS):
        given = variables(1, system)
        assert {name: given[name] for name in isa.VARIABLES if name in given} == isa.switches(system.name, "avx2")


def test_a_free_run_gives_no_switches(monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    for system in FREE.hold(SYSTEMS):
        assert not isa.VARIABLES & set(variables(None, system))


def test_one_thread_does_not_take_xlas_switch_away(monkeypatch):
    from benchmarks.workers import jax_common

    monkeypatch.setenv("BENCHMARK_THREADS", "1")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=AVX2")
    jax_common.one_thread()
    assert jax_common.os.environ["XLA_FLAGS"].split() == [
        "--xla_cpu_max_isa=AVX2",
        "--xla_cpu_multi_thread_eigen=false",
        "intra_op_parallelism_threads=1",
    ]


def test_the_words_say_who_is_held_who_is_free_and_what_is_not_reached():
    text = isa.sentence(["Gatewise", "ONNX Runtime", "Keras-JAX", "Flax"], "avx2", held=True)
    assert text == (
        "Held to AVX2: Gatewise (GATEWISE_ISA), Keras-JAX (XLA_FLAGS), Flax (XLA_FLAGS). Free, for want of a switch: "
        "ONNX Runtime. Not held: the matrix products that XLA leaves to YNNPACK (Keras-JAX, Flax)."
    )
    assert "Held" not in isa.sentence(NAMES, "avx512", held=False)


AMD = {"vendor_id": "AuthenticAMD", "cpu family": "25", "model": "17", "stepping": "1"}
INTEL = {"vendor_id": "GenuineIntel", "cpu family": "6", "model": "167"}
ARM = {"CPU implementer": "0x41", "CPU architecture": "8", "CPU part": "0xd40"}


@pytest.mark.parametrize(
    ("cpu", "top", "kind"),
    [
        (AMD, "avx512", "amd-25-17-avx512"),
        (INTEL, "amx", "intel-6-167-amx"),
        (ARM, "neon", "arm-8-0xd40-neon"),
        ({"vendor_id": "Some Vendor/2", "cpu family": "7", "model": "0"}, "avx2", "somevendor2-7-0-avx2"),
    ],
)
def test_a_kind_of_machine_is_a_folders_name(cpu, top, kind):
    assert machine.kind(cpu, top) == kind


def test_a_silent_machine_is_called_by_its_architecture(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert machine.kind({}, "baseline") == "riscv64-baseline"


def test_results_lie_by_kind_and_set(tmp_path):
    assert HELD.folder(tmp_path) == tmp_path / "amd-25-17-avx512" / "avx2"
    assert HELD.ours.worker == OURS.worker
    assert HELD.ours.settings == {"GATEWISE_ISA": "avx2"}
