"""A second opinion on frames: the official schemas, checked by `jsonschema` in plain Python.

The server checks with another validator, so a fault of either shows. Numbers are decimals here: as
binary fractions many multiples of 0.1 are none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import jsonschema

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

FORMATS = jsonschema.FormatChecker(formats=())


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(RFC_3339.fullmatch(value) and datetime.fromisoformat(value))


FORMATS.checkers["date-time"] = (_is_date_time, ValueError)


@cache
def _validator(name: str) -> Any:
    file = resources.files("ocpp.v16.schemas").joinpath(f"{name}.json")
    schema = json.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    kind = jsonschema.validators.validator_for(schema)
    return kind(schema, format_checker=FORMATS)


def check_request(action: str, payload: Mapping[str, Any]) -> None:
    """Raise jsonschema.ValidationError if a CALL's payload breaks the schema of its action."""
    _check(action, payload)


def check_response(action: str, payload: Mapping[str, Any]) -> None:
    """The same for the payload of a CALLRESULT."""
    _check(f"{action}Response", payload)


def _check(name: str, payload: Mapping[str, Any]) -> None:
    _validator(name).validate(json.loads(json.dumps(payload), parse_float=Decimal))
