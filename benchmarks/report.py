"""The pages in Markdown, from the JSON files under a folder of results: `python -m benchmarks.report`."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import isa, peers, readme
from benchmarks.cases import SEQUENCES, WINDOWS
from benchmarks.compare import Row, geometric_mean
from benchmarks.peers import BESIDE, OURS, ROOT
from benchmarks.store import RESULTS, load, pairs
from benchmarks.tables import columns_of, held_names, percent, place, shape, short, systems_of, table
from benchmarks.targets import side_by_side, targets

_KINDS = {
    "forward": "Whole sequences: forward, every step's output returned",
    "step": "One step from Python, the state kept between calls",
    "mixed": "Sequences of 1 to 100 steps in one batch of 32, padded to 100 and masked",
}
_TRAINING_KINDS = {
    "train": "One step of training on a batch: forward, backward, SGD",
    "epoch": f"An epoch of {WINDOWS:,} windows in batches of 32, one number found for each",
    "unequal": f"An epoch of {SEQUENCES:,} sequences of 1 to 100 steps in batches of 32, one number found for each",
}
_PICTURE = "inference.png"


def write(root: Path, only: Path | None = None) -> None:
    """Write the pages beside the JSON files under `root`: one for each machine and set, and one of all side by side.

    With `only`, of the pages of one machine and set that one alone is written again.
    """
    for folder in pairs(root) if only is None else [only]:
        _write_pair(folder)
    write_index(root)


def _write_pair(folder: Path) -> None:
    found = load(folder)
    machine = next(iter(found.values()))["machine"]
    lines = [
        f"# {place(machine)}",
        "",
        "Written by `make bench`; how it is measured is in [the benchmarks' README](../../../README.md), other "
        "machines and sets are in [the folder's](../../README.md).",
        "",
    ]
    if "inference" in found:
        lines += _inference(found["inference"])
        if found["inference"]["rows"]:
            _draw(folder)
    if "training" in found:
        lines += _training(found["training"])
    if "serving" in found:
        lines += serving_lines(found["serving"])
    if "latency" in found:
        lines += latency_lines(found["latency"])
    if "lengths" in found:
        lines += lengths_lines(found["lengths"])
    lines += [f"## Targets; {place(machine)}", "", *side_by_side({place(machine): targets(found)})]
    _write_lines(folder / "README.md", lines)


def write_index(root: Path) -> None:
    """Write the page of all machines and sets."""
    lines = [
        "# Results",
        "",
        "Written by `make bench`; how it is measured is in [the benchmarks' README](../README.md). A folder holds the "
        "last results of one kind of machine (vendor, family and model of its processor, and its highest set of "
        "instructions), a folder in it those with one set.",
        "",
    ]
    found = {folder: load(folder) for folder in pairs(root)}
    columns = {}
    for folder, results in found.items():
        machine = next(iter(results.values()))["machine"]
        link = f"[{place(machine)}]({folder.relative_to(root).as_posix()}/README.md)"
        lines.append(f"- {link}: {machine['processor']}, {machine['date'][:10]}, commit {machine['commit']}")
        columns[place(machine)] = targets(results)
    lines += ["", "## Targets", "", *side_by_side(columns)]
    for folder in sorted({path.parent for path in root.glob("*/footprint.json")}):
        lines += footprint_lines(load(folder)["footprint"])
    _write_lines(root / "README.md", lines)


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines).rstrip() + "\n")


def _draw(folder: Path) -> None:
    """The picture, drawn in the environment that has matplotlib."""
    files = [str((folder / name).resolve()) for name in ("inference.json", _PICTURE)]
    command = [str(peers.ensure("plot")), "-m", "benchmarks.chart", *files]
    subprocess.run(command, check=True, cwd=ROOT)


# -- ours and theirs --------------------------------------------------------------------------------------------------


def _inference(results: dict[str, Any]) -> list[str]:
    rows, here = results["rows"], place(results["machine"])
    lines = [f"![Each system's time over Gatewise's]({_PICTURE})", "", *_summary(rows)] if rows else []
    lines += _machine(results["machine"])
    if rows:
        lines += _holding(results)
    for threads in dict.fromkeys(row["threads"] for row in rows):
        words = "one thread, on one core" if threads == 1 else "each system's default threads"
        for kind, title in _KINDS.items():
            chosen = [row for row in rows if row["threads"] == threads and row["case"]["kind"] == kind]
            if chosen:
                lines += [f"## {title}; {words}; {here}", "", *_times(chosen), *_means(chosen), ""]
    if "precision" in results:
        lines += _precision(results["precision"], here)
    if rows:
        lines += _limits(results, here) + _ways(rows, here)
    return lines + (_scaling(results["scaling"], here) if "scaling" in results else [])


def _holding(results: dict[str, Any]) -> list[str]:
    return [isa.sentence(held_names(results["rows"]), results["machine"]["isa"], results["machine"]["held"]), ""]


def _summary(rows: list[Row]) -> list[str]:
    judged = [row for row in rows if row["ratio"] is not None]
    lost = [row for row in judged if row["ratio"] < 1]
    mean = geometric_mean([row["ratio"] for row in judged])
    lines = [
        f"Gatewise is first in {len(judged) - len(lost)} of {len(judged)} cases. Ratios are the best peer's median "
        f"time over ours, so above 1 ours is faster; their geometric mean is {mean:.2f}.",
        "",
    ]
    if lost:
        lines += ["A peer is faster in:", ""]
        lines += [
            f"- {row['case']['kind']} {shape(row)}, {_threads(row)}: {row['winner']}; "
            f"ours takes {1 / row['ratio']:.2f} times as long"
            for row in lost
        ]
        lines.append("")
    return lines


def _threads(row: Row) -> str:
    return "one thread" if row["threads"] == 1 else "default threads"


def _machine(machine: dict[str, Any]) -> list[str]:
    caches = ", ".join(f"{level} {size >> 10:,} KB" for level, size in machine["cache_bytes"].items())
    versions = ", ".join(f"{name} {version}" for name, version in sorted(machine["versions"].items()))
    return [
        f"Measured {machine['date']} at commit {machine['commit']} on {machine['cores']} cores of "
        f"{machine['processor']}; {' '.join(machine['flags'])}; {caches}; {machine['system']}, "
        f"Python {machine['python']}; load {machine['load_at_start']:.1f} at the start."
        + (f" {versions}." if versions else ""),
        "",
    ]


def _times(rows: list[Row]) -> list[str]:
    names = columns_of(rows)
    head = ["microseconds (median)", *names, "best peer / ours", "first"]
    return table(head, ([shape(row), *_cells(row, names), _ratio(row), str(row["winner"])] for row in rows))


def _cells(row: Row, names: list[str]) -> Iterator[str]:
    for name in names:
        result = row["systems"].get(name, {})
        if "median_us" not in result:
            yield "failed" if "failed" in result else "-"
        else:
            text = short(result["median_us"])
            yield f"**{text}**" if name == row["winner"] else text


def _ratio(row: Row) -> str:
    return "-" if row["ratio"] is None else f"{row['ratio']:.2f}"


def _means(rows: list[Row]) -> list[str]:
    """Geometric means of each peer's time over ours, for the cells apart and together."""
    lines = []
    for cell in dict.fromkeys(row["case"]["cell"] for row in rows):
        chosen = [row for row in rows if row["case"]["cell"] == cell]
        chosen = [row for row in chosen if row["ratio"] is not None]
        if not chosen:
            continue
        best = geometric_mean([row["ratio"] for row in chosen])
        each = ", ".join(
            f"{name} {_mean_over_ours(chosen, name):.2f}" for name in systems_of(chosen) if name != OURS.name
        )
        lines.append(f"Geometric mean, {cell.upper()}: best peer / ours {best:.2f}; {each}.")
        lines.append("")
    return lines[:-1]


