"""May this tag charge? The only place that knows (OCPP 1.6 sections 3.5, 4.1, 4.8, 7.2)."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from ocpp_trio.domain.times import format_timestamp

ACCEPTED = "Accepted"
BLOCKED = "Blocked"
EXPIRED = "Expired"
INVALID = "Invalid"
CONCURRENT = "ConcurrentTx"

STATUSES = (ACCEPTED, BLOCKED, EXPIRED, INVALID)
"""What a stored tag can be; ConcurrentTx is only an answer to a start."""

MAX_ID_TAG = 20


class Tag(Protocol):
    """A stored tag: status, parent_id_tag, expiry_date (ms), max_active_transactions by name."""

    def __getitem__(self, name: str, /) -> Any: ...


class IdTagInfo(NamedTuple):
    """What a charge point is told about a tag: `status`, parent tag, expiry (ms)."""

    status: str
    parent_id_tag: str | None = None
    expiry_date: int | None = None

    def payload(self) -> dict[str, str]:
        """The `idTagInfo` of the wire, without absent fields: strict stations refuse a null."""
        info = {"status": self.status}
        if self.parent_id_tag:
            info["parentIdTag"] = self.parent_id_tag
        expiry = format_timestamp(self.expiry_date)
        if expiry:
            info["expiryDate"] = expiry
        return info


def is_id_tag(text: str) -> bool:
    """Whether a text can be a tag at all: 1 to 20 printable characters (IdToken, section 7.15).

    A NUL, which no database may be given, arrives here as the escape that stands for it.
    """
    return 0 < len(text) <= MAX_ID_TAG and text.isprintable() and "\\u0000" not in text


def tag_key(id_tag: str) -> str:
    """The form in which tags are compared: CiString, so case does not count (section 7.15)."""
    return id_tag.casefold()


def check_tag(tag: Tag | None, now: int) -> IdTagInfo:
    """The status of a stored tag at `now` (ms); None, an unknown tag, is Invalid."""
    if tag is None:
        return IdTagInfo(INVALID)
    status, expiry = tag["status"], tag["expiry_date"]
    if status == ACCEPTED and expiry is not None and expiry <= now:
        status = EXPIRED
    return IdTagInfo(status, tag["parent_id_tag"], expiry)


def have_same_parent(one: Tag | None, other: Tag | None) -> bool:
    """Whether two tags belong together: a tag may stop what another of its parent has started."""
    if one is None or other is None:
        return False
    first, second = one["parent_id_tag"], other["parent_id_tag"]
    return bool(first and second) and tag_key(first) == tag_key(second)


def check_start(tag: Tag | None, now: int, active: int) -> IdTagInfo:
    """The status of a tag that wants to start, with `active` transactions of its own running.

    ConcurrentTx is only for StartTransaction (section 7.2); no limit stored means no limit.
    """
    info = check_tag(tag, now)
    if tag is None or info.status != ACCEPTED:
        return info
    limit = tag["max_active_transactions"]
    return info if limit is None or active < limit else info._replace(status=CONCURRENT)
