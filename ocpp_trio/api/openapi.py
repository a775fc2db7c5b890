"""The OpenAPI 3.1 document, made from the definitions that check requests and shape answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ocpp_trio import __version__
from ocpp_trio.api.auth import OPEN_PATHS, READ
from ocpp_trio.api.operation import Operation
from ocpp_trio.api.problems import KINDS, ProblemDetails

Routes = Mapping[str, Mapping[str, Operation]]
Schema = dict[str, Any]

REF = "#/components/schemas/{name}"

_ABOUT = """\
Times are UTC in RFC 3339, energy is in kWh, meter readings are in Wh; what is absent is null. Lists
without `limit` hold everything; `limit` (1 to 1000) and `offset` make pages, `X-Total-Count` says
how many there are, `Link` where the next and previous pages are. Whatever goes wrong is answered
with application/problem+json (RFC 9457)."""

_PATH_PARAMETERS = {
    "charge-points": ("the charge point's id, percent-encoded", {"type": "string"}),
    "charging-profiles": ("the profile's number", {"type": "integer"}),
    "certificate-requests": ("the request's number", {"type": "integer"}),
    "client-certificates": ("the certificate's number", {"type": "integer"}),
    "commands": ("the command's number", {"type": "integer"}),
    "keys": ("the key's number", {"type": "integer"}),
    "jobs": ("the job's number", {"type": "integer"}),
    "review": ("the review item's number", {"type": "integer"}),
    "local-lists": ("the charge point's id, percent-encoded", {"type": "string"}),
    "reservations": ("the reservation's number", {"type": "integer"}),
    "transactions": ("the transaction's number", {"type": "integer"}),
    "command-batches": ("the batch's number", {"type": "integer"}),
}


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 visible characters; a repeat under the same key is answered as the"
    " first request was, and nothing is done twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def build(routes: Routes) -> Schema:
    """The document of a URL map."""
    operations = [each for methods in routes.values() for each in methods.values()]
    schemas, components = _schemas(operations)
    paths = {
        path: {
            method.lower(): _operation(path, each, schemas, components)
            for method, each in methods.items()
        }
        for path, methods in routes.items()
    }
    queries = {each.query.__name__ for each in operations}
    shown = {name: schema for name, schema in components.items() if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {"title": "ocpp-trio", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": shown,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "an API key; not needed for local requests to a server that"
                    " listens on loopback and has no key",
                }
            },
        },
    }


def kinds_of(path: str, each: Operation) -> list[str]:
    """The kinds of problem an operation can answer with, by status."""
    kinds = {"internal-error", *each.problems}
    if (
        each.query.__struct_fields__
        or each.body
        or each.query.__struct_config__.forbid_unknown_fields
    ):
        kinds.add("invalid-request")
    if path not in OPEN_PATHS:
        kinds |= {"unauthorized", "too-many-failures", "wrong-host", "database-unavailable"}
    if each.idempotent:
        kinds |= {"conflict", "idempotency-conflict"}
    if each.role != READ:
        kinds |= {"forbidden", "cross-site-request"}
    if each.body or each.upload:
        kinds |= {"body-timeout", "body-too-large", "unsupported-media-type"}
    if each.upload:
        kinds.add("too-many-uploads")
    return sorted(kinds, key=lambda kind: (KINDS[kind].status, kind))


def _schemas(operations: list[Operation]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """The schema of each type that an operation names, and the named schemas they refer to."""
    types: list[Any] = [ProblemDetails]
    for each in operations:
        types += [each.query, each.body, each.answer]
        if each.other:
            types.append(each.other.answer)
    wanted = list(dict.fromkeys(kind for kind in types if kind is not None))
    found, components = msgspec.json.schema_components(wanted, ref_template=REF)
    return dict(zip(wanted, found, strict=True)), components


def _operation(
    path: str, each: Operation, schemas: dict[Any, Schema], components: dict[str, Schema]
) -> Schema:
    parameters = [*_path_parameters(path), *_query_parameters(each, components)]
    if each.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    described: Schema = {
        "operationId": each.operation_id,
        "tags": [each.tag],
        "summary": each.summary,
        "description": each.description,
        "parameters": parameters,
        "responses": {str(each.status): _success(each, schemas)} | _problems(path, each),
        "security": [] if path in OPEN_PATHS else [{"key": []}],
        "x-role": each.role,
    }
    if each.also:
        status, about = each.also
        described["responses"][str(status)] = _success(each, schemas) | {"description": about}
    if each.other:
        described["responses"][str(each.other.status)] = {
            "description": each.other.about,
            "content": {"application/json": {"schema": schemas[each.other.answer]}},
        }
    if each.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": schemas[each.body], "example": dict(each.example)}
            },
        }
    if each.upload is not None:
        described["requestBody"] = {
            "required": True,
            "content": {each.upload: {"schema": {"type": "string"}}},
        }
    return described


def _path_parameters(path: str) -> list[Schema]:
    if "{id}" not in path:
        return []
    about, schema = _PATH_PARAMETERS[path.split("/")[2]]
    return [{"name": "id", "in": "path", "required": True, "description": about, "schema": schema}]


def _query_parameters(each: Operation, components: dict[str, Schema]) -> list[Schema]:
    schema = components.get(each.query.__name__, {})
    parameters = []
    for name, declared in schema.get("properties", {}).items():
        shape = _without_null(declared)
        about = shape.pop("description", "")
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "description": about,
            "schema": shape,
        }
        if each.body is None and name in each.example:
            parameter["example"] = each.example[name]
        parameters.append(parameter)
    return parameters


def _without_null(declared: Schema) -> Schema:
    """A query parameter is absent rather than null."""
    shape = {
        key: value
        for key, value in declared.items()
        if key != "anyOf" and (key, value) != ("default", None)
    }
    options = [option for option in declared.get("anyOf", []) if option != {"type": "null"}]
    for option in options:
        shape = {**option, **shape}
    return shape


def _success(each: Operation, schemas: dict[Any, Schema]) -> Schema:
    described: Schema = {"description": {201: "Created", 204: "Done"}.get(each.status, "Success")}
    if each.answer is not None:
        described["content"] = {each.media_type: {"schema": schemas[each.answer]}}
    if schemas.get(each.answer, {}).get("type") == "array":
        described["headers"] = {
            "X-Total-Count": {
                "description": "how many there are in all",
                "schema": {"type": "integer"},
            },
            "Link": {
                "description": "the next and previous page (RFC 8288)",
                "schema": {"type": "string"},
            },
        }
    return described


def _problems(path: str, each: Operation) -> Schema:
    responses: Schema = {}
    for kind in kinds_of(path, each):
        status, title = KINDS[kind]
        text = f"`{kind}`: {title}"
        known = responses.get(str(status))
        if known:
            known["description"] += f". {text}"
        else:
            schema = {"$ref": REF.format(name=ProblemDetails.__name__)}
            responses[str(status)] = {
                "description": text,
                "content": {"application/problem+json": {"schema": schema}},
            }
    return responses
