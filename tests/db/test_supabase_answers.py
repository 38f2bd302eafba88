"""Answers of Supabase's gateways, which are in their own words: each is recognised, with its remedy."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.db.via_supabase import SupabaseDatabase
from core.errors import PayopsError, Refused, Unavailable

PAGE = b"<!doctype html><html><title>Sign in to the proxy</title></html>"
JSON, HTML = "application/json", "text/html; charset=utf-8"


class Gateway(ThreadingHTTPServer):
    """Answers every request with `answer`: a status, a content type, a body, and further headers."""

    answer: tuple[int, str, bytes, dict[str, str]] = (200, JSON, b"null", {})


class Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, kind, body, more = self.server.answer
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | more).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    served = Gateway(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


@pytest.fixture(scope="module")
def supabase(gateway) -> Iterator[SupabaseDatabase]:
    opened = SupabaseDatabase(f"http://127.0.0.1:{gateway.server_address[1]}", "sb_secret_of_the_tests")
    yield opened
    opened.close()


def error_for(gateway: Gateway, supabase: SupabaseDatabase, status: int, kind: str, body: bytes, **more: str):
    gateway.answer = (status, kind, body, {name.replace("_", "-"): value for name, value in more.items()})
    with pytest.raises(PayopsError) as raised:
        supabase.call("schema_fingerprint")
    return raised.value


@pytest.mark.parametrize(
    ("status", "body", "code", "mend"),
    [
        (
            401,
            b'{"message":"Invalid API key","hint":"Double check your Supabase `anon` or `service_role` API key."}',
            "database_key_refused",
            "SUPABASE_SECRET_KEY",
        ),
        (401, b'{"code":"PGRST301","message":"JWSError","details":null,"hint":null}', "database_key_refused", "KEY"),
        (403, b'{"message":"Forbidden"}', "database_key_refused", "SUPABASE_SECRET_KEY"),
        (
            404,
            b'{"code":"PGRST202","message":"Could not find the function payops_api.f in the schema cache"}',
            "schema_cache_stale",
            "payops migrate",
        ),
        (
            406,
            b'{"code":"PGRST106","message":"The schema must be one of the following: public"}',
            "schema_not_exposed",
            "exposed schemas",
        ),
        (540, b'{"message":"Project is paused"}', "database_paused", "Resume"),
        (
            500,
            b'{"code":"57014","message":"canceling statement due to statement timeout"}',
            "database_too_slow",
            "time limit",
        ),
        (504, b'{"code":"PGRST003","message":"Timed out acquiring connection"}', "database_unavailable", "again"),
    ],
)
def test_each_supabase_answer_is_distinguished_with_its_remedy(gateway, supabase, status, body, code, mend):
    error = error_for(gateway, supabase, status, JSON, body)
    assert isinstance(error, Unavailable)
    assert error.code == code
    assert mend in error.detail


def test_too_many_requests_say_when_to_come_again(gateway, supabase):
    error = error_for(gateway, supabase, 429, JSON, b'{"message":"API rate limit exceeded"}', Retry_After="7")
    assert (error.code, error.retry_after_seconds) == ("database_busy", 7)
    page = error_for(gateway, supabase, 429, HTML, PAGE, Retry_After="Fri, 27 Nov 2026 10:00:00 GMT")
    assert (page.code, page.retry_after_seconds) == ("database_busy", 5)


@pytest.mark.parametrize("status", [200, 203, 302, 404, 407])
def test_a_web_page_is_never_taken_for_a_result(gateway, supabase, status):
    error = error_for(gateway, supabase, status, HTML, PAGE)
    assert isinstance(error, Unavailable)
    assert error.code == "not_supabase"
    assert "SUPABASE_URL" in error.detail


def test_an_empty_answer_is_never_taken_for_a_result(gateway, supabase):
    assert error_for(gateway, supabase, 200, JSON, b"").code == "not_supabase"


@pytest.mark.parametrize("status", [502, 503, 520, 522, 525])
def test_a_gateway_without_its_database_is_unavailable(gateway, supabase, status):
    error = error_for(gateway, supabase, status, HTML, PAGE)
    assert isinstance(error, Unavailable)
    assert error.code == "database_unavailable"


def test_a_right_missing_inside_postgres_is_no_wrong_key(gateway, supabase):
    error = error_for(gateway, supabase, 403, JSON, b'{"code":"42501","message":"permission denied for function f"}')
    assert isinstance(error, Unavailable)
    assert error.code == "database_right_missing"
    assert "publishable" in error.detail  # PostgREST says the same to a key of outsiders


def test_our_own_refusals_pass_through(gateway, supabase):
    body = b'{"code":"P0001","message":"refund_too_large","hint":"Only $5.00 is left to refund."}'
    error = error_for(gateway, supabase, 400, JSON, body)
    assert isinstance(error, Refused)
    assert (error.code, error.detail) == ("refund_too_large", "Only $5.00 is left to refund.")
