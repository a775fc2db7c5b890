"""Rounds to medians, medians to a table (Markdown, readable as it is)."""

import dataclasses
import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.measurement import Measurement

BASELINES = ("raw", "python", "node")
"""Peers that the others are given as a multiple of."""

Summary = dict[str, float | None]
"""Medians over the rounds of one peer, by the name of the figure; `slowest` and `fastest` are the
spread of the rate, `load_cpu` is the most that was seen.
"""

COLUMNS: dict[str, tuple[str, str]] = {
    "rate": ("msg/s", "{rate:,.0f}"),
    "spread": ("min-max", "{slowest:,.0f}-{fastest:,.0f}"),
    "cpu_per_message": ("CPU us/msg", "{cpu_per_message:,.0f}"),
    "p50": ("p50 ms", "{p50:.2f}"),
    "p99": ("p99 ms", "{p99:.2f}"),
    "max": ("max ms", "{max:.0f}"),
    "memory": ("KiB/connection", "{memory:.1f}"),
    "connected": ("connected s", "{connected:.2f}"),
    "prepared": ("answered s", "{prepared:.2f}"),
    "cpu_prepared": ("CPU s", "{cpu_prepared:.2f}"),
    "api_p50": ("API p50 ms", "{api_p50:.1f}"),
    "api_p99": ("API p99 ms", "{api_p99:.1f}"),
}
"""Heading and form of each figure that a scenario may show."""


def summarise(rounds: Sequence[Measurement]) -> Summary:
    """The medians of some rounds."""
    figures = [dataclasses.asdict(each) for each in rounds]
    summary: Summary = {}
    for name in figures[0]:
        known = [each[name] for each in figures if each[name] is not None]
        summary[name] = statistics.median(known) if known else None
    rates = [each.rate for each in rounds]
    summary["slowest"], summary["fastest"] = min(rates), max(rates)
    summary["load_cpu"] = max(each.load_cpu for each in rounds)
    return summary


def ratios(summaries: Mapping[str, Summary], figure: str) -> dict[str, dict[str, float]]:
    """A figure of each peer as a multiple of each baseline that took part."""
    found: dict[str, dict[str, float]] = {name: {} for name in summaries}
    for baseline in BASELINES:
        base = summaries.get(baseline, {}).get(figure)
        for name, summary in summaries.items():
            own = summary[figure]
            if base and own is not None:
                found[name][baseline] = own / base
    return found


def cells(summary: Summary, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Heading and text of each column; a figure that was not measured is blank."""
    for column in columns:
        heading, form = COLUMNS[column]
        try:
            yield heading, form.format(**summary)
        except TypeError:
            yield heading, ""


def render(summaries: Mapping[str, Summary], columns: Sequence[str], compare: str) -> str:
    """The table, without a newline at its end."""
    multiples = ratios(summaries, compare)
    baselines = [name for name in BASELINES if name in summaries]
    rows = []
    for name, summary in summaries.items():
        row = {"peer": name, **dict(cells(summary, columns))}
        for baseline in baselines:
            multiple = multiples[name].get(baseline)
            row[f"x {baseline}"] = "" if multiple is None else f"{multiple:.2f}"
        row["load CPU"] = f"{summary['load_cpu']:.0%}"
        rows.append(row)
    return grid([list(rows[0]), *(list(row.values()) for row in rows)])


def grid(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: headings first, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        texts = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(texts)} |"

    rule = [f"{'-' * (width - 1)}:" for width in widths]
    rule[0] = "-" * widths[0]
    return "\n".join([line(rows[0]), line(rule), *map(line, rows[1:])])
