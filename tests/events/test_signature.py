"""Which requests are accepted as events of Stripe, and which are refused."""

import json
import re
from datetime import UTC, datetime

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused
from core.events.signature import read_signed_event, sign

SECRET = "whsec_" + "a" * 32
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
EVENT = {"id": "evt_1", "type": "charge.succeeded", "data": {"object": {"id": "ch_1"}}}


def read(body: bytes, header: str | None = None, secrets=(SECRET,)):
    return read_signed_event(body, sign(body, SECRET, timestamp=STAMP) if header is None else header, secrets, now=NOW)


def code_of(body: bytes, header: str | None = None) -> str:
    with pytest.raises(Refused) as refused:
        read(body, header)
    return refused.value.code


def test_a_signed_event_is_read():
    assert read(json.dumps(EVENT, indent=2).encode()).event == EVENT


def test_our_signatures_pass_stripes_own_library():
    body = json.dumps(EVENT).encode()
    header = sign(body, SECRET, timestamp=int(datetime.now(UTC).timestamp()))
    assert stripe.WebhookSignature.verify_header(body.decode(), header, SECRET, 300)


def test_any_configured_secret_verifies_and_says_which():
    body = json.dumps(EVENT).encode()
    assert read(body, secrets=("whsec_new", SECRET)).secret_index == 1


@pytest.mark.parametrize("offset", [-301, 301])
def test_a_timestamp_too_far_off_either_way_is_stale(offset):
    body = json.dumps(EVENT).encode()
    assert code_of(body, sign(body, SECRET, timestamp=STAMP + offset)) == "stale_timestamp"


@pytest.mark.parametrize("offset", [-300, 300])
def test_the_tolerance_includes_its_edges(offset):
    body = json.dumps(EVENT).encode()
    assert read(body, sign(body, SECRET, timestamp=STAMP + offset)).event == EVENT


def test_the_sixteenth_signature_is_tried_and_a_seventeenth_refuses_the_header():
    body = json.dumps(EVENT).encode()
    stamp, good = sign(body, SECRET, timestamp=STAMP).split(",")
    wrong = ",".join(["v1=" + "0" * 64] * 15)
    assert read(body, f"{stamp},{wrong},{good}").event == EVENT
    assert code_of(body, f"{stamp},{wrong},v1=0,{good}") == "bad_signature"


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=aa", "t=,v1=aa", "t=x,v1=aa", "t=1,t=1,v1=aa", "t=١,v1=aa", "t=1,v1=é", "t=" + "9" * 99 + ",v1=a"],
)
def test_a_malformed_header_is_a_bad_signature(header):
    assert code_of(json.dumps(EVENT).encode(), header) == "bad_signature"


def test_two_timestamps_are_refused_even_when_one_is_signed():
    body = json.dumps(EVENT).encode()
    assert code_of(body, sign(body, SECRET, timestamp=STAMP) + f",t={STAMP}") == "bad_signature"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"id": 1, "type": "a"}',
        b'{"id": "evt_1"}',
        b"\xff\xfe",
        b'{"id": "evt_1", "type": "a", "x": NaN}',
        b'{"id": "evt_1", "type": "a", "x": Infinity}',
        b'{"id": "evt_1", "type": "a", "x": 1e999}',
        b'{"id": "evt_1", "type": "a", "x": ' + b"9" * 5000 + b"}",
        b'{"id": "evt_1", "type": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id": "evt_1", "type": "a", "x": ' + b'{"a":' * 1000 + b"1" + b"}" * 1001,
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_a_signed_body_that_is_no_event_is_malformed(body):
    assert code_of(body) == "malformed_body"


def test_brackets_inside_text_are_not_nesting():
    event = EVENT | {"note": "[{" * 500 + '\\"'}
    assert read(json.dumps(event).encode()).event == event


def test_text_that_postgres_cannot_store_is_replaced():
    body = b'{"id": "evt_1", "type": "a", "x": "a\\u0000b\\ud800c"}'
    assert read(body).event["x"] == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


@pytest.mark.parametrize(
    "odd_id",
    ["ana.lima@example.com", "evt 1", "../balance", "4242424242424242", "pi_1_secret_abc", "evt_\u0000", "é", "\n"],
)
def test_an_event_with_an_invalid_id_gets_a_stable_id_of_ours(odd_id):
    body = json.dumps(EVENT | {"id": odd_id}).encode()
    event = read(body).event
    assert event == read(body).event
    assert re.fullmatch("evt_unreadable_[0-9a-f]{24}", event["id"])
    assert {name: value for name, value in event.items() if name != "id"} == {
        name: value for name, value in EVENT.items() if name != "id"
    }


@pytest.mark.parametrize(
    "event_id", ["evt_1PqR", "evt_test_65_1795765862", "evt_secret_1", "evt_1795765862.123", "e", "sweep-7:1"]
)
def test_any_other_id_stays_as_it_came(event_id):
    assert read(json.dumps(EVENT | {"id": event_id}).encode()).event["id"] == event_id


@given(st.binary(max_size=300), st.text(max_size=200))
def test_any_header_is_accepted_or_refused_without_an_error(body, header):
    with pytest.raises(Refused):
        read(body, header)


@given(st.binary(max_size=300))
def test_any_signed_body_is_read_or_malformed_without_an_error(body):
    try:
        assert "id" in read(body).event
    except Refused as refused:
        assert refused.code == "malformed_body"


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_breaks_the_signature(position, difference):
    body = bytearray(json.dumps(EVENT).encode())
    header = sign(bytes(body), SECRET, timestamp=STAMP)
    body[position % len(body)] ^= difference
    assert code_of(bytes(body), header) == "bad_signature"
