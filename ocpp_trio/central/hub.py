"""Who is connected. Newest wins: a second connection of an id takes its place at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

REPLACED = "replaced by a newer connection"


class Hub:
    """Sessions by charge point id. All methods are synchronous: no task sees it half changed."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def sessions(self) -> Iterable[Session]:
        """All sessions, as a copy that may be iterated across awaits."""
        return tuple(self._sessions.values())

    def add(self, session: Session) -> bool:
        """Put a session in place; whether one was replaced. An older one of the same id is ended
        with 1008, not waited for: a peer that is gone never answers a close.
        """
        other = self._sessions.get(session.charge_point_id)
        if other is not None and other.connection > session.connection:
            # Admitted earlier, but slower through its handshake.
            session.end(1008, REPLACED)
            return True
        self._sessions[session.charge_point_id] = session
        if other is not None:
            other.end(1008, REPLACED)
        return other is not None

    def remove(self, session: Session) -> None:
        """Take a session out, unless a newer one has its place already."""
        if self._sessions.get(session.charge_point_id) is session:
            del self._sessions[session.charge_point_id]

    def get(self, charge_point_id: str) -> Session | None:
        """The session of a charge point, None if it is not connected."""
        return self._sessions.get(charge_point_id)

    def connected(self, charge_point_id: str) -> bool:
        """Whether a charge point is connected."""
        return charge_point_id in self._sessions

    def set_registration(self, charge_point_id: str, registration: str) -> None:
        """Tell a live session that its charge point was adopted or blocked."""
        session = self._sessions.get(charge_point_id)
        if session is not None:
            session.registration = registration

    def end_all(self, code: int, reason: str) -> None:
        """Close every connection, without waiting: the sessions nursery does."""
        for session in self.sessions():
            session.end(code, reason)

    def end(self, charge_point_id: str, code: int, reason: str) -> None:
        """Close a charge point's connection, without waiting for it."""
        session = self._sessions.get(charge_point_id)
        if session is not None:
            session.end(code, reason)
