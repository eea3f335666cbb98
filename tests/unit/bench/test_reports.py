"""What the benchmarks' reports make of a small result, written out by hand."""

from __future__ import annotations

import json

import pytest

from benchmarks import readme, report, roofline, serving
from benchmarks.cases import Case
from benchmarks.compare import verdict
from benchmarks.peers import BESIDE
from benchmarks.tables import place
from benchmarks.targets import Target, targets

CACHES = {"L1": 32 << 10, "L2": 1 << 20, "L3": 32 << 20}
# Round figures, so that shares can be worked out in the head: 100 GFLOP/s a core.
LIMITS = [
    {"threads": count, "vector_bytes": 32, "flops": count * 1e11}
    | {"read": {"L1": count * 2e11, "L2": count * 1e11, "L3": count * 5e10, "memory": count * 1e10}}
    for count in (1, 2)
]


def made_row(case, ours_us, peer_us, threads="default"):
    systems = {
        "Gatewise": {"median_us": ours_us, "call": "model(x)"},
        "PyTorch": {"median_us": peer_us, "call": "m(x)"},
    }
    row = {"case": case.as_dict(), "name": case.name, "threads": threads, "systems": systems, **verdict(systems)}
    row |= {"operations": case.operations(), "recurrent_bytes": case.recurrent_bytes()}
    roofline.judge(row, LIMITS, CACHES)
    return row


def made_results(isa="avx2", held=True):
    facts = {"processor": "AMD EPYC", "cores": 2, "flags": ["avx2"], "cache_bytes": CACHES, "system": "Linux"}
    facts |= {"python": "3.11", "commit": "abc", "date": "2026-11-26 12:00 UTC", "load_at_start": 0.0, "versions": {}}
    facts |= {"kind": "amd-25-17-avx512", "isa": isa, "held": held}
    large = Case("forward", "lstm", 256, 50, 256, 512)
    rows = [
        made_row(large, 1e6 * large.operations() / 2e11 / 0.5, 1e6),  # Half of the peak of two cores.
        made_row(Case("forward", "gru", 1, 100, 256, 512), 2000.0, 2100.0),
        made_row(Case("step", "lstm", 1, 1, 8, 32), 1.0, 3.0),
        made_row(large, 1e6, 2e6, threads=1),
    ]
    return {"machine": facts, "limits": LIMITS, "rows": rows}


def made_serving():
    found = {"streams": 1000, "state_bytes": 256_000, "memory_bytes": 300_000}
    found["rates"] = [{"batch": 100, "steps_per_second": 1e7, "push_us": 10.0, "pushes": 3}]
    serving.judge(found, LIMITS)
    callers = [
        {"case": Case("forward", "lstm", 1, 100, 8, 32).as_dict(), "callers": [1, 2], "calls_per_second": [5, 9]}
    ]
    return {"machine": made_results()["machine"], "limits": LIMITS, "streams": found, "callers": callers}


def test_a_row_says_its_share_of_the_peak_of_all_cores():
    row = made_results()["rows"][0]
    assert row["limit"]["bound"] == "operations"
    assert row["limit"]["of_peak"] == pytest.approx(0.5)
    assert row["limit"]["reached"] == row["limit"]["of_peak"]


def test_one_thread_is_held_against_one_core():
    row = made_results()["rows"][3]
    # 2 B T g H (I + H) operations at 100 GFLOP/s, in a second.
    assert row["limit"]["of_peak"] == pytest.approx(2 * 256 * 50 * 4 * 512 * (256 + 512) / 1e11)


def test_one_sequence_is_held_against_the_reads_of_its_recurrent_weights():
    row = made_results()["rows"][1]
    # Each of two cores reads 3 H H floats / 2 a step: 32 KiB from L1, the rest up to 1 MiB from L2, the rest from L3.
    share = 4 * 3 * 512 * 512 / 2
    step = (32 << 10) / 2e11 + ((1 << 20) - (32 << 10)) / 1e11 + (share - (1 << 20)) / 5e10
    assert row["limit"]["bound"] == "L3 reads"
    assert row["limit"]["of_reads"] == pytest.approx(100 * step / 2000e-6)


def test_a_pool_counts_the_products_of_the_lstm_and_of_the_dense_layer():
    rate = made_serving()["streams"]["rates"][0]
    assert rate["of_peak"] == pytest.approx(1e7 * (2 * 4 * 32 * (8 + 32) + 2 * 32) / 2e11)


