"""Sets of instructions: what ours and the peers are held to, and how; the one table of switches.

A set is called as the engine calls it: baseline, avx2, avx512, amx, neon. Without `--isa` every system takes what it
likes best. With it, ours and the peers get the switches of the table, each documented by the system it is for; a peer
that has none runs free, and the results say so. What the switches were seen to do is in benchmarks/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

WORDS = {"baseline": "SSE2", "avx2": "AVX2", "avx512": "AVX-512", "amx": "AVX-512 and AMX", "neon": "NEON"}

_ONEDNN = {"baseline": "SSE41", "avx2": "AVX2", "avx512": "AVX512_CORE", "amx": "AVX512_CORE_AMX"}
_XLA = {
    name: f"--xla_cpu_max_isa={value}"
    for name, value in {"baseline": "SSE4_2", "avx2": "AVX2", "avx512": "AVX512", "amx": "AMX"}.items()
}


@dataclass(frozen=True)
class Hold:
    """How a system is held to a set.

    switches: environment variables, each with what to write for a set. Where a system knows no set as low as the
    baseline, it gets its lowest.
    beyond: what the switches do not reach.
    """

    switches: dict[str, dict[str, str]] = field(default_factory=dict)
    beyond: str = ""


OURS_ON_JAX = "Gatewise on JAX"
"""Ours while it trains: the engine has its own switch, what JAX compiles around it has XLA's."""
_XLA_BEYOND = "the matrix products that XLA leaves to YNNPACK"

_ENGINE = {"GATEWISE_ISA": {name: name for name in WORDS}}
HOLDS: dict[str, Hold] = {
    "Gatewise": Hold(_ENGINE),
    OURS_ON_JAX: Hold({**_ENGINE, "XLA_FLAGS": _XLA}, _XLA_BEYOND),
    "PyTorch": Hold(
        {
            "ATEN_CPU_CAPABILITY": {"baseline": "default", "avx2": "avx2", "avx512": "avx512", "amx": "avx512"},
            "ONEDNN_MAX_CPU_ISA": _ONEDNN,
            # Obeyed on Intel's processors only. On AMD's, MKL took AVX2 of its own accord.
            "MKL_ENABLE_INSTRUCTIONS": {
                "baseline": "SSE4_2",
                "avx2": "AVX2",
                "avx512": "AVX512",
                "amx": "AVX512_E4",
            },
        }
    ),
    "ONNX Runtime": Hold(),
    # OpenVINO wants both variables, set alike.
    "OpenVINO": Hold({"ONEDNN_MAX_CPU_ISA": _ONEDNN, "OV_CPU_MAX_ISA": _ONEDNN}),
    "Keras-TF": Hold({"ONEDNN_MAX_CPU_ISA": _ONEDNN, "XLA_FLAGS": _XLA}, _XLA_BEYOND),
    "Keras-JAX": Hold({"XLA_FLAGS": _XLA}, _XLA_BEYOND),
    "Flax": Hold({"XLA_FLAGS": _XLA}, _XLA_BEYOND),
}

# A run decides these; what the caller's environment says is not passed on.
VARIABLES = frozenset(variable for hold in HOLDS.values() for variable in hold.switches)


def switches(system: str, isa: str) -> dict[str, str]:
    """The environment variables that hold a system to a set; none where it has no switch for it."""
    found = HOLDS.get(system, Hold()).switches
    return {variable: values[isa] for variable, values in found.items() if isa in values}


def free(systems: Iterable[str], isa: str) -> list[str]:
    """Those of the systems that no switch holds."""
    return [system for system in systems if not switches(system, isa)]


def sentence(systems: Iterable[str], isa: str, held: bool) -> str:
    """What the set means for the systems of a run, in words for a report."""
    if not held:
        return f"Each system takes the instructions that it likes best; for ours these are {WORDS[isa]}."
    names = list(systems)
    without = free(names, isa)
    holds = [f"{name} ({', '.join(switches(name, isa))})" for name in names if name not in without]
    text = f"Held to {WORDS[isa]}: {', '.join(holds)}."
    if without:
        text += f" Free, for want of a switch: {', '.join(without)}."
    beyond = {name: HOLDS[name].beyond for name in names if name not in without and HOLDS[name].beyond}
    for what in dict.fromkeys(beyond.values()):
        text += f" Not held: {what} ({', '.join(name for name in beyond if beyond[name] == what)})."
    return text
