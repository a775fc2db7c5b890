"""The one thing a run asks of the HTTP API: that its tags may charge."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

import trio

from ocpp_trio.errors import OcppTrioError

PATH = "/api/authorizations"
MAX_DETAIL = 300


class ApiError(OcppTrioError):
    """The HTTP API did not do what it was asked; the text says what and why, for a person."""


async def register_tags(
    url: str,
    key: str | None,
    tags: Sequence[str],
    *,
    timeout: float,  # noqa: ASYNC109 - of the socket, in a thread
) -> None:
    """Store every tag with status Accepted over the API at `url`; raises ApiError.

    `timeout` in seconds for one request. If cancelled, the thread is left to its end.
    """
    work = partial(_register, url, key, tags, timeout)
    await trio.to_thread.run_sync(work, abandon_on_cancel=True)


def _register(url: str, key: str | None, tags: Sequence[str], timeout: float) -> None:
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host:
        raise ApiError(f"{url}: must begin with http:// or https:// and name a host")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    path = parts.path.rstrip("/") + PATH
    try:
        for tag in tags:
            body = json.dumps({"idTag": tag, "status": "Accepted"})
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            text = response.read()
            if response.status not in {200, 201}:
                raise ApiError(f"{url}: {_explained(response.status, text, key)}")
    except ssl.SSLError as error:
        raise ApiError(f"{url}: TLS: {error}") from None
    except TimeoutError:
        raise ApiError(f"{url}: no answer within {timeout:g} s") from None
    except OSError as error:
        raise ApiError(f"{url}: {(error.strerror or str(error)).lower()}") from None
    except http.client.HTTPException as error:
        raise ApiError(f"{url}: this is no HTTP API ({error!r})") from None
    finally:
        connection.close()


def _explained(status: int, body: bytes, key: str | None) -> str:
    """A refusal in words; the API's own (RFC 9457) where there are some."""
    hints = {
        400: "the API did not understand the request: is this the port of the HTTP API?",
        401: "the API does not take this --api-key" if key else "the API wants a key: --api-key",
        403: "this key may not register tags: give another with --api-key",
        404: f"there is no {PATH}: is this the port of the HTTP API?",
        405: f"POST {PATH} is not allowed: is this the port of the HTTP API?",
        415: "the API does not take JSON",
        429: "too many requests: try again later",
    }
    try:
        problem = json.loads(body)
        detail = problem.get("detail") or problem.get("title") or ""
    except (ValueError, AttributeError):
        detail = ""
    words = hints.get(status, f"HTTP {status}")
    return f"{words} ({str(detail)[:MAX_DETAIL]})" if detail else words
