"""Commands kept for their charge points: end those whose time is over, send what can go."""

from __future__ import annotations

from ocpp_trio.central.context import Central
from ocpp_trio.errors import CommandExpired
from ocpp_trio.store import commands


async def tend_queue(central: Central) -> None:
    """One look. Most commands go out when their station boots; a look finds those that could not:
    the station was adopted since, or the database failed at the time. First come outcomes
    that it did not take then.
    """
    await central.outcomes.catch_up(central)
    if central.node.leads and await central.database.read(commands.is_due, central.now()):
        for command_id in await central.database.write(commands.expire, central.now()):
            error = CommandExpired("the charge point was not there in time; nothing was sent")
            central.queue.over(command_id, None, error)
    for charge_point_id in central.queue.expected:
        session = central.hub.get(charge_point_id)
        if session is not None:
            central.queue.feed(session)
