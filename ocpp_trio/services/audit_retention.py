"""Entries of the audit trail are forgotten after OCPP_AUDIT_KEEP."""

from __future__ import annotations

from ocpp_trio.central.context import Central
from ocpp_trio.store import audit

CHUNK = 1000
"""Entries in one transaction: others want to write as well."""


async def forget_audit(central: Central) -> None:
    """Delete the entries that are too old."""
    keep = central.settings.audit_keep
    if not keep:
        return
    oldest = central.now() - int(keep * 1000)
    while await central.database.write(audit.prune, oldest, CHUNK) == CHUNK:
        pass