def test_targets_differ_between_the_sets():
    what = "of the peak: LSTM (256,50,256,512)"
    for isa, least in (("avx2", 0.80), ("avx512", 0.85)):
        found = {each.what: each for each in targets({"inference": made_results(isa)})}
        assert found[what].least == least
        assert found[what].found == pytest.approx(0.5)
        assert found[what].missed


def test_targets_take_only_what_runs_with_default_threads():
    lowest, mean, ahead, *_ = targets({"inference": made_results()})
    assert (lowest.found, lowest.where) == (pytest.approx(1.05), "GRU (1,100,256,512)")
    assert mean.found == pytest.approx(
        (1.05 * 1e6 / made_results()["rows"][0]["systems"]["Gatewise"]["median_us"]) ** 0.5
    )
    assert ahead.found == pytest.approx(1 / 16)


def test_a_missed_target_is_bold_and_says_what_was_wanted():
    assert Target("x", 0.5, 0.8).cell() == "**50%** (80%)"
    assert Target("x", 0.8, 0.8).cell() == "80% (80%)"
    assert Target("x", 1.05, 1.1, share=False, where="here").cell() == "**1.05 at here** (1.10)"
    assert Target("x", None, 0.8).cell() == "- (80%)"
    assert Target("x", 2.0, share=False).cell() == "2.00"


def made_training():
    facts = made_results()
    steps = [
        made_row(Case("train", "lstm", 32, 100, 256, 512), 60_000.0, 90_000.0),
        made_row(Case("train", "gru", 1, 100, 8, 32), 500.0, 550.0),
        made_row(Case("epoch", "lstm", 32, 50, 8, 32), 100_000.0, 350_000.0),
    ]
    steps[0]["systems"][BESIDE] = {"median_us": 1.0, "call": "compiled step"}
    return {
        **{name: facts[name] for name in ("machine", "limits")},
        "rows": steps,
        "first": [{"name": "Gatewise", "loading_s": 0.5, "first_s": 1.5}],
        "memory": [{"name": "Gatewise", "resting_bytes": 250_000_000, "step_bytes": 100_000_000}],
    }


def test_what_is_shown_beside_takes_no_part():
    row = made_training()["rows"][0]
    again = verdict(row["systems"])
    assert (again["winner"], again["best_peer"], again["ratio"]) == ("Gatewise", "PyTorch", 1.5)


def test_targets_of_training():
    found = {each.what: each for each in targets({"training": made_training()})}
    assert found["training step, best peer / ours: lowest"].found == pytest.approx(1.1)
    assert found["training step, best peer / ours: lowest"].missed
    assert found["training step: rows of 16 at 1.2 or more"].found == 1 / 16
    assert found["training step, best peer / ours: geometric mean, LSTM"].found == pytest.approx(1.5)
    assert not found["epoch of fit, best peer / ours: LSTM (32,50,8,32)"].missed
    # 6 B T g H (I + H) operations in 60 ms, over 200 GFLOP/s.
    share = 6 * 32 * 100 * 4 * 512 * (256 + 512) / 60e-3 / 2e11
    assert found["of the peak: training step, LSTM (32,100,256,512)"].found == pytest.approx(share)


