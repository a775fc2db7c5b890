"""The OpenAPI document as one HTML page: nothing is loaded, no script is needed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote_plus

from ocpp_trio.api.answers import JSON

SERVER = "http://localhost:9001"
Schema = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0a6; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
summary { padding: .5rem .8rem; cursor: pointer; }
details > div { padding: 0 1rem .5rem; border-top: 1px solid var(--line); }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .7rem; border-radius: .4rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; }
th { border-bottom: 1px solid var(--line); font-weight: 600; }
.method { display: inline-block; min-width: 4.2rem; font-weight: 700; color: var(--accent); }
.role { float: right; opacity: .7; font-size: .85rem; }
nav a { margin-right: 1rem; }
"""


def render(document: Schema) -> str:
    """The page of an OpenAPI document as ocpp_trio.api.openapi makes it."""
    info = document["info"]
    sections = []
    for tag in document["tags"]:
        name = tag["name"]
        parts = [f'<h2 id="{_anchor(name)}">{escape(name)}</h2>']
        parts += [
            _operation(method, path, each)
            for path, methods in document["paths"].items()
            for method, each in methods.items()
            if name in each["tags"]
        ]
        sections.append("\n".join(parts))
    links = " ".join(
        f'<a href="#{_anchor(tag["name"])}">{escape(tag["name"])}</a>' for tag in document["tags"]
    )
    schemas = "\n".join(
        _schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])} HTTP API</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(info["title"])} {escape(info["version"])}: HTTP API</h1>
<p>{_text(info["description"])}</p>
<p>Where a key is needed, add <code>-H "Authorization: Bearer $OCPP_API_KEY"</code> to a call.
Roles, each with what those before it may do: read, operate, admin. For programs:
<a href="/openapi.json">/openapi.json</a>.</p>
<nav>{links} <a href="#schemas">Schemas</a></nav>
{"".join(sections)}
<h2 id="schemas">Schemas</h2>
{schemas}
</body>
</html>
"""


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _text(text: str) -> str:
    """Text with `code` in it."""
    pieces = escape(text).split("`")
    return "".join(
        f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces)
    )


def _operation(method: str, path: str, each: Schema) -> str:
    role = each["x-role"] if each["security"] else "open"
    parts = [f"<p>{_text(each['description'])}</p>" if each["description"] else ""]
    if each["parameters"]:
        parameters = [
            (
                f"<code>{escape(item['name'])}</code>",
                item["in"] + (", required" if item["required"] else ""),
                _type(item["schema"]),
                _text(item["description"]),
            )
            for item in each["parameters"]
        ]
        parts.append(_table(("Parameter", "In", "Type", ""), parameters))
    body = each.get("requestBody")
    if body:
        kind, content = next(iter(body["content"].items()))
        shape = _type(content["schema"]) if kind == JSON else f"{escape(kind)}, a file"
        parts.append(f"<p>Body: {shape}</p>")
    parts.append(f"<pre>{escape(curl(method, path, each))}</pre>")
    rows = [
        (status, _answer(found), _text(found["description"]))
        for status, found in each["responses"].items()
    ]
    parts.append(_table(("Status", "Answer", ""), rows))
    return (
        f'<details id="{escape(each["operationId"])}"><summary><span class="role">{role}</span>'
        f'<span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
        f"{_text(each['summary'])}</summary><div>{''.join(parts)}</div></details>"
    )


def curl(method: str, path: str, each: Schema) -> str:
    """A command line that calls an operation, with its example."""
    identity = "CP001" if path.startswith("/api/charge-points/") else "1"
    url = SERVER + path.replace("{id}", identity)
    examples = [
        f"{item['name']}={quote_plus(str(item['example']))}"
        for item in each["parameters"]
        if "example" in item
    ]
    if examples:
        url += "?" + "&".join(examples)
    words = ["curl"]
    if method.upper() != "GET":
        words += ["-X", method.upper()]
    words.append(url)
    line = shlex.join(words)
    body = each.get("requestBody")
    if body:
        kind, content = next(iter(body["content"].items()))
        data = "--data-binary @FILE"
        if kind == JSON:
            data = f"-d {shlex.quote(json.dumps(content['example']))}"
        line += f" \\\n  -H 'Content-Type: {kind}' \\\n  {data}"
    return line


def _answer(response: Schema) -> str:
    return ", ".join(_type(content["schema"]) for content in response.get("content", {}).values())


def _schema(name: str, schema: Schema) -> str:
    required = schema.get("required", [])
    rows = [
        (
            f"<code>{escape(field)}</code>",
            "required" if field in required else "",
            _type(shape),
            _text(_about(shape)),
        )
        for field, shape in schema.get("properties", {}).items()
    ]
    return (
        f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>'
        f"<p>{_text(schema.get('description', ''))}</p>"
        f"{_table(('Field', '', 'Type', ''), rows)}"
    )


def _about(shape: Schema) -> str:
    """A field's description; that of a field which may be null stands one level down."""
    options = [shape, *shape.get("anyOf", [])]
    return next((each["description"] for each in options if "description" in each), "")


def _type(shape: Schema) -> str:
    if "$ref" in shape:
        name = shape["$ref"].rsplit("/", 1)[1]
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    if "anyOf" in shape:
        return " or ".join(_type(option) for option in shape["anyOf"])
    if "enum" in shape:
        return " | ".join(f"<code>{escape(str(word))}</code>" for word in shape["enum"])
    if shape.get("type") == "array":
        return f"list of {_type(shape.get('items', {}))}"
    words = [str(shape.get("format") or shape.get("type") or "any")]
    words += [
        f"{sign} {shape[limit]}"
        for limit, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if limit in shape and abs(shape[limit]) < 2**31
    ]
    if "maxLength" in shape:
        words.append(f"up to {shape['maxLength']} characters")
    return escape(" ".join(words))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{lines}</table>"
