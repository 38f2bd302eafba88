"""Ids that look like Stripe's: a prefix and random letters and digits."""

import random
import string

LETTERS = string.ascii_letters + string.digits
PREFIXES = {
    "customer": "cus_",
    "payment_method": "pm_1",
    "payment_intent": "pi_3",
    "setup_intent": "seti_1",
    "charge": "ch_3",
    "refund": "re_3",
    "dispute": "du_1",
    "radar.early_fraud_warning": "issfr_1",
    "file": "file_1",
    "product": "prod_",
    "price": "price_1",
    "coupon": "",
    "promotion_code": "promo_1",
    "discount": "di_1",
    "checkout.session": "cs_test_",
    "subscription": "sub_1",
    "subscription_item": "si_",
    "invoice": "in_1",
    "line_item": "il_1",
    "invoice_payment": "inpay_1",
    "invoiceitem": "ii_1",
    "balance_transaction": "txn_3",
    "payout": "po_1",
    "credit_note": "cn_1",
    "subscription_schedule": "sub_sched_1",
    "event": "evt_1",
    "request": "req_",
    "webhook_endpoint": "we_1",
}


class Ids:
    """Creates ids; the same random source gives the same ids."""

    def __init__(self, source: random.Random | None = None) -> None:
        self._source = source or random.SystemRandom()

    def new(self, object_type: str) -> str:
        """An id of 23 random characters behind the prefix of `object_type`."""
        return PREFIXES[object_type] + self.letters(23 if object_type != "request" else 14)

    def letters(self, count: int) -> str:
        bits = self._source.getrandbits(count * 6)
        drawn = []
        for _ in range(count):
            drawn.append(LETTERS[(bits & 63) % 62])
            bits >>= 6
        return "".join(drawn)
