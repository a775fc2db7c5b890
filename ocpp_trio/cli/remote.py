"""The HTTP API of a running server, as verbs of the command line use it."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click

from ocpp_trio.config import Settings

CHUNK = 65_536
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


class Remote(NamedTuple):
    """Where the API is, the key for it, and how long one answer may take (seconds)."""

    url: str
    key: str
    timeout: float


class ApiRefused(click.ClickException):
    """The API did not do what it was asked; exits with 1."""


def default_url(settings: Settings) -> str:
    """Where the API of a server with these settings is, for this machine."""
    scheme = "https" if settings.api_tls else "http"
    host = "localhost" if settings.host in WILDCARDS else settings.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.api_port}"


@contextmanager
def asking(
    remote: Remote, method: str, path: str, body: bytes | None = None, media_type: str = ""
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request, if it is a success; raises ApiRefused with the reason."""
    parts = urlsplit(remote.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ApiRefused(f"{remote.url}: must begin with http:// or https:// and name a host")
    kind = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
    headers = {"Content-Type": media_type} if body is not None else {}
    if remote.key:
        headers["Authorization"] = f"Bearer {remote.key}"
    connection = None
    try:
        connection = kind(parts.hostname, parts.port, timeout=remote.timeout)
        connection.request(method, parts.path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        if response.status not in {200, 201, 204}:
            raise ApiRefused(f"{remote.url}: {_why(response, remote.key)}")
        yield response
    except ssl.SSLError as error:
        raise ApiRefused(f"{remote.url}: TLS: {error}") from None
    except TimeoutError:
        raise ApiRefused(f"{remote.url}: no answer within {remote.timeout:g} s") from None
    except http.client.IncompleteRead:
        raise ApiRefused(f"{remote.url}: the answer broke off") from None
    except (http.client.HTTPException, ValueError) as error:
        raise ApiRefused(f"{remote.url}: this is no HTTP API ({error!r})") from None
    except OSError as error:
        raise ApiRefused(f"{remote.url}: {(error.strerror or str(error)).lower()}") from None
    finally:
        if connection is not None:
            connection.close()


def ask(remote: Remote, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON of an answer, None if it has no body; raises ApiRefused with the reason."""
    sent = None if body is None else json.dumps(body).encode()
    with asking(remote, method, path, sent, "application/json") as response:
        text = response.read()
    return json.loads(text) if text else None


def pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body of an answer; fails if it ends before its announced length."""
    while piece := response.read(CHUNK):
        yield piece
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


def _why(response: http.client.HTTPResponse, key: str) -> str:
    """A refusal in words: the API's own (RFC 9457) where there are some."""
    try:
        problem: Any = json.loads(response.read())
        errors = [f"  {each['field']}: {each['message']}" for each in problem.get("errors", [])]
        return "\n".join([str(problem["detail"]), *errors])
    except (ValueError, KeyError, TypeError, AttributeError):
        hint = "" if key or response.status != http.client.UNAUTHORIZED else "; give --api-key"
        return f"HTTP {response.status}{hint}: is this the port of the HTTP API?"
