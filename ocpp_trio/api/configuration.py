"""Commands about a charge point's configuration."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from starlette.responses import Response

from ocpp_trio.api.answers import answer
from ocpp_trio.api.operation import Call
from ocpp_trio.api.params import ChargePointId
from ocpp_trio.api.sending import Command, CommandAnswer, SendQuery, command, send, words


class ConfigurationQuery(SendQuery, kw_only=True):
    """Which configuration keys; all without any."""

    charge_point_id: ChargePointId
    keys: Annotated[str, Meta(description="separated by commas")] | None = None


class ConfigurationRequest(Command):
    """Which configuration keys; all without any."""

    keys: list[str] | None = None


class ConfigurationAnswer(CommandAnswer):
    """What the charge point answered, and the configuration in it."""

    configuration_key: list[dict[str, Any]]
    unknown_key: list[str]


@command(
    example={"chargePointId": "CP001", "keys": "HeartbeatInterval,MeterValueSampleInterval"},
    answer=ConfigurationAnswer,
    query=ConfigurationQuery,
)
async def get_configuration(call: Call[ConfigurationQuery, None]) -> Response:
    """Ask a charge point for its configuration."""
    given = (call.query.keys or "").split(",")
    return await _configuration(call, call.query.charge_point_id, [key.strip() for key in given])


@command(
    body=ConfigurationRequest,
    example={"chargePointId": "CP001", "keys": ["HeartbeatInterval"]},
    answer=ConfigurationAnswer,
)
async def post_get_configuration(call: Call[SendQuery, ConfigurationRequest]) -> Response:
    """Ask a charge point for its configuration, by POST."""
    return await _configuration(call, call.body.charge_point_id, call.body.keys or [])


async def _configuration(call: Call[Any, Any], point: str, keys: list[str]) -> Response:
    wanted = list(dict.fromkeys(key for key in keys if key))
    outcome = await send(call, point, "GetConfiguration", {"key": wanted} if wanted else {})
    response = outcome.response
    return answer(
        ConfigurationAnswer(
            **words(point, outcome),
            configuration_key=response.get("configurationKey", []),
            unknown_key=response.get("unknownKey", []),
        )
    )


class ChangeConfiguration(Command):
    """A configuration key and its new value, which is always a text."""

    key: Annotated[str, Meta(min_length=1, max_length=50)]
    value: Annotated[str, Meta(max_length=500)]


@command(
    body=ChangeConfiguration,
    example={"chargePointId": "CP001", "key": "HeartbeatInterval", "value": "60"},
)
async def change_configuration(call: Call[SendQuery, ChangeConfiguration]) -> Response:
    """Ask a charge point to change its configuration.

    A HeartbeatInterval that it takes is told again at its next boot. AuthorizationKey and
    SecurityProfile are refused: the server's own side must change with them.
    """
    body = call.body
    payload = {"key": body.key, "value": body.value}
    outcome = await send(call, body.charge_point_id, "ChangeConfiguration", payload)
    return answer(CommandAnswer(**words(body.charge_point_id, outcome)))
