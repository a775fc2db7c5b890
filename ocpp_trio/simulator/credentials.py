"""How a charge point proves who it is: its key and its security profile (Security Whitepaper).

A key and a profile that it was told count from its next connection on.
"""

from __future__ import annotations

from ocpp_trio.domain import station_keys
from ocpp_trio.simulator.plan import Run

KEY = 1
"""The profile of a key, with TLS one more."""
TLS = 2


class Credentials:
    """The key of one charge point, and its security profile, which is never lowered."""

    def __init__(self, charge_point_id: str, run: Run) -> None:
        self._id = charge_point_id
        self._can_use_tls = run.endpoint.is_secure or run.secure_endpoint is not None
        self.key = run.plan.key
        self.profile = 0
        if self.key is not None:
            self.profile = TLS if run.endpoint.is_secure else KEY

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of its handshake."""
        if self.key is None:
            return []
        return [("Authorization", station_keys.authorization(self._id, self.key))]

    def change_key(self, digits: str) -> str:
        """Take a key; the status of ChangeConfiguration.conf (OCPP-J section 6.2.2)."""
        try:
            key = bytes.fromhex(digits)
        except ValueError:
            return "Rejected"
        if station_keys.weakness(key) is not None:
            return "Rejected"
        self.key = key
        return "Accepted"

    def change_profile(self, text: str) -> str:
        """Take a security profile; the status of ChangeConfiguration.conf (use case A05)."""
        highest = TLS if self._can_use_tls else KEY
        allowed = {str(profile) for profile in range(self.profile + 1, highest + 1)}
        if text not in allowed or self.key is None:
            return "Rejected"
        self.profile = int(text)
        return "Accepted"
