"""Charge points of our own: for a demonstration, for load, for tests.

They know the protocol (ocpp_trio.ocppj) and nothing of the central system, so they play against any
OCPP 1.6J central system. A `ChargePoint` acts by itself, with faults on demand; a `Station` does
what a test tells it.
"""

from ocpp_trio.simulator.by_hand import Station, open_station
from ocpp_trio.simulator.by_itself import open_charge_point
from ocpp_trio.simulator.charge_point import ChargePoint
from ocpp_trio.simulator.connection import LinkLost
from ocpp_trio.simulator.endpoint import CannotConnect

__all__ = [
    "CannotConnect",
    "ChargePoint",
    "LinkLost",
    "Station",
    "open_charge_point",
    "open_station",
]
