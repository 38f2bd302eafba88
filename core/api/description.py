"""The documentation of the payment API: an OpenAPI document, and a page that loads nothing from elsewhere."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from core.api import payments
from core.payments.operations.schemas import Decline, Problem

VERSION = "1"
ABOUT = "Takes payments through Stripe. Each POST takes an Idempotency-Key: the same key and body have one effect."
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 "
    "1.25rem;color-scheme:light dark}"
    "h2{margin-top:2.5rem;font-size:1.15rem}h3{margin-top:2rem;font-size:1rem}"
    "td{padding:.2rem 1rem .2rem "
    "0;vertical-align:top}code,h2,h3{font-family:ui-monospace,monospace;overflow-wrap:anywhere}li{margin:.2rem "
    "0}"
)
_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"


def document(address: str = "http://localhost:8000") -> dict[str, Any]:
    """The OpenAPI document of the payment API at `address`."""
    described = FastAPI()
    described.include_router(payments.router)
    found = get_openapi(title="payops payment API", version=VERSION, description=ABOUT, routes=described.routes)
    schemas = found["components"]["schemas"]
    for model in (Problem, Decline):
        described_model = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= described_model.pop("$defs", {}) | {model.__name__: described_model}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    found["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"bearer": []}]
    found["servers"] = [{"url": address}]
    found["tags"] = [{"name": "payments", "description": "Payments, subscriptions, discounts and saved cards."}]
    return found


async def openapi(request: Request) -> Response:
    return JSONResponse(document(request.app.state.services.settings.api_base_url))


async def docs(request: Request) -> Response:
    """The document as plain HTML, without scripts."""
    found = document()
    operations = [
        _operation(path, method, one) for path, methods in found["paths"].items() for method, one in methods.items()
    ]
    problems = "".join(f"<tr><td>{status}<td>{escape(said)}" for status, said in payments.PROBLEMS.items())
    shapes = [_shape(name, schema) for name, schema in sorted(found["components"]["schemas"].items())]
    body = (
        "<h1>Payment API</h1><p>Send <code>Authorization: Bearer …</code>, and with each POST an "
        "<code>Idempotency-Key</code>: the same key and body have one effect and one answer. The document is at "
        "<a "
        f'href="/api/openapi.json">/api/openapi.json</a>.</p>{"".join(operations)}<h2>Problems</h2><p>Each '
        "operation "
        f"may answer with a {_link('Problem')}.</p><table>{problems}</table><h2>Shapes</h2>{''.join(shapes)}"
    )
    page = f'<!doctype html><html lang="en"><title>Payment API</title><style>{STYLE}</style><body>{body}</body></html>'
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def _operation(path: str, method: str, one: dict[str, Any]) -> str:
    gives = _name(one["responses"]["200"]["content"]["application/json"]["schema"])
    asked = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    named = [parameter["name"] for parameter in one.get("parameters", []) if parameter["in"] != "header"]
    takes = _link(_name(asked)) if asked else ", ".join(f"<code>{escape(name)}</code>" for name in named)
    said = escape(one.get("description", ""))
    return f"<h2>{method.upper()} {escape(path)}</h2><p>{said} Takes {takes}, gives {_link(gives)}.</p>"


def _link(name: str) -> str:
    return f"<a href='#{name}'>{name}</a>"


def _shape(name: str, schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    shapes = [shape["properties"] for shape in schema.get("oneOf", [])]
    either = {field: each for shape in shapes for field, each in shape.items() if each.get("type") != "null"}
    fields = "".join(
        f"<li><code>{escape(field)}</code>{'' if field in needed else ' (optional)'}: {escape(_kind(each))}</li>"
        for field, each in schema.get("properties", either).items()
    )
    return f"<h3 id='{escape(name)}'>{escape(name)}</h3><ul>{fields}</ul>"


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    return _name(schema) if "$ref" in schema else str(schema.get("type", "any"))


def _name(schema: dict[str, Any]) -> str:
    return escape(str(schema.get("$ref", "")).rsplit("/", 1)[-1])
