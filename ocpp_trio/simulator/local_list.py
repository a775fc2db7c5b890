"""The local authorization list of a charge point (OCPP 1.6 sections 3.5.2 and 5.15). Pure."""

from __future__ import annotations

from ocpp_trio.domain.rules import ACCEPTED, tag_key
from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.ocppj.frames import Payload

FAILED = "Failed"
MISMATCH = "VersionMismatch"


class LocalList:
    """The tags that the central system sent. `version` is 0 as long as there are none."""

    def __init__(self, max_length: int, max_sent: int) -> None:
        """`max_length`: tags in the list; `max_sent`: tags in one request."""
        self._max_length = max_length
        self._max_sent = max_sent
        self._infos: dict[str, Payload] = {}
        self.version = 0

    def __len__(self) -> int:
        return len(self._infos)

    def update(self, request: Payload) -> str:
        """Take a SendLocalList.req as a whole or not at all; the status of its answer.

        VersionMismatch: a differential update that is not newer than the list. Failed: too many
        tags, one of them twice, a version below 1, a full list that says nothing of a tag.
        """
        version: int = request["listVersion"]
        entries: list[Payload] = request.get("localAuthorizationList", [])
        sent = {tag_key(entry["idTag"]): entry.get("idTagInfo") for entry in entries}
        if version < 1 or len(entries) > self._max_sent or len(sent) < len(entries):
            return FAILED
        if request["updateType"] == "Full":
            if None in sent.values():
                return FAILED
            infos: dict[str, Payload] = {}
        elif version <= self.version:
            return MISMATCH
        else:
            infos = dict(self._infos)
        for key, info in sent.items():
            if info is None:
                infos.pop(key, None)
            else:
                infos[key] = info
        if len(infos) > self._max_length:
            return FAILED
        self._infos, self.version = infos, version if infos else 0
        return ACCEPTED

    def info(self, id_tag: str, now: int) -> Payload | None:
        """The idTagInfo of a tag that may charge at `now` (ms), None for any other."""
        info = self._infos.get(tag_key(id_tag))
        if info is None or info["status"] != ACCEPTED:
            return None
        expiry = parse_timestamp(info.get("expiryDate"))
        return info if expiry is None or expiry > now else None
