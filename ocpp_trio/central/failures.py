"""Who tried wrong keys and ids, and how often: guessing is slowed down, and only that.

Only failures count, and never for an id as a whole: whoever guesses a charge point's key from one
address cannot lock it out at another, and those who share an address and have their keys go on.
"""

from __future__ import annotations

import trio

from ocpp_trio.config import Settings
from ocpp_trio.domain.token_buckets import TokenBuckets
from ocpp_trio.limits import address_of


class Failures:
    """Failures of the last OCPP_FAILURE_WINDOW by address, and by address and charge point."""

    def __init__(self, settings: Settings) -> None:
        window, names = settings.failure_window, settings.failures_remembered
        self._by_station = TokenBuckets(settings.station_failures, window, names)
        self._by_address = TokenBuckets(settings.address_failures, window, names)

    def wait(self, address: str, charge_point_id: str) -> float:
        """Seconds until the charge point's key may be tried again from there; 0: at once."""
        return self._by_station.wait(_pair(address, charge_point_id), trio.current_time())

    def wait_at(self, address: str) -> float:
        """Seconds until anything may be tried again from there; 0: at once."""
        return self._by_address.wait(address_of(address), trio.current_time())

    def begin(self, address: str, charge_point_id: str) -> None:
        """A key is tried; it counts as wrong until it turns out to be right.

        Otherwise many could be tried at the same moment.
        """
        self._by_station.take(_pair(address, charge_point_id), trio.current_time())

    def forgive(self, address: str, charge_point_id: str) -> None:
        """The key that was tried was right, or could not be checked."""
        self._by_station.give_back(_pair(address, charge_point_id), trio.current_time())

    def count_at(self, address: str) -> None:
        """A wrong key or an unknown id."""
        self._by_address.take(address_of(address), trio.current_time())


def _pair(address: str, charge_point_id: str) -> str:
    return f"{address_of(address)} {charge_point_id}"