def _median(row: Row, name: str) -> float | None:
    """A system's time in a row; None where it failed or did not run."""
    found = row["systems"].get(name, {}).get("median_us")
    return None if found is None else float(found)


def _mean_over_ours(rows: list[Row], name: str) -> float:
    pairs = [(_median(row, name), _median(row, OURS.name)) for row in rows]
    return geometric_mean([theirs / ours for theirs, ours in pairs if theirs and ours])


# -- precision --------------------------------------------------------------------------------------------------------


def _precision(results: dict[str, Any], here: str) -> list[str]:
    what = (
        "The set multiplies bfloat16 numbers itself: weights, inputs and states are rounded for the products."
        if results["instructions"]
        else "The set has no instructions for bfloat16: weights are rounded, and products are made in float32."
    )
    head = ["forward", "threads", "float32, us", "bfloat16, us", "float32 / bfloat16"]
    head += ["largest error, float32", "largest error, bfloat16"]
    return [
        f"## bfloat16 beside float32 (ours); {here}",
        "",
        f'`precision="bfloat16"`, in turn with float32. {what} Errors are those of all outputs, which lie in (-1, 1), '
        "against the float64 reference.",
        "",
        *table(head, map(_precision_cells, results["rows"])),
    ]


def _precision_cells(row: Row) -> list[str]:
    plain, rounded = (row["precisions"][name] for name in ("float32", "bfloat16"))
    errors = [f"{each['largest_errors'][each['call']]:.1e}" for each in (plain, rounded)]
    times = [short(plain["median_us"]), short(rounded["median_us"]), f"{row['ratio']:.2f}"]
    return [shape(row), str(row["threads"]), *times, *errors]


