"""Scenarios, peers and one command that compares them: `python -m benchmarks --help`."""
