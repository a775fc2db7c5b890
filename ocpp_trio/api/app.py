"""The API as one ASGI application. Around each request, from outside: error barrier, host check,
authentication, body limit, then the URL map.
"""

from __future__ import annotations

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ocpp_trio.api.auditing import AuditTrail
from ocpp_trio.api.auth import Auth, HostCheck
from ocpp_trio.api.context import Context
from ocpp_trio.api.idempotency import KeptAnswers
from ocpp_trio.api.middleware import BodyLimit, ErrorBarrier
from ocpp_trio.api.operation import Endpoint
from ocpp_trio.api.problems import Problem
from ocpp_trio.api.routes import ROUTES

UPLOADS = frozenset(
    path for path, methods in ROUTES.items() if any(each.upload for each in methods.values())
)


def build_app(context: Context) -> ASGIApp:
    """The application, for hypercorn or an in-process client."""
    app: ASGIApp = UrlMap(context)
    app = BodyLimit(app, context.settings, context.counts, UPLOADS)
    app = Auth(app, context.settings, context.keys, context.counts)
    app = HostCheck(app, context.settings, context.keys)
    return ErrorBarrier(app)


class UrlMap:
    """Finds the endpoint: fixed paths in a table, the others by Starlette's router."""

    def __init__(self, context: Context) -> None:
        kept = KeptAnswers(context)
        trail = AuditTrail(context)
        endpoints = {
            path: Endpoint(context, path, methods, kept, trail) for path, methods in ROUTES.items()
        }
        self._fixed = {path: each for path, each in endpoints.items() if "{" not in path}
        self._router = Router(
            [Route(path, each) for path, each in endpoints.items() if "{" in path],
            redirect_slashes=False,
            default=_not_found,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the endpoint, or raise 404."""
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        endpoint = self._fixed.get(path)
        if endpoint is not None:
            await endpoint(scope, receive, send)
            return
        # `path` is decoded: a slash inside a segment, which no id has, would look like any other.
        if b"%2f" in scope.get("raw_path", b"").lower():
            await _not_found(scope, receive, send)
        await self._router({**scope, "path": path}, receive, send)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    raise Problem("not-found", "there is nothing at this path; /docs lists what there is")
