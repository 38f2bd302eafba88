"""The checks of every request: hosts, sizes, slow senders, headers, origins; and how defects are answered."""

import asyncio
import socket
import time
from dataclasses import dataclass

import pytest

from core import http_protocol
from core.api import middleware, payments
from tests.api.conftest import PATIENT, TOKEN, Api
from tests.conftest import empty
from tests.db import probes
from tests.db.refusing import DATABASE_REFUSES
from tests.loops import run_apart

MEBIBYTE = 1024 * 1024


def read(http, **headers):
    return http.get(
        "/api/payments/payment-methods",
        params={"patientId": PATIENT},
        headers={"Authorization": f"Bearer {TOKEN}"} | headers,
    )


def raw(http, request: bytes, *, seconds: float = 30.0) -> bytes:
    """What the server says to these very bytes, until it hangs up."""
    address = (http.base_url.host, http.base_url.port)
    with socket.create_connection(address, timeout=seconds) as wire:
        wire.sendall(request)
        said = b""
        while part := wire.recv(65_536):
            said += part
    return said


def head(path: str, length: str = "100") -> bytes:
    """Of a request whose body is still to come."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    "path", ["/api/payments/payment-methods", "/api/openapi.json", "/livez", "/nowhere", "/api/webhooks/stripe"]
)
def test_every_answer_has_the_safe_headers_and_its_requests_id(api, path):
    headers = api.http.get(path, headers={"X-Request-Id": "req-9"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-request-id"] == "req-9"
    assert "access-control-allow-origin" not in headers


def test_on_https_browsers_are_told_to_stay_there(serve, owner, api):
    assert "strict-transport-security" not in api.http.get("/livez").headers
    with serve(API_BASE_URL="https://pay.example.com") as http:
        assert http.get("/livez").headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[::1]", "127.0.0.1.evil.example:80"])
@pytest.mark.parametrize("path", ["/api/payments/payment-methods", "/api/webhooks/stripe", "/api/docs", "/metrics"])
def test_a_wrong_host_is_refused(api, host, path):
    answer = api.http.get(path, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")


def test_the_configured_hosts_are_answered_and_health_under_any(serve, owner):
    with serve(ALLOWED_HOSTS="pay.example.com, *.shop.example") as http:
        for host in ("pay.example.com", "PAY.example.com:443", "a.shop.example", "b.a.shop.example"):
            assert read(http, Host=host).status_code == 200
        for host in ("localhost", "127.0.0.1", "shop.example", "evilshop.example"):
            assert read(http, Host=host).status_code == 421
        assert http.get("/livez", headers={"Host": "10.0.0.7:8000"}).status_code == 200
        assert http.get("/readyz", headers={"Host": "10.0.0.7:8000"}).status_code == 200


def test_other_origins_pages_may_not_read_an_answer_unless_they_are_configured(serve, owner, api):
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    path = "/api/payments/process-payment"
    assert "access-control-allow-origin" not in api.http.options(path, headers=asked).headers
    assert "access-control-allow-origin" not in read(api.http, Origin="https://shop.example").headers
    with serve(CORS_ORIGINS="https://shop.example") as http:
        allowed = http.options(
            path, headers=asked | {"Access-Control-Request-Headers": "authorization, idempotency-key"}
        )
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://shop.example")
        assert "access-control-allow-credentials" not in allowed.headers
        assert (
            read(http, Origin="https://shop.example").headers["access-control-allow-origin"] == "https://shop.example"
        )
        for origin in ("https://evil.example", "null", "https://shop.example.evil.example"):
            refused = http.options(path, headers=asked | {"Origin": origin})
            assert refused.status_code == 400
            assert "access-control-allow-origin" not in refused.headers
            assert "access-control-allow-origin" not in read(http, Origin=origin).headers


def test_a_body_over_one_mebibyte_is_413_declared_or_not(api):
    headers = api.headers(None, None) | {"Content-Type": "application/json"}
    declared = api.http.post("/api/payments/process-payment", content=b" " * (MEBIBYTE + 1), headers=headers)
    chunks = iter([b" " * 600_000, b" " * 600_000])
    undeclared = api.http.post("/api/payments/process-payment", content=chunks, headers=headers)
    for answer in (declared, undeclared):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "path", ["/api/payments/process-payment", "/api/webhooks/stripe", "/api/webhooks/form-submission"]
)
def test_a_body_that_never_arrives_is_408_and_the_connection_is_closed(api, monkeypatch, path):
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.3)
    said = raw(api.http, head(path) + b'{"amount":')
    assert said.startswith(b"HTTP/1.1 408")
    assert b'"code":"body_too_slow"' in said.replace(b'": "', b'":"')


def test_a_slow_body_gets_no_extra_time(api, monkeypatch):
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.5)
    with socket.create_connection((api.http.base_url.host, api.http.base_url.port), timeout=30) as wire:
        wire.sendall(head("/api/payments/process-payment"))
        for _ in range(100):
            try:
                wire.sendall(b" ")
            except OSError:
                break
            time.sleep(0.05)
            wire.settimeout(0.001)
            try:
                said = wire.recv(65_536)
            except TimeoutError:
                continue
            finally:
                wire.settimeout(30)
            break
    assert said.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("begun", [b"", b"GET /livez HTTP/1.1\r\nHost: local"])
def test_a_request_head_that_never_arrives_times_out(api, monkeypatch, begun):
    assert http_protocol.HEAD_SECONDS == 10
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    assert raw(api.http, begun) == b""
    first = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert raw(api.http, first + b"GET /li").count(b"200 OK") == 1


ENDLESS = {
    "one header line": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Endless: " + b"a" * 70_000,
    "many headers": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"x: y\r\n" * 12_000,
    "a path": b"GET /" + b"a" * 70_000,
    "empty lines": b"\r\n" * 40_000,
}


@pytest.mark.parametrize("begun", ENDLESS.values(), ids=ENDLESS)
def test_a_head_over_64_kib_is_refused_in_words_that_the_sender_can_read(api, begun):
    said = raw(api.http, begun)
    assert said.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")), said[:200]
    assert b"x-content-type-options: nosniff" in said and b"content-security-policy" in said


@pytest.mark.parametrize(("size", "status"), [(65_536, b"200"), (65_537, b"431"), (70_000, b"431"), (1_000, b"200")])
@pytest.mark.parametrize("line", [b"x: ", b"GET /livez?"], ids=["header", "path"])
def test_a_whole_head_has_64_kib_and_not_a_byte_more(api, size, status, line):
    first = b"" if line.startswith(b"GET") else b"GET /livez HTTP/1.1\r\n"
    last = (b" HTTP/1.1" if not first else b"") + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    whole = first + line + b"a" * (size - len(first) - len(line) - len(last)) + last
    assert len(whole) == size
    assert raw(api.http, whole).startswith(b"HTTP/1.1 " + status)


def test_endless_trailers_are_refused(api, monkeypatch):
    monkeypatch.setattr(http_protocol, "REQUEST_BYTES", 1_000_000)
    chunked = b"POST /api/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    said = raw(api.http, chunked + b"x-trailer: " + b"t" * 2_000_000)
    assert b"HTTP/1.1 4" in said


@pytest.mark.parametrize("path", ["/api/payments/process-payment", "/livez", "/nowhere"])
def test_a_body_that_goes_on_after_its_answer_is_not_waited_for(api, monkeypatch, path):
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.3)
    with socket.create_connection((api.http.base_url.host, api.http.base_url.port), timeout=10) as wire:
        wire.sendall(head(path))
        assert wire.recv(65_536).startswith(b"HTTP/1.1 4" if path != "/livez" else b"HTTP/1.1 ")
        until = time.monotonic() + 5
        with pytest.raises(OSError):
            while time.monotonic() < until:
                wire.sendall(b" ")
                time.sleep(0.05)


@pytest.mark.parametrize("name", ["4242424242424242", "4000-0566-5566-5556", "212-555-0134"])
def test_a_request_id_with_private_data_is_replaced(api, name):
    assert api.http.get("/livez", headers={"X-Request-Id": name}).headers["x-request-id"] != name
    assert api.http.get("/livez", headers={"X-Request-Id": "order-17"}).headers["x-request-id"] == "order-17"


def test_a_slow_sender_costs_others_nothing(api, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 2.0)
    address = (api.http.base_url.host, api.http.base_url.port)
    slow = [socket.create_connection(address, timeout=10) for _ in range(100)]
    for wire in slow:
        wire.sendall(b"GET /livez HTTP/1.1\r\nHost: ")
    assert api.http.get("/livez").status_code == 200
    assert all(wire.recv(1) == b"" for wire in slow)
    for wire in slow:
        wire.close()


@pytest.mark.parametrize("mib", [2, 4])
def test_the_413_of_a_body_that_is_too_large_reaches_its_sender(api, mib):
    body = b"x" * (mib * 1024 * 1024)
    declared = head("/api/payments/process-payment", str(len(body)))
    in_pieces = head("/api/payments/process-payment").replace(b"Content-Length: 100", b"Transfer-Encoding: chunked")
    chunks = b"".join(b"%x\r\n%s\r\n" % (65_536, body[:65_536]) for _ in range(mib * 16)) + b"0\r\n\r\n"
    for _ in range(10):
        assert raw(api.http, declared + body).startswith(b"HTTP/1.1 413"), "declared"
        assert raw(api.http, in_pieces + chunks).startswith(b"HTTP/1.1 413"), "in pieces"


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "99999999999999999999"])
def test_an_invalid_content_length_is_refused(api, length):
    request = (
        "POST /api/payments/process-payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        f"{length}\r\nConnection: close\r\n\r\n"
    )
    assert raw(api.http, request.encode()).split(b" ")[1] in (b"400", b"413")


def test_a_defect_of_ours_is_a_500_and_an_incident_on_every_route_of_the_payment_api(api, owner):
    routes = {route.path: next(iter(route.methods)) for route in payments.router.routes}
    assert len(routes) == 8
    with probes.broken(owner, "take_api_turn"):
        answers = {
            path: api.http.request(method, path.format(sessionId="cs_1"), headers={"Authorization": f"Bearer {TOKEN}"})
            for path, method in routes.items()
        }
    for answer in answers.values():
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "take_api_turn" not in answer.text and "division" not in answer.text
    recorded = owner.execute("select kind, sample ->> 'route', request_id from payops.incidents").fetchall()
    assert sorted(recorded) == sorted(("api_failed", path, each.json()["request_id"]) for path, each in answers.items())


@DATABASE_REFUSES
def test_while_the_database_refuses_every_route_answers_with_retry_after(api, owner, shop, breaks, mends, code):
    owner.execute(breaks)
    try:
        answers = {path: api.http.get(path) for path in ("/metrics", "/readyz")}
        answers["read"], answers["pay"] = read(api.http), api.pay(key="refused by the database")
    finally:
        owner.execute(mends)
    for path, answer in answers.items():
        assert (path, answer.status_code) == (path, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert path == "/readyz" or answer.json()["code"] == code
    assert "payops migrate" in answers["/readyz"].json()["checks"][0]["detail"]
    assert api.pay(key="refused by the database").json()["status"] == "succeeded"
    assert api.http.get("/metrics").status_code == 200


def test_a_websocket_is_refused(api):
    request = (
        "GET /api/payments/payment-methods HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection((api.http.base_url.host, api.http.base_url.port), timeout=10) as wire:
        wire.sendall(request.encode())
        assert b" 101 " not in wire.recv(1024)


def test_without_its_database_a_payment_is_not_tried_and_may_be_sent_again(serve, server, owner, shop, sandbox):
    from psycopg.conninfo import make_conninfo

    away = make_conninfo(server.app_conninfo, port=1)
    with serve(DATABASE_URL=away) as http:
        api = Api(http, "order-away")
        answer = api.pay(key="away")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert shop.payments_of("order-away") == []


def test_the_figures_for_prometheus_are_text_that_any_process_can_answer(api):
    api.pay()
    answer = api.http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (
        "# TYPE payops_webhook_events counter" in answer.text
        or "# TYPE payops_webhook_events_total counter" in answer.text
    )
    assert 'payops_queue_depth{queue="patients_waiting"} 0.0' in answer.text


def test_an_unreachable_stripe_is_shown_but_keeps_readiness(api, faults, owner):
    def check(name):
        answer = api.http.get("/readyz")
        assert answer.status_code == 200
        return next(one for one in answer.json()["checks"] if one["name"] == name)

    found = []

    def no_call_is_recorded():
        empty(owner)  # again: a call of the test before is recorded once its answer is sent, and may be late
        found.append(check("stripe"))
        return found[-1]["state"] == "unknown"

    wait_for(no_call_is_recorded)
    assert found[-1] == {"name": "stripe", "state": "unknown", "latency_ms": None, "detail": "No call recently."}
    assert check("database")["state"] == "ok" and check("database")["latency_ms"] > 0
    api.pay()
    wait_for(lambda: check("stripe")["state"] != "unknown")  # calls to Stripe are recorded once the answer is sent
    assert check("stripe")["state"] == "ok" and check("stripe")["latency_ms"] > 0
    api.pay(card="pm_card_visa_chargeDeclined")
    assert check("stripe")["state"] == "ok"  # it answered
    faults.add("payment_intents", reset=True)
    api.pay()
    wait_for(lambda: check("stripe")["state"] != "ok")
    assert (check("stripe")["state"], check("stripe")["detail"]) == ("failed", "Stripe does not answer.")


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_read_only_database_makes_it_unready(api, owner):
    owner.execute(
        "create function payops.full_disk() returns trigger language plpgsql as $$"
        " begin raise exception using errcode = '53100', message = 'could not extend file'; end $$"
    )
    owner.execute("create trigger full_disk before update on payops.write_probe execute function payops.full_disk()")
    try:
        answer = api.http.get("/readyz")
    finally:
        owner.execute("drop function payops.full_disk() cascade")
    found = {check["name"]: check["state"] for check in answer.json()["checks"]}
    assert (answer.status_code, found["database"], found["database writes"]) == (503, "ok", "failed")
    assert api.http.get("/readyz").status_code == 200


def test_an_answer_is_sent_in_one_piece_and_none_is_lost_on_close():
    sent = []

    class Recording(asyncio.Transport):
        def write(self, data):
            sent.append(data)

        def is_closing(self):
            return False

        def close(self):
            sent.append("closed")

    @dataclass
    class Connected:
        loop: asyncio.AbstractEventLoop

        def linger(self):
            return False

    async def story():
        transport = http_protocol.InOnePiece(Recording(), Connected(asyncio.get_running_loop()))
        transport.write(b"head")
        transport.write(b"body")
        await asyncio.sleep(0)
        transport.write(b"last words")
        transport.close()
        await asyncio.sleep(0)

    run_apart(story())
    assert sent == [b"headbody", b"last words", "closed"]
