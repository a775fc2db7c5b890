"""What a vendor's handler answers (OCPP 1.6 section 7.20, DataTransferStatus)."""

from __future__ import annotations

from typing import NamedTuple

ACCEPTED = "Accepted"
REJECTED = "Rejected"
UNKNOWN_MESSAGE = "UnknownMessageId"
UNKNOWN_VENDOR = "UnknownVendorId"


class Answer(NamedTuple):
    """A status, and data that goes back with it."""

    status: str
    data: str | None = None
