"""Random histories of payments: what Stripe would hold and tell of them, from a seed."""

from tests.figures.book import Book
from tests.figures.model import History, Json

CODES = ("insufficient_funds", "do_not_honor", "processing_error", "expired_card", "lost_card", "fraudulent")
BLOCKS = ("rule", "elevated_risk_level", "previously_declined_do_not_retry")
DEBIT_CODES = ("insufficient_funds", "bank_account_closed", "debit_not_authorized", "processing_error")
ADVICE = (None, None, None, "confirm_card_data", "do_not_try_again", "try_again_later")
ENDINGS = (
    ("warning_needs_response",),
    ("warning_needs_response", "warning_under_review", "warning_closed"),
    ("warning_needs_response", "needs_response", "lost"),
    ("needs_response",),
    ("needs_response", "under_review", "won"),
    ("needs_response", "lost"),
    ("needs_response", "under_review", "lost", "appeal_needs_response"),
    ("needs_response", "lost", "appeal_under_review", "won"),
    ("prevented",),
)
CLOSED = {"warning_closed", "won", "lost", "prevented"}
ASIDE = ("payout", "topup", "other_adjustment", "tax", "network_cost", "fee", "issuing_transaction")


class Author(Book):
    """Writes one history: which payments it has, and what they go through."""

    def write(self) -> History:
        for _ in range(self.random.randint(3, 12)):
            self.begin()
            kind = self.random.choice(
                [
                    self.card,
                    self.card,
                    self.card,
                    self.debit,
                    self.held,
                    self.held,
                    self.abandoned,
                    self.renewal,
                    self.bare,
                ]
            )
            kind()
        for _ in range(self.random.randint(0, 3)):
            self.begin()
            self.book(self.random.choice(ASIDE), self.random.randint(-5000, 5000), self.currency, fee=0)
        self._calls()
        return self.history

    # What payments go through.

    def card(self) -> None:
        intent = self.intent()
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self.random.choice([self.decline, self.decline, self.block, self.fail_authentication])(intent)
            self.wait(30, 90_000)
        end = self.random.random()
        if end < 0.6:
            self.after(self.succeed(intent))
        elif end < 0.8:
            self.decline(intent)
        elif end < 0.9:
            self.fail_authentication(intent)
        if intent["status"] == "requires_payment_method" and self.random.random() < 0.2:
            self.wait(1, 9_000)
            intent.update(status="canceled")
            self.tell("payment_intent.canceled", intent)

    def debit(self) -> None:
        intent = self.intent()
        charge = self.charge(intent, status="pending", method="us_bank_account")
        self.tell("charge.pending", charge)
        intent.update(status="processing")
        self.tell("payment_intent.processing", intent)
        self.wait(3600, 3 * 86_400)
        end = self.random.random()
        if end < 0.4:
            charge["status"] = "succeeded"
            self.book_charge(charge)
            self.tell("charge.succeeded", charge)
            intent.update(status="succeeded")
            self.tell("payment_intent.succeeded", intent)
            if self.random.random() < 0.4:  # the bank returns it
                self.wait(3600, 2 * 86_400)
                self.book("charge_failure", -charge["amount"], self.currency, fee=400)
        elif end < 0.7:
            charge.update(
                status="failed", captured=False, amount_captured=0, failure_code=self.random.choice(DEBIT_CODES)
            )
            self.tell("charge.failed", charge)
            intent.update(status="requires_payment_method", last_payment_error={"charge": charge["id"], "code": "x"})
            self.tell("payment_intent.payment_failed", intent)

    def held(self) -> None:
        intent = self.intent(capture_method="manual")
        if self.random.random() < 0.3:
            self.decline(intent)
            self.wait(30, 9_000)
        charge = self.charge(intent, captured=False)
        self.tell("charge.succeeded", charge)
        intent.update(status="requires_capture", last_payment_error=None)
        self.tell("payment_intent.amount_capturable_updated", intent)
        self.wait(3600, 5 * 86_400)
        end = self.random.random()
        if end < 0.6:
            self.capture(intent, charge)
            self.after(charge)
        elif end < 0.85:
            charge.update(amount_refunded=charge["amount"], refunded=True)
            self.tell("charge.refunded", charge)
            intent.update(status="canceled")
            self.tell("payment_intent.canceled", intent)

    def abandoned(self) -> None:
        intent = self.intent()
        if self.random.random() < 0.4:
            self.wait(86_000, 90_000)
            self.random.choice([self.succeed, self.decline])(intent)

    def renewal(self) -> None:
        intent = self.intent()
        invoice = {
            "id": f"in_{intent['id']}",
            "object": "invoice",
            "livemode": False,
            "created": intent["created"],
            "status": "open",
            "customer": "cus_1",
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": f"sub_{intent['id']}"}},
            "billing_reason": self.random.choice(["subscription_cycle", "subscription_create"]),
            "currency": intent["currency"],
            "amount_due": intent["amount"],
            "amount_paid": 0,
            "amount_remaining": intent["amount"],
            "attempt_count": 1,
            "status_transitions": {"finalized_at": self.clock + 1},
        }
        self.history.objects["invoice"].append(invoice)
        failed = self.random.random() < 0.6
        if failed:
            self.decline(intent)
        if not failed or self.random.random() < 0.6:
            self.wait(30, 200_000)
            self.succeed(intent)
            invoice.update(status="paid", amount_paid=intent["amount"], amount_remaining=0, attempt_count=1 + failed)
            link = {
                "id": f"inpay_{intent['id']}",
                "object": "invoice_payment",
                "livemode": False,
                "created": intent["created"],
                "invoice": invoice["id"],
                "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
                "status": "paid",
                "amount_paid": intent["amount"],
                "amount_requested": intent["amount"],
                "currency": intent["currency"],
            }
            self.history.objects["invoice_payment"].append(link)
            self.tell("invoice_payment.paid", link)
            self.tell("invoice.paid", invoice)
        else:
            self.history.objects["invoice"].remove(invoice)  # what links an open one is asked of Stripe by the worker

    def bare(self) -> None:
        """A charge without an intent, as older integrations make them."""
        charge = self.charge(None)
        self.book_charge(charge)
        self.tell("charge.succeeded", charge)
        self.after(charge)

    # The steps.

    def succeed(self, intent: Json) -> Json:
        charge = self.charge(intent)
        self.book_charge(charge)
        self.tell("charge.succeeded", charge)
        intent.update(status="succeeded", amount_received=intent["amount"], last_payment_error=None)
        self.tell("payment_intent.succeeded", intent)
        return charge

    def decline(self, intent: Json) -> None:
        outcome = {
            "network_status": "declined_by_network",
            "type": "issuer_declined",
            "reason": self.random.choice(CODES),
        }
        self._failed(intent, outcome | {"advice_code": self.random.choice(ADVICE)})

    def block(self, intent: Json) -> None:
        self._failed(
            intent, {"network_status": "not_sent_to_network", "type": "blocked", "reason": self.random.choice(BLOCKS)}
        )

    def _failed(self, intent: Json, outcome: Json) -> None:
        charge = self.charge(intent, status="failed", captured=False)
        charge.update(failure_code="card_declined", outcome=outcome)
        self.tell("charge.failed", charge)
        error = {"charge": charge["id"], "code": "card_declined", "decline_code": outcome["reason"]}
        intent.update(status="requires_payment_method", last_payment_error=error)
        self.tell("payment_intent.payment_failed", intent)

    def fail_authentication(self, intent: Json) -> None:
        error = {"code": "payment_intent_authentication_failure", "type": "invalid_request_error"}
        intent.update(status="requires_payment_method", last_payment_error=error)
        self.tell("payment_intent.payment_failed", intent)

    def capture(self, intent: Json, charge: Json) -> None:
        part = charge["amount"] if self.random.random() < 0.5 else self.random.randint(1, charge["amount"])
        rest = charge["amount"] - part
        self.book_charge(charge)
        if rest:
            self.book("partial_capture_reversal", -rest, self.currency, fee=0)
        charge.update(captured=True, amount_captured=part, amount_refunded=rest)
        self.tell("charge.captured", charge)
        intent.update(status="succeeded", amount_received=part)
        self.tell("payment_intent.succeeded", intent)

    def after(self, charge: Json) -> None:
        """Refunds, warnings and disputes."""
        if self.random.random() < 0.25:
            self.refund(charge)
        if self.random.random() < 0.15:
            self.warn(charge)
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2])):
            self.dispute(charge)

    def refund(self, charge: Json) -> None:
        self.wait(60, 86_400)
        self.count += 1
        left = charge["amount"] - charge["amount_refunded"]
        if left <= 0:
            return
        amount = self.random.randint(1, left)
        refund = {
            "id": f"re_{self.name}_{self.count}",
            "object": "refund",
            "created": self.clock,
            "amount": amount,
            "currency": charge["currency"],
            "status": "succeeded",
            "charge": charge["id"],
            "payment_intent": charge["payment_intent"],
        }
        self.history.objects["refund"].append(refund)
        self.book("refund", -amount, charge["currency"], fee=0)
        self.tell("refund.created", refund)
        charge["amount_refunded"] += amount
        self.tell("charge.refunded", charge)
        if self.random.random() < 0.3:
            self.wait(60, 86_400)
            refund["status"] = "failed"
            self.book("refund_failure", amount, charge["currency"], fee=0)
            self.tell("refund.failed", refund)

    def warn(self, charge: Json) -> None:
        self.wait(60, 86_400)
        self.count += 1
        warning = {
            "id": f"issfr_{self.name}_{self.count}",
            "object": "radar.early_fraud_warning",
            "livemode": False,
            "created": self.clock,
            "charge": charge["id"],
            "payment_intent": charge["payment_intent"],
            "actionable": True,
            "fraud_type": "misc",
        }
        self.history.objects["early_fraud_warning"].append(warning)
        self.tell("radar.early_fraud_warning.created", warning)

    def dispute(self, charge: Json) -> None:
        self.wait(60, 2 * 86_400)
        self.count += 1
        statuses = self.random.choice(ENDINGS)
        dispute = {
            "id": f"du_{self.name}_{self.count}",
            "object": "dispute",
            "livemode": False,
            "created": self.clock,
            "charge": charge["id"],
            "payment_intent": charge["payment_intent"],
            "amount": charge["amount"],
            "currency": charge["currency"],
            "status": statuses[0],
            "reason": "fraudulent",
            "evidence_details": {},
        }
        self.history.objects["dispute"].append(dispute)
        self.tell("charge.dispute.created", dispute)
        if statuses[0] == "needs_response":
            self.book("dispute", -charge["amount"], charge["currency"], fee=1500)
        for status in statuses[1:]:
            self.wait(3600, 2 * 86_400)
            dispute["status"] = status
            if status == "won":
                self.book("dispute_reversal", charge["amount"], charge["currency"], fee=0)
            self.tell("charge.dispute.closed" if status in CLOSED else "charge.dispute.updated", dispute)

    def _calls(self) -> None:
        for _ in range(self.random.randint(0, 5)):
            self.begin()
            self.history.api_calls.append((self.clock, self.random.randint(1, 4000) / 2))
            operation = self.random.choice(["post payment_intents", "get charges/*", "delete subscriptions/*"])
            self.history.stripe_calls.append((self.clock, operation, self.random.randint(1, 4000) / 2))
