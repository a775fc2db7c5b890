"""Pictures of what was measured, from the files that `--json` writes."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from benchmarks.growth import STATIONS, TRANSACTIONS
from benchmarks.options import progress

DOCS = Path(__file__).parents[1] / "docs" / "pictures"
RAW = "raw"
OURS = "ocpp_trio"
BLUE, GREY = "#1f5fa8", "#9aa5b1"


class Bar(NamedTuple):
    """One peer's messages a second: the median, the slowest and the fastest round."""

    name: str
    rate: float
    slowest: float
    fastest: float


class Curve(NamedTuple):
    """A figure by how many others there are."""

    name: str
    counts: Sequence[int]
    figures: Sequence[float]


def bars(report: Mapping[str, Any]) -> list[Bar]:
    """The peers of a load, in the order in which they took turns."""
    return [
        Bar(name, median["rate"], median["slowest"], median["fastest"])
        for name, median in report["medians"].items()
    ]


def of_stations(report: Mapping[str, Any], name: str) -> Curve:
    """What a message of a load costs with ever more stations, in us of CPU."""
    figures = report[name]
    counts = [count for count in STATIONS if str(count) in figures]
    costs = [
        statistics.median(each["cpu_per_message"] for each in figures[str(count)])
        for count in counts
    ]
    return Curve(name, counts, costs)


def of_rows(report: Mapping[str, Any]) -> list[Curve]:
    """What a page takes with ever more transactions, in ms; reports grow with their month."""
    figures = report["p6"]
    counts = [count for count in TRANSACTIONS if str(count) in figures]
    paths = [path for path in figures[str(counts[0])] if "reports" not in path]
    return [Curve(path, counts, [figures[str(count)][path] for count in counts]) for path in paths]


def _save(figure: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # The same picture is the same file.
    figure.savefig(file, metadata={"Date": None})
    progress(f"{file}")


def _draw_bars(pyplot: Any, reports: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    figure, places = pyplot.subplots(1, len(reports), figsize=(9, 2.4), squeeze=False)
    for place, (title, report) in zip(places[0], reports.items(), strict=True):
        found = bars(report)[::-1]
        rates = [bar.rate for bar in found]
        spread = [
            [bar.rate - bar.slowest for bar in found],
            [bar.fastest - bar.rate for bar in found],
        ]
        raw = next((bar.rate for bar in found if bar.name == RAW), 0)
        labels = [f"{bar.name} {bar.rate / raw:.2f} x" if raw else bar.name for bar in found]
        colors = [BLUE if bar.name == OURS else GREY for bar in found]
        place.barh(labels, rates, xerr=spread, color=colors)
        place.locator_params(axis="x", nbins=5)
        place.set_title(f"{title}: messages a second, x raw", fontsize=10)
    figure.tight_layout()
    _save(figure, file)


def _draw_curves(
    pyplot: Any, curves: Sequence[Curve], title: str, by: str, unit: str, file: Path
) -> None:
    figure, place = pyplot.subplots(figsize=(9, 3.2))
    for curve in curves:
        place.plot(curve.counts, curve.figures, marker="o", label=curve.name)
    place.set_xscale("log")
    place.set_ylim(bottom=0)
    place.set(title=title, xlabel=by, ylabel=unit)
    place.legend(fontsize=8)
    place.grid(alpha=0.3)
    figure.tight_layout()
    _save(figure, file)


@click.command("pictures", short_help="draw what p1, p2 and growth wrote with --json")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=DOCS,
    show_default="docs/pictures",
    help="Where they go.",
)
def main(folder: Path, into: Path) -> None:
    """Draw p1.json, p2.json and growth.json of FOLDER, as far as they are there."""
    try:
        from matplotlib import pyplot, rcParams
    except ImportError:
        sys.exit("pictures need matplotlib: pip install -r benchmarks/requirements-pictures.txt")
    rcParams.update({"svg.hashsalt": "ocpp_trio", "svg.fonttype": "none"})
    reports = {
        name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("p1", "p2", "growth")
        if (folder / f"{name}.json").exists()
    }
    if not reports:
        sys.exit(f"{folder} holds none of p1.json, p2.json, growth.json")
    growth = reports.pop("growth", None)
    if reports:
        _draw_bars(pyplot, reports, into / "loads.svg")
    if growth is not None:
        loads = [of_stations(growth, name) for name in ("p1", "p3")]
        _draw_curves(
            pyplot, loads, "CPU of a message", "stations", "us", into / "growth-stations.svg"
        )
        if "p6" in growth:
            _draw_curves(
                pyplot, of_rows(growth), "A page", "transactions", "ms", into / "growth-rows.svg"
            )
