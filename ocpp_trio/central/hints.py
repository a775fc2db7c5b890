"""What an installer is told when a tag or a station is turned away: the command that admits it.

Said once for each, up to a bound: a stranger must not fill the log.
"""

from __future__ import annotations

import shlex
from urllib.parse import quote

import msgspec
import structlog

log = structlog.get_logger(source="charge point")

MAX_REMEMBERED = 1000


class Hints:
    """Remembers what was said. `api_url` is how this machine reaches the API, `needs_key` whether
    the API asks for a key.
    """

    def __init__(self, api_url: str = "http://localhost:9001", *, needs_key: bool = False) -> None:
        self._api_url = api_url
        self._needs_key = needs_key
        self._said: set[str] = set()

    def _first(self, what: str) -> bool:
        if what in self._said or len(self._said) >= MAX_REMEMBERED:
            return False
        self._said.add(what)
        return True

    def _curl(self, path: str, body: object | None = None) -> str:
        words = ["curl", "-X", "POST", f"{self._api_url}{path}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json"]
            words += ["-d", msgspec.json.encode(body).decode()]
        line = shlex.join(words)
        # The key itself is shown once, at the first start, and never logged.
        return line + " -H 'Authorization: Bearer <API key>'" if self._needs_key else line

    def refused_tag(self, charge_point_id: str, id_tag: str) -> None:
        """A tag was answered Invalid."""
        if self._first(f"tag {id_tag}"):
            log.warning(
                f"tag {id_tag} was refused; to admit it: "
                + self._curl("/api/authorizations", {"idTag": id_tag}),
                charge_point=charge_point_id,
            )

    def not_accepted(self, charge_point_id: str, registration: str) -> None:
        """A boot was answered Pending or Rejected."""
        if self._first(f"{registration} {charge_point_id}"):
            path = f"/api/charge-points/{quote(charge_point_id, safe='')}/adopt"
            log.warning(
                f"charge point {charge_point_id} is {registration}; to adopt it: "
                + self._curl(path),
                charge_point=charge_point_id,
            )

    def refused(self, charge_point_id: str, why: str, *, is_unknown: bool) -> None:
        """A handshake was refused; `is_unknown`: because nobody registered the id."""
        if not self._first(f"refused {charge_point_id}: {why}"):
            return
        text = f"charge point {charge_point_id} was refused: {why}"
        if is_unknown:
            text += "; to register it: " + self._curl("/api/charge-points", {"id": charge_point_id})
        log.warning(text, charge_point=charge_point_id)
