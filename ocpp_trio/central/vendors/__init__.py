"""DataTransfer of vendors: one file per vendor.

A module here has `VENDOR_ID`, the vendorId it answers for, and
`async def data_transfer(session, payload) -> Answer`. Every module of this package is taken in:
that is all there is to do to add one. `payload` is that of the DataTransfer (OCPP 1.6 section 4.3).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING

from ocpp_trio.central.vendors.answer import Answer
from ocpp_trio.ocppj.frames import Payload

if TYPE_CHECKING:
    from ocpp_trio.central.session import Session

Handler = Callable[["Session", Payload], Awaitable[Answer]]


def _find() -> dict[str, Handler]:
    found: dict[str, Handler] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{module_info.name}")
        vendor_id = getattr(module, "VENDOR_ID", None)
        if vendor_id is not None:
            found[vendor_id] = module.data_transfer
    return found


VENDORS = _find()
"""Handlers by vendorId."""
