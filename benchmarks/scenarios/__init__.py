"""The scenarios by name. A new one is a file of its own and a line in `SCENARIOS`."""

from benchmarks.scenarios import p1, p2, p3, p4
from benchmarks.scenarios.base import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario for scenario in (p1.SCENARIO, p2.SCENARIO, p3.SCENARIO, p4.SCENARIO)
}
