"""The API described by itself: as an OpenAPI document, and as a page for people."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from starlette.responses import Response

from ocpp_trio.api import openapi
from ocpp_trio.api.answers import answer, page
from ocpp_trio.api.docs_page import render
from ocpp_trio.api.operation import Call, operation
from ocpp_trio.api.params import AnyQuery

TAG = "Documentation"


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; made when it is first asked for."""
    # Imported late: the map holds the operations of this module as well.
    from ocpp_trio.api.routes import ROUTES

    return openapi.build(ROUTES)


@cache
def _encoded() -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(document()))


@cache
def _html() -> str:
    return render(document())


@operation(tag=TAG, answer=dict[str, Any], query=AnyQuery)
async def read_openapi(call: Call[AnyQuery, None]) -> Response:
    """Describe the API as an OpenAPI 3.1 document.

    Needs no key.
    """
    return answer(_encoded())


@operation(tag=TAG, answer=str, media_type="text/html", query=AnyQuery)
async def read_docs(call: Call[AnyQuery, None]) -> Response:
    """Show the API's description as a page.

    Needs no key.
    """
    return page(_html())
