"""What is kept of an object: words and ids as they are, the shop's two texts without what is private."""

import pytest

from core.events.kept import kept

REDACTED = "[redacted]"


def kept_of(order_id):
    return kept({"id": "ch_1", "metadata": {"orderId": order_id, "name": "Ana"}}, "charge.succeeded")[
        "metadata"
    ]


@pytest.mark.parametrize(
    "order_id",
    [
        "ord_S7n6uq1evWqw", "order-1", "17", "1790000000123", "2026112400012344", "2026-11-24-0001-2344",
        "4a0cf486-4242-4242-4242-424242424242", "42424242-4242-4242-4242-424242424242", "patient-42424242-4242-4242-4242-424242424242", "Bestellung-München",
        "sub 12/3", "A" * 300,
    ],
)  # fmt: skip
def test_the_shops_own_ids_stay_as_they_are(order_id):
    assert kept_of(order_id) == {"orderId": order_id}


@pytest.mark.parametrize(
    ("order_id", "left"),
    [
        ("4242424242424242", REDACTED),
        ("4242-4242-4242-4242", REDACTED),
        ("card 4242 4242 4242 4242", f"card {REDACTED}"),
        ("378282246310005", REDACTED),
        ("ana.lima@example.com", REDACTED),
        ("call +1 202 555 0147", f"call {REDACTED}"),
        ("pi_1_secret_abc", REDACTED),
        ("sk_test_abc", REDACTED),
    ],
)
def test_what_is_private_in_them_is_left_out(order_id, left):
    assert kept_of(order_id) == {"orderId": left}


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        ({"id": "ch_1", "name": "Ana", "client_secret": "x"}, {"id": "ch_1"}),
        ({"status": "Ana Lima"}, {"status": REDACTED}),
        ({"status": "a@b.example"}, {"status": REDACTED}),
        ({"outcome": "Ana"}, {"outcome": REDACTED}),
        ({"customer": {"id": "cus_1", "email": "a@b.example"}}, {"customer": "cus_1"}),
        ({"customer": {"email": "a@b.example"}}, {"customer": None}),
        ({"amount": 1, "captured": None}, {"amount": 1, "captured": None}),
        ({"outcome": {"reason": "approved", "seller_message": "Ana"}}, {"outcome": {"reason": "approved"}}),
        (None, {}),
        ("Ana", {}),
        (["Ana"], {}),
    ],
)
def test_only_named_fields_are_kept_and_only_words_in_them(subject, left):
    assert kept(subject, "charge.succeeded") == left


def test_of_a_kind_that_is_not_known_what_any_object_has_is_kept():
    assert kept({"id": "x_1", "status": "open", "name": "Ana"}, "moon.landed") == {
        "id": "x_1",
        "status": "open",
    }
