"""The settings of what peers may do, how much and for how long. Part of ocpp_trio.settings.

What happened at each limit is counted in ocpp_trio.limits and shown by /api/status.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_trio import values
from ocpp_trio.values import variable as _var


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """Durations are seconds, sizes bytes."""

    # Charge point connections.
    max_connections: int = _var(
        "OCPP_MAX_CONNECTIONS",
        "20000",
        values.integer(1, 1_000_000),
        "charge points connected at once; more are told to come later (503)",
    )
    handshake_timeout: float = _var(
        "OCPP_HANDSHAKE_TIMEOUT",
        "10",
        values.seconds(0.1, 300),
        "WebSocket handshake, TLS included",
    )
    max_handshakes: int = _var(
        "OCPP_MAX_HANDSHAKES",
        "4096",
        values.integer(1, 1_000_000),
        "connections whose handshake is not complete; past it the oldest is closed",
    )
    max_waiting_per_address: int = _var(
        "OCPP_MAX_WAITING_PER_ADDRESS",
        "256",
        values.integer(1, 1_000_000),
        "connections of one address that wait on either port; past it its oldest is closed",
    )
    waiting_grace: float = _var(
        "OCPP_WAITING_GRACE",
        "2",
        values.seconds(0, 60),
        "a younger connection is not closed for being one too many of its address",
    )
    max_message_size: int = _var(
        "OCPP_MAX_MESSAGE_SIZE",
        "1048576",
        values.integer(1024, 64 * 1024 * 1024),
        "size of one message; a larger one closes the connection with 1009",
    )
    max_fragments: int = _var(
        "OCPP_MAX_FRAGMENTS",
        "1024",
        values.integer(1, 1_000_000),
        "frames of one message; more close the connection with 1008",
    )
    max_unusable: int = _var(
        "OCPP_MAX_UNUSABLE",
        "10",
        values.integer(1, 1_000_000),
        "messages a minute that are no OCPP at all; as many close the connection with 1007",
    )
    message_rate: int = _var(
        "OCPP_MESSAGE_RATE",
        "500",
        values.integer(10, 1_000_000),
        "frames a second read from one charge point; what is more waits on its side",
    )
    message_burst: int = _var(
        "OCPP_MESSAGE_BURST",
        "10000",
        values.integer(1, 100_000_000),
        "frames beyond the rate that are read at once: a charge point that was offline has many",
    )
    send_timeout: float = _var(
        "OCPP_SEND_TIMEOUT",
        "10",
        values.seconds(0.1, 300),
        "a send that takes longer ends the connection",
    )
    # The HTTP API.
    max_http_connections: int = _var(
        "OCPP_MAX_HTTP_CONNECTIONS",
        "1024",
        values.integer(1, 1_000_000),
        "connections to the API; past it the oldest idle one is closed, else the newest told 503",
    )
    header_timeout: float = _var(
        "OCPP_HEADER_TIMEOUT",
        "5",
        values.seconds(0.1, 300),
        "an idle HTTP connection is closed after this",
    )
    max_body_size: int = _var(
        "OCPP_MAX_BODY_SIZE",
        "1048576",
        values.integer(1024, 1024**3),
        "size of an HTTP request body",
    )
    body_timeout: float = _var(
        "OCPP_BODY_TIMEOUT",
        "10",
        values.seconds(0.1, 600),
        "time for a whole HTTP request body to arrive",
    )
    max_upload: int = _var(
        "OCPP_MAX_UPLOAD", "67108864", values.integer(1024, 2**34), "size of a file uploaded"
    )
    max_uploads: int = _var(
        "OCPP_MAX_UPLOADS", "4", values.integer(1, 1000), "uploads under way at once"
    )
    upload_timeout: float = _var(
        "OCPP_UPLOAD_TIMEOUT", "60", values.seconds(0.1, 3600), "time for a whole upload to arrive"
    )
    limits_interval: float = _var(
        "OCPP_LIMITS_INTERVAL",
        "60",
        values.seconds(0.05, 86400),
        "between warnings of limits that were reached since",
    )