# -- the machine's limits ---------------------------------------------------------------------------------------------


def _limits(results: dict[str, Any], here: str) -> list[str]:
    limits = sorted(results["limits"], key=lambda limit: limit["threads"])
    levels = list(limits[0]["read"])
    head = ["measured in this run", "multiply-adds, GFLOP/s", *(f"{level} reads, GB/s" for level in levels)]
    body = [
        [f"{limit['threads']} thread{'s' if limit['threads'] > 1 else ''}", short(limit["flops"] / 1e9)]
        + [short(limit["read"][level] / 1e9) for level in levels]
        for limit in limits
    ]
    rows = [row for row in results["rows"] if "reached" in row.get("limit", {})]
    return [
        f"## Distance to the machine's limit; {here}",
        "",
        *table(head, body),
        "The peak of multiply-adds is that of this set's float32 vectors. A row that goes by them can take no less "
        "than its multiply-adds at that peak, or than reading its recurrent weights once a step, each core its share: "
        "what fits from L1, the rest from L2 and so on; the larger of the two shares is how near it comes. Operations "
        "are the useful ones, 2 B T g H (I + H). Activations are not counted; they weigh most where H is small. With "
        "AMX, rows with many sequences go by its tiles, six products of bfloat16 parts for each of float32, and may "
        "pass 100%.",
        "",
        *table(
            ["case", "threads", "bound by", "least, us", "ours, us", "GFLOP/s", "of the peak", "of the reads' bound"],
            map(_limit_cells, rows),
        ),
    ]


def _limit_cells(row: Row) -> list[str]:
    ours, limit = row["systems"][OURS.name]["median_us"], row["limit"]
    rate = row["operations"] / ours / 1000
    case = f"{row['case']['kind']} {shape(row)}"
    return [
        case,
        str(row["threads"]),
        limit["bound"],
        short(limit["least_us"]),
        short(ours),
        short(rate),
        percent(limit["of_peak"]),
        percent(limit["of_reads"]),
    ]


def _ways(rows: list[Row], here: str, what: str = "") -> list[str]:
    """Which calls were measured: each system's fastest."""
    lines = [f"## The calls{what}; {here}", ""]
    lines += ["Of several ways to call a system the fastest was measured, for each case anew:", ""]
    for name in systems_of(rows):
        counts: dict[str, int] = {}
        for row in rows:
            way = row["systems"].get(name, {}).get("call")
            if way:
                counts[way] = counts.get(way, 0) + 1
        lines.append(f"- {name}: " + ", ".join(f"`{way}` {count} times" for way, count in counts.items()))
    return [*lines, ""]


# -- growth -----------------------------------------------------------------------------------------------------------


def _scaling(rows: list[dict[str, Any]], here: str) -> list[str]:
    lines = [f"## Odd sizes and growth (ours, default threads); {here}", ""]
    for cell in dict.fromkeys(row["case"]["cell"] for row in rows):
        own = [row for row in rows if row["case"]["cell"] == cell]
        lines += _tails(cell, [row for row in own if row["group"] == "tails"])
        groups = dict.fromkeys(row["group"] for row in own if row["group"] != "tails")
        for group in groups:
            lines += _growth(cell, group, [row for row in own if row["group"] == group])
    return lines


def _sizes(row: dict[str, Any]) -> str:
    case = row["case"]
    return f"({case['batch']},{case['time']},{case['features']},{case['units']})"


def _tails(cell: str, rows: list[dict[str, Any]]) -> list[str]:
    tail, *others = rows
    cost = tail["median_us"] / tail["operations"]
    body = [[_sizes(tail), short(tail["median_us"]), ""]]
    body += [
        [_sizes(row), short(row["median_us"]), f"{cost / (row['median_us'] / row['operations']):.2f}"] for row in others
    ]
    return table([f"{cell.upper()}", "us", "odd size's cost per operation over this one's"], body)


