"""Clients that are generated from the OpenAPI document call every operation of a running API and read its answers."""

import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import RETURN, TOKEN, Api, Shop
from tests.api.openapi import tools

COMPILE = ("--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "round_trip.ts")


@pytest.fixture
def document(usual: httpx.Client, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(usual.get("/api/openapi.json").text)
    return path


@pytest.fixture
def given(api: Api, shop: Shop) -> dict[str, str]:
    return {
        "address": str(api.http.base_url).rstrip("/"),
        "token": TOKEN,
        "order": api.order,
        "price": shop.price(4900),
        "plan": shop.plan(9900),
        "code": shop.code(coupon={"percent_off": 10}),
        "page": RETURN,
    }


def expected(given: dict[str, str]) -> dict[str, Any]:
    return {
        "checkout": given["order"],
        "payment": "succeeded",
        "decline": ["card_declined", "insufficient_funds", True],
        "failure": "insufficient_funds",
        "discount": 4410,
        "cards": ["4242"],
        "subscription": "active",
        "cancelled": "canceled",
    }


def test_a_generated_python_client_calls_every_operation(given, document, tmp_path):
    client = tmp_path / "payops_client"
    tools.python_generator("generate", "--path", document, "--meta", "none", "--output-path", client)
    said = tools.run(sys.executable, tools.HERE / "round_trip.py", tmp_path, json.dumps(given))
    assert json.loads(said) == expected(given)


def test_a_generated_typescript_client_calls_every_operation(given, document, tmp_path):
    if not tools.has_npm():
        warnings.warn(tools.NO_NPM, stacklevel=1)
        pytest.skip(tools.NO_NPM)
    tools.run(tools.npm_tool("openapi-typescript"), document, "--output", tmp_path / "api.d.ts")
    (tmp_path / "node_modules").symlink_to(tools.NODE)
    for name in ("round_trip.ts", "package.json"):
        shutil.copy(tools.HERE / name, tmp_path)
    tools.run(tools.npm_tool("tsc"), *COMPILE, where=tmp_path)
    said = tools.run("node", "round_trip.js", json.dumps(given), where=tmp_path)
    assert json.loads(said) == expected(given)
