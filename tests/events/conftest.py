"""A sandbox in which a small business has happened, shared by the tests that only look at it."""

import pytest

from tests.events.business import at_a_sandbox


@pytest.fixture(scope="session")
def business():
    """Where the sandbox answers, and the SDK to go on with."""
    with at_a_sandbox() as made:
        yield made
