"""Reading requests: query and body into structs, every fault answered with the field's name.

A struct says all there is to say about a request's part, and the OpenAPI document is made from the
same one. `Lenient` ignores what it does not know, as the endpoints of old clients must; `Strict`
refuses it by name.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
import trio
from msgspec import Meta, Struct
from starlette.types import Receive, Scope

from ocpp_trio.api.problems import Problem, invalid
from ocpp_trio.domain.times import parse_timestamp
from ocpp_trio.limits import Counts

MAX_DEPTH = 20
MAX_PARAMETERS = 50
MAX_SHOWN = 200
INT64_MAX = 2**63 - 1

T = TypeVar("T", bound=Struct)

ChargePointId = Annotated[str, Meta(min_length=1, max_length=48, description="charge point id")]
IdTag = Annotated[str, Meta(min_length=1, max_length=20, description="1 to 20 characters")]
Int64 = Annotated[int, Meta(ge=-INT64_MAX, le=INT64_MAX)]
Moment = Annotated[str, Meta(description="ISO 8601; UTC without a zone")]
Natural = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Note = Annotated[str, Meta(max_length=1000)]


class Lenient(Struct, rename="camel", kw_only=True):
    """A part of a request; unknown fields are ignored."""


class Strict(Lenient, forbid_unknown_fields=True):
    """A part of a request; unknown fields are refused by name."""


class NoQuery(Strict):
    """No parameters."""


class AnyQuery(Lenient):
    """No parameters; others are ignored."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def read_query(struct: type[T], raw: bytes) -> T:
    """The query as a struct. A parameter without value counts as absent, the last of two counts."""
    values: dict[str, str] = {}
    if raw:
        try:
            pairs = parse_qsl(
                raw.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_PARAMETERS,
            )
        except ValueError as error:
            raise Problem("invalid-request", "the query is not percent-encoded UTF-8") from error
        for name, value in pairs:
            if "\0" in value:
                raise invalid(name, "must not contain NUL")
            if value:
                values[name] = value
    try:
        return msgspec.convert(values, struct, strict=False)
    except msgspec.ValidationError as error:
        raise _explained(struct, str(error)) from error


def number_in(text: str) -> int:
    """The number in a path; 0, which nothing has, for what is none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if number <= INT64_MAX else 0


def moment(field: str, text: str | None) -> int | None:
    """A parameter that is a moment, in ms."""
    if text is None:
        return None
    found = parse_timestamp(text)
    if found is None:
        raise invalid(field, "must be a date and time such as 2026-11-23T08:00:00Z")
    return found


async def read_body(receive: Receive, timeout: float, counts: Counts) -> bytes:  # noqa: ASYNC109
    """The whole body within `timeout` seconds; its size is limited by the middleware."""
    chunks = []
    try:
        with trio.fail_after(timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem("invalid-request", "the client went away")
                chunks.append(message.get("body", b""))
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except trio.TooSlowError:
        counts.bodies_too_slow += 1
        raise Problem(
            "body-timeout",
            f"the whole body must arrive within {timeout:g} s",
            headers={"Connection": "close"},
        ) from None


def require_json(scope: Scope) -> None:
    """Refuse a body that does not say it is JSON: a web page can send any other type anywhere."""
    require_type(scope, "application/json")


def require_type(scope: Scope, media_type: str) -> None:
    """Refuse a body that does not say it is of this type."""
    content_type = header(scope, b"content-type") or b""
    if content_type.split(b";", 1)[0].strip().lower() != media_type.encode():
        raise Problem(
            "unsupported-media-type", f"add the header `Content-Type: {media_type}` to a request"
        )


def decode_json(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """A body as a struct. Strict JSON: no NaN, no half characters, no NUL, MAX_DEPTH levels."""
    try:
        body = decoder.decode(raw)
        _refuse_odd(body, raw)
    except RecursionError:
        raise _too_deep() from None
    except msgspec.ValidationError as error:
        raise _explained(decoder.type, str(error)) from error
    except msgspec.DecodeError as error:
        raise Problem("invalid-request", f"the body is not JSON: {error}") from error
    except UnicodeError as error:
        raise Problem("invalid-request", "the body is not UTF-8") from error
    return body


def _too_deep() -> Problem:
    return Problem("invalid-request", f"the body is nested deeper than {MAX_DEPTH} levels")


def _refuse_odd(body: Struct, raw: bytes) -> None:
    has_nul = b"\\u0000" in raw
    # Depth needs as many brackets; most bodies have only one, and are not walked at all.
    if not has_nul and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    waiting: list[tuple[str, Any, int]] = [
        (name, value, 2) for name, value in msgspec.to_builtins(body).items()
    ]
    while waiting:
        field, node, depth = waiting.pop()
        if depth > MAX_DEPTH and isinstance(node, dict | list):
            raise _too_deep()
        if isinstance(node, str) and "\0" in node:
            raise invalid(field, "must not contain NUL")
        if isinstance(node, dict):
            waiting.extend((f"{field}.{key}", key, depth) for key in node)
            waiting.extend((f"{field}.{key}", child, depth + 1) for key, child in node.items())
        elif isinstance(node, list):
            waiting.extend((field, child, depth + 1) for child in node)


_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_NAMED = re.compile(r"Object (missing required|contains unknown) field `([^`]*)`")


def _explained(struct: Any, message: str) -> Problem:
    """A validation error of msgspec as a problem that names the field."""
    place = _PLACE.search(message)
    field = place[1] if place else ""
    text = _PLACE.sub("", message).replace(" | null", "")
    named = _NAMED.match(text)
    if named:
        field = f"{field}.{named[2]}" if field else named[2]
        text = "is required" if named[1] == "missing required" else "is not known here"
    elif text.startswith("Invalid enum value"):
        text = f"must be one of {', '.join(_choices(struct, field))}"
    return invalid(field[:MAX_SHOWN] or "body", text[:MAX_SHOWN])


def _choices(struct: Any, name: str) -> list[str]:
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    kinds = [field.type for field in info.fields if field.encode_name == name]
    found: list[str] = []
    while kinds:
        kind = kinds.pop()
        if isinstance(kind, msgspec.inspect.LiteralType):
            found += [str(value) for value in kind.values]
        elif isinstance(kind, msgspec.inspect.UnionType):
            kinds += kind.types
        elif isinstance(kind, msgspec.inspect.Metadata):
            kinds.append(kind.type)
    return found
