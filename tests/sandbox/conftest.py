"""A running sandbox a module, the real SDK pointed at it, and an endpoint that takes its webhooks."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import stripe as stripe_sdk

from core.sandbox.process import SandboxAddress, ensure_running, stop


@dataclass(frozen=True)
class Running:
    """The sandbox of a module with its folder."""

    data_dir: Path
    address: SandboxAddress

    def client(self, key: str | None = None) -> stripe_sdk.StripeClient:
        base = {"api": self.address.base_url, "files": self.address.base_url}
        return stripe_sdk.StripeClient(key or self.address.secret_key, base_addresses=base, max_network_retries=0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with tempfile.TemporaryDirectory(prefix="payops-sandbox-") as folder:
        data_dir = Path(folder)
        yield Running(data_dir, ensure_running(data_dir))
        stop(data_dir)


@pytest.fixture
def stripe(sandbox: Running) -> stripe_sdk.StripeClient:
    return sandbox.client()


@pytest.fixture
def control(sandbox: Running) -> Iterator[httpx.Client]:
    """The sandbox's own routes; faults that a test leaves behind are taken away."""
    with httpx.Client(base_url=sandbox.address.base_url, timeout=120, trust_env=False) as client:
        yield client
        client.delete("/sandbox/faults")


@dataclass
class Receiver:
    """Collects what is posted; `answers` decides the status of each, 200 where it says nothing."""

    url: str = ""
    deliveries: list[tuple[str, bytes]] = field(default_factory=list)
    answers: Callable[[int], int] = lambda number: 200
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int, seconds: float = 20.0) -> list[tuple[str, bytes]]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.deliveries) >= count, seconds), len(self.deliveries)
            return list(self.deliveries)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with received.arrived:
                received.deliveries.append((self.headers["Stripe-Signature"], body))
                status = received.answers(len(received.deliveries))
                received.arrived.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield received
    server.shutdown()
    server.server_close()
