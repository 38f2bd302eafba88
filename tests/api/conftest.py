"""The payment API in this process, over a real database and a running sandbox, with tokens of both kinds."""

import contextlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from core.api.app import build
from core.http_protocol import BoundedHttp
from core.sandbox.process import SandboxAddress, ensure_running, stop
from core.stripe_gateway import StripeGateway
from tests.payments.conftest import Faults

TOKEN = "a-server-of-the-shop"
PATIENT = "patient-7"
RETURN = "http://localhost:3000"


@dataclass(frozen=True)
class Shop:
    """The products and prices for sale at the sandbox."""

    stripe: StripeGateway

    def write(self, path: str, **params: Any) -> dict[str, Any]:
        return self.stripe.write(path, key=secrets.token_hex(12), **params)

    def price(self, amount: int = 4900, currency: str = "usd", **params: Any) -> str:
        asked = {"unit_amount": amount, "currency": currency, "product_data": {"name": "A visit"}} | params
        return str(self.write("prices", **asked)["id"])

    def plan(self, amount: int = 9900, **params: Any) -> str:
        return self.price(amount, recurring={"interval": "month"}, **params)

    def code(self, word: str | None = None, *, coupon: dict[str, Any], **params: Any) -> str:
        made = self.write("coupons", duration="once", **coupon)
        asked = {"promotion": {"type": "coupon", "coupon": made["id"]}} | params
        return str(self.write("promotion_codes", code=word or secrets.token_hex(4).upper(), **asked)["code"])

    def payments_of(self, order: str) -> list[dict[str, Any]]:
        return [
            one
            for one in self.stripe.each("payment_intents")
            if one["metadata"].get("orderId") == order and one["status"] == "succeeded"
        ]


@dataclass
class Api:
    """A running payment API and who calls it; each answer is checked against the document by `test_document`."""

    http: httpx.Client
    order: str
    token: str | None = TOKEN

    def headers(self, key: str | None, token: str | None) -> dict[str, str]:
        given = {"Authorization": f"Bearer {token or self.token}"}
        return given if key is None else given | {"Idempotency-Key": f"{self.order}-{key}"}

    def post(self, operation: str, body: Any, *, key: str | None = None, token: str | None = None) -> httpx.Response:
        return self.http.post(f"/api/payments/{operation}", json=body, headers=self.headers(key, token))

    def get(self, operation: str, *, token: str | None = None, **params: str) -> httpx.Response:
        return self.http.get(f"/api/payments/{operation}", params=params, headers=self.headers(None, token))

    def pay(
        self,
        amount: int = 4900,
        card: str = "pm_card_visa",
        *,
        key: str | None = None,
        token: str | None = None,
        patient: str = PATIENT,
        **more: Any,
    ) -> httpx.Response:
        return self.post("process-payment", self.payment(amount, card, patient, **more), key=key, token=token)

    def payment(
        self, amount: int = 4900, card: str = "pm_card_visa", patient: str = PATIENT, **more: Any
    ) -> dict[str, Any]:
        body = {"paymentMethodId": card, "amount": amount, "currency": "usd", "orderId": self.order}
        return body | {"customerInfo": who(patient)} | more


def who(patient: str = PATIENT) -> dict[str, str]:
    return {"email": f"{patient}@example.com", "patientId": patient}


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="session")
def sandbox(data_dir: Path) -> Iterator[SandboxAddress]:
    yield ensure_running(data_dir)
    stop(data_dir)


@pytest.fixture
def faults(sandbox: SandboxAddress) -> Iterator[Faults]:
    found = Faults(sandbox.base_url)
    yield found
    found.clear()


@pytest.fixture(scope="session")
def shop(sandbox: SandboxAddress) -> Shop:
    return Shop(StripeGateway(sandbox.secret_key, api_base=sandbox.base_url, record=lambda _: None, max_retries=0))


Serve = Callable[..., contextlib.AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="session")
def serve(server, sandbox, data_dir) -> Serve:
    """The API, over HTTP, with these settings beside the usual ones."""

    @contextmanager
    def serving(**settings: str) -> Iterator[httpx.Client]:
        given = {
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": server.app_conninfo,
            "API_TOKENS": TOKEN,
            "CHECKOUT_RETURN_ORIGINS": RETURN,
            "LOG_LEVEL": "ERROR",
        }
        running = uvicorn.Server(uvicorn.Config(build(), port=0, http=BoundedHttp, log_config=None, access_log=False))
        thread, handlers = threading.Thread(target=running.run), list(logging.getLogger().handlers)
        with pytest.MonkeyPatch.context() as environment:  # read once, at the start
            for name, value in (given | settings).items():
                environment.setenv(name, value)
            thread.start()
            while not running.started:
                assert thread.is_alive(), "the API did not start"
                time.sleep(0.005)
        logging.getLogger().handlers[:] = handlers  # it sends this process's log lines its own way
        port = running.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
            yield http
        running.should_exit = True
        thread.join()

    return serving


@pytest.fixture(scope="package")
def usual(serve: Serve) -> Iterator[httpx.Client]:
    """It ends with this folder's tests: it applies recorded events, and other tests of this database do that alone."""
    with serve() as http:
        yield http


@pytest.fixture
def api(usual: httpx.Client, owner) -> Api:
    """The API with the usual settings and an empty database; an order of its own for each test."""
    return Api(usual, f"order-{secrets.token_hex(6)}")


@dataclass
class SignIn:
    """A sign-in service for patients: serves its public keys and signs tokens with given claims."""

    issuer: str
    private: dict[str, Any]
    asked: list[str] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(default_factory=list)

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": "authenticated", "sub": PATIENT, "iat": now, "exp": now + 600}
        return {name: value for name, value in (usual | changed).items() if value is not None}

    def token(self, algorithm: str = "ES256", **changed: Any) -> str:
        key = self.private[algorithm]
        return jwt.encode(self.claims(**changed), key, algorithm, headers={"kid": algorithm})


@pytest.fixture(scope="session")
def signing() -> dict[str, Any]:
    """One signing key of each kind, since generating them is slow."""
    return {"ES256": ec.generate_private_key(ec.SECP256R1()), "RS256": rsa.generate_private_key(65537, 2048)}


@pytest.fixture
def sign_in(signing) -> Iterator[SignIn]:
    made = SignIn("", signing)
    kinds = {"ES256": jwt.algorithms.ECAlgorithm, "RS256": jwt.algorithms.RSAAlgorithm}
    for name, key in signing.items():
        public = json.loads(kinds[name].to_jwk(key.public_key()))
        made.keys.append(public | {"kid": name, "use": "sig", "alg": name})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            body = json.dumps({"keys": made.keys}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.issuer = f"http://127.0.0.1:{served.server_address[1]}/auth/v1"
    threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    served.shutdown()
    served.server_close()


@pytest.fixture
def patients(serve: Serve, sign_in: SignIn, owner) -> Iterator[Api]:
    """The API that takes patients' tokens as well."""
    with serve(SUPABASE_JWT_ISSUER=sign_in.issuer) as http:
        yield Api(http, f"order-{secrets.token_hex(6)}")
