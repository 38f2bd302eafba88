"""Identifiers: private data is recognised however it is written, and ordinary ids are not mistaken for it."""

import random
import uuid

import pytest

from core.identifiers import private_kind, private_problem

CARDS = ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "order-4242424242424242", "378282246310005"]
CARDS += ["5555555555554444", "6011111111111117", "30569309025904", "3566002020360505", "6200000000000005"]
CARDS += ["４２４２４２４２４２４２４２４２", "4242\u200b424242424242", "2223003122003222", "4000 0566 5566 5556"]
CARDS += ["4242,4242,4242,4242", "4242+4242+4242+4242", "4242%204242%204242%204242", "4242−4242−4242−4242"]
CARDS += [
    "4242   4242   4242   4242",
    "4242-4242 4242-4242",
    "4242—4242—4242—4242",
    "4242\u20284242\u20284242\u20284242",
]
CARDS += ["4000:0566:5566:5556", "3782, 822463, 10005", "order*5555*5555*5555*4444"]
EMAILS = ["ann@example.com", "Ann.Lee+x@mail.example.co.uk", "mailto:ann@example.com", "ann%40example.com"]
EMAILS += ["ann＠example.com", "patient:ann@example.com", "ann@exämple.org"]
PHONES = ["+12125550134", "+1 (212) 555-0134", "212-555-0134", "(212) 555-0134", "2125550134", "12125550134"]
PHONES += [
    "212.555.0134",
    "+44 20 7946 0958",
    "tel:2125550134",
    "patient-212-555-0134",
    "+49 30 901820",
    "555-123-4567",
    "(555) 123-4567",
]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("a card number", text) for text in CARDS),
        *(("an e-mail address", text) for text in EMAILS),
        *(("a phone number", text) for text in PHONES),
    ],
)
def test_private_data_in_the_place_of_an_id_is_recognised_and_not_repeated(kind, text):
    assert private_kind(text) == kind
    assert text not in (private_problem(text) or text)


@pytest.mark.parametrize(
    "text",
    [
        "patient-17",
        "41111111-1111-4111-8111-111111111111",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "cus_NffrFeUfNV2Hib",
        "20261127103000123",  # a time to the millisecond
        "1764239400000",  # milliseconds since 1970
        "1764239400",
        "2026-11-27-0001",
        "2026-11-28 10:37:24.123456",
        "4242.17.3",
        "4242424242424241",  # no card: its check digit does not fit
        "0000001234",
        "1234567890",
        "order@2026",
        "450789469",
        "820982911946154508",
        "01JDN8Q2Z9X7V5T3R1P0M8K6H4",
        "ORD-100-200",
    ],
)
def test_an_ordinary_id_is_no_private_data(text):
    assert private_kind(text) is None


def test_random_hexadecimal_ids_are_never_taken_for_a_card_or_a_phone():
    dice = random.Random(5)
    for length in (24, 32, 40, 64):
        for _ in range(3_000):
            token = "".join(dice.choices("0123456789abcdef", k=length))
            assert private_kind(f"sub-{token}") is None, token
    for _ in range(3_000):
        assert private_kind(f"order-{uuid.UUID(int=dice.getrandbits(128), version=4)}") is None


@pytest.mark.parametrize(
    "identifier", ["a-4242424242424242-b", "4242424242424242", "order_4000056655665556", "x4242424242424242"]
)
def test_a_card_number_in_an_id_is_still_found(identifier):
    assert private_kind(identifier) == "a card number"


@pytest.mark.parametrize("identifier", ["race-3-6818.107350103", "run-4-2424242424242", "a.37-8282.24631.0005"])
def test_numbers_of_an_id_are_not_joined_over_different_separators(identifier):
    assert private_kind(identifier) is None
