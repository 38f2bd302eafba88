"""What may be read in a log line, and what never."""

import gzip
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.logs import REDACTED, redacted

PRIVATE = [
    "sk_live_51AbCdEf",
    "rk_test_51AbCdEf",
    "whsec_c2VjcmV0+/=",
    "pi_3Abc_secret_Xyz",
    "v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "ana.lima+clinic@example.co.uk",
    "4242 4242 4242 4242",
    "4000056655665556",
    "4242,4242,4242,4242",
    "4242 - 4242 - 4242 - 4242",
    "555-123-4567",
    "3782-822463-10005",
    "+1 (202) 555-0147",
]


@pytest.mark.parametrize("private", PRIVATE)
def test_private_data_is_removed_from_any_text(private):
    said = redacted({"event": f"it said {private}, twice {private}", "nested": [{"note": private}]})
    assert private not in str(said)
    assert said["event"] == f"it said {REDACTED}, twice {REDACTED}"


def test_a_login_in_an_address_and_a_bearer_token_are_taken_out():
    assert "hunter2" not in redacted("postgresql://payops:hunter2@db.example.com/payops")
    assert "t0k3n" not in redacted("Authorization: Bearer t0k3n.abc")


def test_fields_that_hold_secrets_by_their_name_are_taken_out():
    assert redacted({"password": "short", "Client_Secret": "x"}) == {"password": REDACTED, "Client_Secret": REDACTED}


@pytest.mark.parametrize(
    "kept", ["pi_3AbcDEF", "evt_1", "1790000000", "2026-11-24T10:00:00Z", "order 4242424242424243"]
)
def test_ids_times_and_plain_numbers_stay_readable(kept):
    assert redacted(kept) == kept


def test_lines_and_tracebacks_of_libraries_are_redacted_too(tmp_path):
    script = f"""
import logging, structlog
from core.logs import configure
from core.settings import load_settings
configure(load_settings({{}}, env_file=None))
structlog.get_logger("ours").info("told", note={PRIVATE[5]!r})
logging.getLogger("stripe").error("said %s", {PRIVATE[0]!r})
try:
    raise ValueError({PRIVATE[6]!r})
except ValueError:
    logging.getLogger("uvicorn.error").exception("failed")
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count(REDACTED) == 3
    assert not [private for private in PRIVATE if private in ran.stderr]


def logged(*said, **environment):
    """What a process of its own with our logs writes that says this."""
    set_up = (
        "import logging; from core import logs; from core.settings import load_settings",
        f"logs.configure(load_settings({environment}, env_file=None))",
    )
    script = "\n".join((*set_up, *said))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_uvicorn_logs_no_addresses_since_anything_may_stand_in_them():
    assert "heard" in logged(
        "assert not logging.getLogger('uvicorn.access').hasHandlers()",
        "logging.getLogger('uvicorn.error').info('heard')",
    )


def test_the_addresses_that_stripes_library_asks_are_not_logged():
    written = logged(
        "logging.getLogger('stripe').info('GET /v1/customers?email=ana%40example.com')",
        "logging.getLogger('stripe').warning('heard')",
        LOG_LEVEL="DEBUG",
    )
    assert "ana" not in written and "heard" in written


def test_what_is_logged_as_an_error_reaches_sentry_with_nothing_private(tmp_path):
    received = []

    class Sentry(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(
                gzip.decompress(body).decode() if self.headers.get("Content-Encoding") == "gzip" else str(body)
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sentry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    logged(
        "import sentry_sdk, structlog",
        "card = '4242 4242 4242 4242'",
        "try:",
        "    raise RuntimeError('refused ' + card + ' of ana.lima@example.com')",
        "except RuntimeError:",
        "    structlog.get_logger('payops').exception('a step failed', token='sk_live_51AbCdEf')",
        "sentry_sdk.flush(10)",
        SENTRY_DSN=f"http://key@127.0.0.1:{server.server_port}/1",
    )
    server.shutdown()
    said = "".join(received)
    assert "a step failed" in said and "RuntimeError" in said
    assert not [private for private in ("4242 4242", "ana.lima", "sk_live_51AbCdEf") if private in said]
