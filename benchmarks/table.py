"""Rounds to medians, medians to a table (Markdown, readable as it is)."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measurement import Measurement

BASELINES = ("raw", "python")
"""Peers that the others are given as a multiple of."""
HEADINGS = (
    *("peer", "msg/s", "min-max", "CPU us/msg", "p50 ms", "p99 ms"),
    *(f"x {name}" for name in BASELINES),
    "load CPU",
)


@dataclass(frozen=True)
class Summary:
    """Medians over the rounds of one peer; `slowest` and `fastest` are the spread of the rate."""

    rate: float
    slowest: float
    fastest: float
    cpu_per_message: float | None
    """Microseconds."""
    p50: float
    """Milliseconds, as is the next."""
    p99: float
    load_cpu: float
    """Cores the load generator used, at most."""


def summarise(rounds: Sequence[Measurement]) -> Summary:
    """The medians of some rounds."""
    rates = [each.rate for each in rounds]
    cpu = [each.cpu_per_message for each in rounds if each.cpu_per_message is not None]
    return Summary(
        rate=statistics.median(rates),
        slowest=min(rates),
        fastest=max(rates),
        cpu_per_message=statistics.median(cpu) if cpu else None,
        p50=statistics.median(each.p50 for each in rounds),
        p99=statistics.median(each.p99 for each in rounds),
        load_cpu=max(each.load_cpu for each in rounds),
    )


def ratios(summaries: Mapping[str, Summary]) -> dict[str, dict[str, float]]:
    """The median rate of each peer as a multiple of each baseline that took part."""
    return {
        name: {
            baseline: summary.rate / summaries[baseline].rate
            for baseline in BASELINES
            if baseline in summaries
        }
        for name, summary in summaries.items()
    }


def render(summaries: Mapping[str, Summary]) -> str:
    """The table, without a newline at its end."""
    multiples = ratios(summaries)
    rows = [
        [
            name,
            f"{each.rate:,.0f}",
            f"{each.slowest:,.0f}-{each.fastest:,.0f}",
            "" if each.cpu_per_message is None else f"{each.cpu_per_message:,.0f}",
            f"{each.p50:.2f}",
            f"{each.p99:.2f}",
            *(f"{multiples[name].get(baseline, float('nan')):.2f}" for baseline in BASELINES),
            f"{each.load_cpu:.0%}",
        ]
        for name, each in summaries.items()
    ]
    rows = [[cell if cell != "nan" else "" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        texts = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(texts)} |"

    rule = [f"{'-' * (width - 1)}:" for width in widths]
    rule[0] = "-" * widths[0]
    return "\n".join([line(HEADINGS), line(rule), *map(line, rows)])