def test_the_page_has_training(root):
    folder = root / "amd-25-17-avx512" / "avx2"
    (folder / "training.json").write_text(json.dumps(made_training()))
    report.write(root)
    page = (folder / "README.md").read_text()
    assert "| microseconds (median) | Gatewise | Gatewise, step alone | PyTorch | best peer / ours | first |" in page
    assert "| Gatewise | 0.50 | 1.50 |" in page
    assert "| Gatewise | 250 | 100 |" in page
    assert "Gatewise on JAX (GATEWISE_ISA, XLA_FLAGS)" in page
    lines = readme.lines(root, ["amd-25-17-avx512/avx2"], training=True)
    assert "| epoch of `fit`, LSTM (32,50,8,32) | 100,000 | 350,000 PyTorch | 3.50 |" in lines


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Results of two sets of one kind of machine, as their runs would leave them."""
    monkeypatch.setattr(report, "_draw", lambda folder: None)  # matplotlib lives in an environment of its own.
    for isa, held in (("avx512", False), ("avx2", True)):
        folder = tmp_path / "amd-25-17-avx512" / isa
        folder.mkdir(parents=True)
        (folder / "inference.json").write_text(json.dumps(made_results(isa, held)))
    (folder / "serving.json").write_text(json.dumps(made_serving()))
    return tmp_path


def test_every_section_with_a_table_says_machine_and_set(root):
    report.write(root)
    page = (root / "amd-25-17-avx512" / "avx2" / "README.md").read_text()
    sections = page.split("\n## ")[1:]
    assert len(sections) == 7
    assert all(section.splitlines()[0].endswith("; amd-25-17-avx512, AVX2") for section in sections)
    assert "| forward LSTM (256,50,256,512) | default | operations |" in page
    assert "Held to AVX2: Gatewise (GATEWISE_ISA), PyTorch" in page


def test_the_index_has_a_column_for_each_set(root):
    report.write(root)
    page = (root / "README.md").read_text()
    assert "| found (wanted) | amd-25-17-avx512, AVX2 | amd-25-17-avx512, AVX-512 |" in page
    assert "| of the peak: LSTM (256,50,256,512) | **50%** (80%) | **50%** (85%) |" in page
    assert "[amd-25-17-avx512, AVX2](amd-25-17-avx512/avx2/README.md)" in page


def test_a_push_at_worst_says_what_it_waited_for():
    times = {"p50": 9.8, "p99": 31.0, "p999": 41_000.0, "max": 99_000.0}
    own = {f"own_{share}": 5.0 for share in times}
    row = {"streams": 10_000, "rows": 1, "snapshots": 3, "snapshot_seconds": 0.1, "pushes": 5, **times, **own}
    text = report.latency_lines({"machine": made_results()["machine"], "rows": [row, {**row, "snapshots": 0}]})
    assert "2 cores, of which others wanted 0.0 at the start." in text[2]
    cells = "| 9.80 | 31.0 | 41,000 | 99,000 | 5.00 | 5.00 | 5.00 | 5.00 | 5 |"
    assert text[-3:-1] == [f"| 10,000 | 1 | 3 of 0.10 s {cells}", f"| 10,000 | 1 | none {cells}"]


def test_a_new_run_leaves_the_other_sets_page_alone(root):
    report.write(root)
    other = root / "amd-25-17-avx512" / "avx512" / "README.md"
    other.write_text("untouched")
    report.write(root, only=root / "amd-25-17-avx512" / "avx2")
    assert other.read_text() == "untouched"


def test_the_readmes_table_has_the_sets_side_by_side(root):
    text = readme.lines(root, ["amd-25-17-avx512/avx512", "amd-25-17-avx512/avx2"])
    assert text[0].startswith("AVX-512: 2 cores of AMD EPYC, 2026-11-26, commit abc. Each system takes")
    assert text[2].startswith("AVX2: 2 cores of AMD EPYC, 2026-11-26, commit abc. Held to AVX2")
    assert "| one step of a stream, LSTM (8,32) | 1.00 | 3.00 PyTorch | 3.00 | 1.00 | 3.00 PyTorch | 3.00 |" in text
    assert sum(line.startswith("| LSTM") or line.startswith("| GRU") for line in text) == 2


def test_the_readmes_table_names_what_there_is(root):
    with pytest.raises(
        SystemExit, match=r"no inference.json for amd/avx; there are results of amd-25-17-avx512/avx2, "
    ):
        readme.lines(root, ["amd/avx"])


def test_unlike_lengths_say_what_a_real_step_costs(root):
    times = {"Gatewise, padded": 10e3, "Gatewise, lengths": 3e3, "PyTorch, padded": 20e3, "PyTorch, packed": 200e3}
    row = {"case": {"work": "forward", "cell": "lstm", "drawn": "uniform"}, "threads": 1, "share": 0.25}
    row["systems"] = {name: {"median_us": time} for name, time in times.items()}
    found = {"machine": made_results()["machine"], "versions": {"torch": "2"}, "rows": [row]}
    (root / "amd-25-17-avx512" / "avx2" / "lengths.json").write_text(json.dumps(found))
    report.write(root)
    page = (root / "amd-25-17-avx512" / "avx2" / "README.md").read_text()
    assert "## Sequences of unlike lengths; amd-25-17-avx512, AVX2" in page
    assert "| forward, LSTM, uniform | 1 | 25% | 10.0 | 3.00 | 20.0 | 200 | 1.20 | 40.00 |" in page


def test_a_place_names_kind_and_set():
    assert place(made_results()["machine"]) == "amd-25-17-avx512, AVX2"