def _growth(cell: str, group: str, rows: list[dict[str, Any]]) -> list[str]:
    """Time per step of one sequence, and how it changes from one size to the next."""
    body, before = [], None
    for row in rows:
        each = row["median_us"] / (row["case"]["batch"] * row["case"]["time"])
        body.append(
            [_sizes(row), short(row["median_us"]), f"{each:.3f}", "" if before is None else f"{each / before:.2f}"]
        )
        before = each
    return table([f"{cell.upper()}, growing {group}", "us", "us a step of one sequence", "over the row above"], body)


# -- training ---------------------------------------------------------------------------------------------------------


def _training(results: dict[str, Any]) -> list[str]:
    rows, here = results["rows"], place(results["machine"])
    lines = [f"## Training; {here}", "", *_machine(results["machine"])]
    if rows:
        lines += [*_summary(rows), *_holding(results)]
    for kind, title in _TRAINING_KINDS.items():
        chosen = [row for row in rows if row["case"]["kind"] == kind]
        if chosen:
            lines += [f"## {title}; each system's default threads; {here}", "", *_times(chosen), *_means(chosen), ""]
    if any(BESIDE in row["systems"] for row in rows):
        lines += [
            f"Gatewise is `train_on_batch` and `fit`, with NumPy arrays. {BESIDE}, takes no part: it is the step as "
            "JAX compiles it, on arrays that JAX holds, as the loops of Flax and of Keras-JAX call theirs.",
            "",
        ]
    lines += _first(results.get("first", []), here) + _memory(results.get("memory", []), here)
    return lines + (_shares_of_peak(rows, here) + _ways(rows, here, " of training") if rows else [])


def _first(rows: list[dict[str, Any]], here: str) -> list[str]:
    """Imports and the first steps in a fresh process."""
    if not rows:
        return []
    body = [[row["name"], *(f"{row[each]:.2f}" for each in ("loading_s", "first_s"))] for row in rows]
    return [
        f"## The first steps of a fresh process; {here}",
        "",
        "Seconds until the system is imported, and of the first two calls of `fit` on one batch of (32,50,8,32), or of "
        "the loop, compilation and all.",
        "",
        *table(["system", "imports, s", "first steps, s"], body),
    ]


def _memory(rows: list[dict[str, Any]], here: str) -> list[str]:
    """Resident memory between steps, and what a step adds."""
    if not rows:
        return []
    body = [[row["name"], *(f"{row[each] / 1e6:,.0f}" for each in ("resting_bytes", "step_bytes"))] for row in rows]
    return [
        f"## Memory of a step, LSTM (32,100,256,512); {here}",
        "",
        *table(["system", "resident between steps, MB", "more at most during a step, MB"], body),
    ]


def _shares_of_peak(rows: list[Row], here: str) -> list[str]:
    judged = [row for row in rows if "reached" in row.get("limit", {})]
    head = ["case", "threads", "bound by", "least, us", "ours, us", "GFLOP/s", "of the peak", "of the reads' bound"]
    return [
        f"## Training's distance to the machine's limit; {here}",
        "",
        "Training makes each product of the layer three times: 6 B T g H (I + H) operations a step.",
        "",
        *table(head, map(_limit_cells, judged)),
    ]


# -- a server's load --------------------------------------------------------------------------------------------------


def serving_lines(results: dict[str, Any]) -> list[str]:
    """What `serving.py` found."""
    streams = results["streams"]
    over = streams["memory_bytes"] / streams["state_bytes"]
    rates = [
        [
            f"{rate['batch']:,}",
            f"{rate['steps_per_second'] / 1e6:.2f}",
            short(rate["push_us"]),
            percent(rate.get("of_peak")),
        ]
        for rate in streams["rates"]
    ]
    return [
        f"## Many streams and many callers (ours); {place(results['machine'])}",
        "",
        f"A pool of {streams['streams']:,} live streams (LSTM of 32 units on 8 features, Dense(1)), pushed by random "
        f"ids. Memory is {over:.2f} times the states' {streams['state_bytes'] / 1e6:,.0f} MB.",
        "",
        *table(["ids in a push", "million steps a second", "us a push", "of the vectors' peak"], rates),
        *_callers(results["callers"]),
    ]


