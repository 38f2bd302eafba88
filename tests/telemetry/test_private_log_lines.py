"""The look-out over the whole run's log lines finds what is planted, and leaves what is no secret alone."""

import logging

import pytest
import structlog

from core import logs
from tests.telemetry.private_log_lines import Collector, collecting, private_in

PLANTED = {
    "sk_live_" + "51AbCdEfGh": "a Stripe key",
    "whsec_" + "c2VjcmV0MTIz": "a webhook secret",
    "pi_3AbcXyz_secret_" + "Q2x5": "a client secret",
    "v1=" + "a1b2c3d4" * 8: "a webhook signature",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.c2ln": "a token",
    "Bearer " + "t0k3n-of-somebody": "a bearer token",
    "ana.lima@" + "example.org": "an e-mail address",
    "postgresql://payops:" + "hunter22@db/payops": "a login in an address",
    "4242 4242 " + "4242 4242": "a card number",
    "378282" + "246310005": "a card number",
}


class Unredacted(logging.Formatter):
    """What a line would be without the redaction."""


@pytest.fixture
def unredacted():
    collector = Collector()
    collector._formatter = Unredacted()
    return collector


@pytest.mark.parametrize(("planted", "kind"), PLANTED.items())
def test_planted_private_data_is_found_without_redaction_and_gone_with_it(planted, kind, unredacted):
    record = logging.makeLogRecord({"name": "a.library", "msg": "it said %s here", "args": (planted,)})
    unredacted.take(record)
    assert {each.partition(",")[0] for each in unredacted.found} == {kind}
    assert not any(planted in each for each in unredacted.found)
    redacting = Collector()
    redacting.take(record)
    assert redacting.found == set()


@pytest.mark.parametrize(
    "kept",
    [
        "pi_3AbcDEF",
        "2026-11-24T10:00:00Z",
        "took_ms=1790000000",
        "order 4242424242424243",
        "evt_1QAbc4242424242424242",
        "http://127.0.0.1:8000/livez",
        "sha256 4f2a" + "0" * 60,
    ],
)
def test_our_own_ids_times_and_addresses_are_no_finding(kept):
    assert private_in(kept) == []


def test_lines_of_ours_and_of_libraries_are_looked_at_whatever_the_handlers_are():
    with collecting() as collector:
        logs.through_logging()
        before = collector.lines
        quiet = logging.getLogger("a.library.with.no.handler")
        quiet.propagate = False
        quiet.error("said")
        structlog.get_logger("ours").error("told", note="fine")
        assert collector.lines >= before + 2  # a thread of another test may log meanwhile
