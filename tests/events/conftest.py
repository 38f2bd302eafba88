"""A sandbox in which a small business has happened, shared by the tests that only look at it."""

import tempfile
from pathlib import Path

import pytest
import stripe

from core.sandbox import process
from tests.events.business import a_morning, some_days


@pytest.fixture(scope="session")
def business():
    """Where the sandbox answers, and the SDK to go on with."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        address = process.ensure_running(Path(folder))
        try:
            shop = stripe.StripeClient(address.secret_key, base_addresses={"api": address.base_url})
            a_morning(shop.v1)
            some_days(shop.v1, address.base_url)
            yield address, shop
        finally:
            process.stop(Path(folder))
