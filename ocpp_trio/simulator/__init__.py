"""Charge points of our own: for a demonstration, for load, for tests.

They know the protocol (ocpp_trio.ocppj) and nothing of the central system, so they play against any
OCPP 1.6J central system. A `ChargePoint` acts by itself; a `Station` does what a test tells it.
"""

from ocpp_trio.simulator.by_hand import Station, open_station
from ocpp_trio.simulator.connection import LinkLost
from ocpp_trio.simulator.endpoint import CannotConnect

__all__ = ["CannotConnect", "LinkLost", "Station", "open_station"]
