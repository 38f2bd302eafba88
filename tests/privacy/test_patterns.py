"""Text that reveals something about a patient, and text that only looks like it."""

from datetime import date

import pytest

from core.errors import Refused
from core.privacy.outgoing import Screen
from core.privacy.patterns import Kind, kinds_in, normal

WORDS = frozenset({"depression", "hair loss", "tretinoin", "urinary tract infection"})
TODAY = date(2026, 11, 27)


def kinds(text):
    return kinds_in(text, WORDS, TODAY)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Visit for depression", Kind.CLINICAL_WORD),
        ("DEPRESSION-visit", Kind.CLINICAL_WORD),
        ("order_tretinoin_0.05", Kind.CLINICAL_WORD),
        ("Tretinoïn cream", Kind.CLINICAL_WORD),
        ("hair  loss plan", Kind.CLINICAL_WORD),
        ("urinary tract infections", Kind.CLINICAL_WORD),
        ("Ｄｅｐｒｅｓｓｉｏｎ", Kind.CLINICAL_WORD),
        ("F32.1", Kind.DIAGNOSIS_CODE),
        ("for e11.9, monthly", Kind.DIAGNOSIS_CODE),
        ("S72.001A", Kind.DIAGNOSIS_CODE),
        ("ICD-10: E11", Kind.DIAGNOSIS_CODE),
        ("U07.1", Kind.DIAGNOSIS_CODE),
        ("dx U099", Kind.DIAGNOSIS_CODE),
        ("dx F329", Kind.DIAGNOSIS_CODE),
        ("diagnosis code: L20", Kind.DIAGNOSIS_CODE),
        ("1984-05-12", Kind.BIRTH_DATE),
        ("patient 05/12/1984", Kind.BIRTH_DATE),
        ("12.05.1984", Kind.BIRTH_DATE),
        ("May 12, 1984", Kind.BIRTH_DATE),
        ("12 May 1984", Kind.BIRTH_DATE),
        ("DOB 5/12/84", Kind.BIRTH_DATE),
        ("patient 5/12/84", Kind.BIRTH_DATE),
        ("born 2019-03-04", Kind.BIRTH_DATE),
        ("date of birth: 3 March 2020", Kind.BIRTH_DATE),
        ("ask jane@example.com", Kind.EMAIL),
        ("call +1 212 555 0134", Kind.PHONE),
        ("card 4242 4242 4242 4242", Kind.CARD),
    ],
)
def test_private_text_is_recognised(text, kind):
    assert kind in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Online consultation",
        "Order 10234 of 2026-11-20",
        "Renewal on Nov 20, 2026",
        "Plan A10 for 3 months",
        "Version 2.5.1",
        "Visit of 11/20/26",
        "Due 12/31/27",
        "1/2/80/4",
        "B12-2034",
        "hair care",
        "Invoice INV-2026-000123",
        "pi_3Q8Z1k2eZvKYlo2C0abcdefg",
        "Half a year from 01/02/2027",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6",
        "pressing matters",
        "13/13/1999",
    ],
)
def test_ordinary_shop_text_is_accepted(text):
    assert kinds(text) == set()


@pytest.mark.parametrize("word", ["Hair  Loss", "hair-loss", "HAIR LOSS"])
def test_a_phrase_is_compared_in_one_form(word):
    assert normal(word) == "hair loss"


SCREEN = Screen(lambda: WORDS, lambda: TODAY)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"description": "depression"}, "description"),
        ({"metadata": {"orderId": "tretinoin-1"}}, "orderId"),
        ({"payment_intent_data": {"metadata": {"note": "F32.1"}}}, "note"),
        ({"statement_descriptor_suffix": "HAIR LOSS"}, "statement_descriptor_suffix"),
        ({"evidence": {"uncategorized_text": "She was born 1984-05-12"}}, "uncategorized_text"),
        ({"evidence": {"customer_name": "Ann, depression"}}, "customer_name"),
        ({"success_url": "https://shop.example.com/?mail=ann@mail.org"}, "options.success_url"),
        ({"line_items": [{"price_data": {"product_data": {"name": "Tretinoin"}}}]}, "name"),
        ({"cancellation_details": {"comment": "no more depression"}}, "comment"),
    ],
)
def test_private_text_is_refused_by_its_field_and_not_repeated(params, path):
    with pytest.raises(Refused) as refused:
        SCREEN(params)
    assert (refused.value.code, refused.value.facts["path"]) == ("private_text", path)
    for text in ("depression", "tretinoin", "F32", "1984", "ann@"):
        assert text not in refused.value.detail.lower()


@pytest.mark.parametrize(
    "params",
    [
        {"email": "ann@mail.org", "customer": "cus_1", "amount": 4900},
        {"evidence": {"customer_email_address": "ann@mail.org", "customer_name": "Ann Lee"}},
        {"success_url": "https://shop.example.com/hair-loss/thanks?session={CHECKOUT_SESSION_ID}"},
        {"metadata": {"orderId": "order-17", "patientId": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}},
        {"reason": "requested_by_customer", "expand": ["charge"]},
    ],
)
def test_text_that_stripe_needs_is_allowed(params):
    SCREEN(params)