def latency_lines(results: dict[str, Any]) -> list[str]:
    """What `latency.py` found."""
    head = ["streams", "ids in a push", "snapshots beside it", "p50, us", "p99", "p99.9", "longest"]
    own = ["own work p50", "p99", "p99.9", "longest", "pushes"]
    facts = results["machine"]
    return [
        f"## How long a push takes at worst (ours); {place(results['machine'])}",
        "",
        "Every push of a pool by itself: alone, and while another thread writes one snapshot after the other. LSTM of "
        "32 units on 8 features, Dense(1); random ids; `out=`. Own work is what the calling thread did itself, "
        f"without what it waited for. {facts['cores']} cores, of which others wanted {facts['load_at_start']:.1f} at "
        "the start.",
        "",
        *table([*head, *own], map(_latency_cells, results["rows"])),
    ]


def _latency_cells(row: dict[str, Any]) -> list[str]:
    beside = f"{row['snapshots']} of {short(row['snapshot_seconds'])} s" if row["snapshots"] else "none"
    shares = [short(row[prefix + share]) for prefix in ("", "own_") for share in ("p50", "p99", "p999", "max")]
    return [f"{row['streams']:,}", f"{row['rows']:,}", beside, *shares, f"{row['pushes']:,}"]


def _callers(rows: list[dict[str, Any]]) -> list[str]:
    """Calls a second by the number of calling threads."""
    head = ["calls a second from so many threads at once", *map(str, rows[0]["callers"])]
    return table(head, ([f"LSTM {_sizes(row)}", *map(short, row["calls_per_second"])] for row in rows))


# -- sequences of unlike lengths ---------------------------------------------------------------------------------------


def lengths_lines(results: dict[str, Any]) -> list[str]:
    """What `lengths.py` found."""
    rows = results["rows"]
    ways = list(rows[0]["systems"])
    head = ["", "threads", "real steps", *(f"{way}, ms" for way in ways), "ours, a real step", "PyTorch, a real step"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return [
        f"## Sequences of unlike lengths; {place(results['machine'])}",
        "",
        "64 sequences of 1 to 256 steps of 64 numbers, 128 units, padded to 256 and measured in turn. A real step is "
        "what one costs with `lengths=`, or in a PackedSequence, against a step of the same system's batch without "
        "padding. Gradients are those of the weights, forward included.",
        "",
        *table(head, (_lengths_cells(row, ways) for row in rows)),
        f"{versions}; {results['machine']['date']}, commit {results['machine']['commit']}, load at the start "
        f"{results['machine']['load_at_start']:.1f}.",
        "",
    ]


def _lengths_cells(row: dict[str, Any], ways: list[str]) -> list[str]:
    case = row["case"]
    times = {way: row["systems"][way]["median_us"] for way in ways}
    of_a_step = [times[way] / row["share"] / times[padded] for padded, way in (ways[:2], ways[2:])]
    return [
        f"{case['work']}, {case['cell'].upper()}, {case['drawn']}",
        str(row["threads"]),
        percent(row["share"]),
        *(short(time / 1000) for time in times.values()),
        *(f"{cost:.2f}" for cost in of_a_step),
    ]


# -- size and memory --------------------------------------------------------------------------------------------------


def footprint_lines(results: dict[str, Any]) -> list[str]:
    """What `footprint.py` found."""
    imports = results["imports"]
    packages = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in results["packages_bytes"].items())
    growth = results["memory"]
    return [
        f"## Import, disk and memory; {results['machine']['kind']}",
        "",
        *table(
            ["what", "figure"],
            [
                ["`import numpy` in a fresh interpreter, ms (median)", f"{imports['numpy_ms']:.1f}"],
                ["`import gatewise`, NumPy with it, ms", f"{imports['gatewise_ms']:.1f}"],
                ["ratio", f"{imports['ratio']:.2f}"],
                ["base install with its dependencies, MB on disk", f"{results['install_bytes'] / 1e6:.1f}"],
                [f"memory that {growth['calls']:,} `predict` calls add, KB", f"{growth['growth_bytes'] / 1024:.0f}"],
            ],
        ),
        f"In MB: {packages}. Python {results['machine']['python']}, {results['machine']['date']}, "
        f"commit {results['machine']['commit']}.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--root", type=Path, default=RESULTS, help="root of the results; benchmarks/results")
    parser.add_argument(
        "--readme",
        nargs="+",
        metavar="KIND/SET",
        help="only print the README's table, of these results side by side: amd-25-17-avx512/avx512",
    )
    parser.add_argument("--training", action="store_true", help="with --readme: its table of training")
    arguments = parser.parse_args()
    if arguments.readme:
        print("\n".join(readme.lines(arguments.root, arguments.readme, arguments.training)))
    else:
        write(arguments.root)


if __name__ == "__main__":
    main()
