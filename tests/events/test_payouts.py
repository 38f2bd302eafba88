"""What the mirror keeps of a payout: how it was sent, and the number that the bank's statement names it by."""

from datetime import UTC, datetime

import pytest

from core.events.field_allowlist import allowed_fields
from core.events.projections.payouts import payout
from core.events.registry import Snapshot

AS_OF = datetime(2026, 11, 27, tzinfo=UTC)


def columns_of(**fields):
    told = {"id": "po_1", "created": 1790000000, "amount": 125000, "currency": "usd", "status": "paid", **fields}
    (found,) = payout(Snapshot(allowed_fields(told, "payout.paid"), AS_OF, "evt_1", livemode=False))["payouts"]
    return found


@pytest.mark.parametrize("number", ["091000015238422", "227000015238425", "4111111111111111", "1A2B3C4D5E6F"])
def test_any_trace_id_is_stored(number):
    found = columns_of(method="instant", trace_id={"status": "supported", "value": number})
    assert (found["trace_id"], found["trace_id_status"], found["method"]) == (number, "supported", "instant")


def test_a_pending_trace_id_is_stored_as_a_status_only():
    found = columns_of(method="standard", trace_id={"status": "pending", "value": None})
    assert (found["trace_id"], found["trace_id_status"]) == (None, "pending")


def test_older_api_versions_have_no_trace_id():
    assert (columns_of()["trace_id"], columns_of()["trace_id_status"]) == (None, "not_told")


def test_arrival_is_the_date_that_stripe_names_in_every_zone():
    assert columns_of(arrival_date=1790208000)["arrival_date"] == "2026-09-24"  # midnight UTC; 23 September in New York
