"""The payment API killed between Stripe's success and its own answer: a repeated request gets the same payment."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import TOKEN, Api, who


class Process:
    """A `payops api` of its own, over the database and the sandbox of the other tests."""

    def __init__(self, server, data_dir):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = {
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": server.app_conninfo,
            "API_TOKENS": TOKEN,
            "PATH": os.environ["PATH"],
        }
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False)

    def start(self):
        command = [Path(sys.executable).with_name("payops"), "api", "--port", str(self.port)]
        self.running = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        while True:
            assert self.running.poll() is None, "the API did not start"
            try:
                if self.http.get("/readyz").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)

    def kill(self):
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()


@pytest.fixture
def process(server, owner, sandbox, data_dir):
    made = Process(server, data_dir)
    made.start()
    yield made
    made.kill()


@pytest.mark.parametrize("operation", ["process-payment", "create-subscription"])
def test_after_a_kill_before_the_answer_the_same_key_finds_the_payment(process, owner, shop, faults, operation):
    api = Api(process.http, f"order-killed-{time.time()}")
    if operation == "process-payment":
        path, body = "payment_intents", api.payment()
    else:
        body = {
            "customerInfo": who(),
            "stripePriceId": shop.plan(),
            "orderId": api.order,
            "paymentMethodId": "pm_card_visa",
        }
        path = "subscriptions"

    def made():
        return [one for one in shop.stripe.each(path) if one["metadata"].get("orderId") == api.order]

    faults.add(path, delay_reply_seconds=60.0, count=1)
    with ThreadPoolExecutor(1) as caller:
        lost = caller.submit(api.post, operation, body, key="killed")
        while not made():
            assert not lost.done()
        process.kill()
        with pytest.raises(httpx.HTTPError):
            lost.result()
    faults.clear()
    process.start()
    waiting = api.post(operation, body, key="killed")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "in_progress")
    owner.execute("update payops.api_requests set lease_until = now() - interval '1 second'")  # two minutes later
    found = api.post(operation, body, key="killed").json()
    assert api.post(operation, body, key="killed").json() == found
    [only] = made()
    assert only["id"] in (found.get("paymentIntentId"), found.get("subscriptionId"))
    words = owner.execute("select split_part(action, ':', 3) from payops.audit_log order by id").fetchall()
    assert words == [("begun",), ("done",)]
