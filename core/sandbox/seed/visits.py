"""One-time visits: paid at once, paid after one or two declines, or abandoned."""

from core.payments.operations.catalogue import CART
from core.sandbox.engine.errors import Json
from core.sandbox.objects.payments import payment_intents
from core.sandbox.seed import aftermath, sessions
from core.sandbox.seed.attempts import decline, fail_authentication, succeed, takes_authentication
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import (
    ABROAD,
    AGAIN_WORKS,
    DECLINE_MIX,
    HARD,
    HOSTED_SHARE,
    NEVER_CONFIRMED,
    OUTAGE_TRIES_AGAIN,
    RETURNING_SHARE,
    SECURE_FAILS,
    TRIES_AGAIN,
    VISIT_DECLINE_RATE,
    VISITS,
    Offer,
)
from core.sandbox.seed.catalogue import Catalogue
from core.sandbox.seed.outage import Outage
from core.sandbox.seed.patients import Patient, Patients

BY_WEIGHT = {offer: offer.weight for offer in VISITS}
MOST_TRIES = 4


class Visits:
    """Writes the payments of visits, one after the other."""

    def __init__(self, book: Book, patients: Patients, catalogue: Catalogue, outage: Outage) -> None:
        self._book = book
        self._patients = patients
        self._catalogue = catalogue
        self._outage = outage

    def write(self, at: int) -> None:
        """Everything that happens to the payment of a visit booked at that moment."""
        patient = (self._patients.returning(at) if self._book.happens(RETURNING_SHARE) else None) or self._patients.new(
            at
        )
        offer = ABROAD.get(patient.country) or self._book.one_of(BY_WEIGHT)
        order = {"orderId": f"ord_{self._book.ids.letters(12)}", "patientId": patient.patient_id}
        bought = {**order, CART: f"prod_{offer.key}/price_{offer.key}:{offer.amount_minor}"}
        page = None
        if self._book.happens(HOSTED_SHARE):
            price = self._catalogue.prices[offer.key]
            page = sessions.begin(self._book, patient, price, order, bought, at)
        if self._book.happens(NEVER_CONFIRMED):
            self._left(page, patient, offer, bought, at)
            return
        intent = self._intent(patient, offer, bought, at)
        charge = self._tried(intent, patient, at)
        self._book.keep(intent)
        if page is not None:
            sessions.close(self._book, page, intent["id"], charge["created"] if charge else None)
        if charge is not None:
            aftermath.follow(self._book, charge)

    def _left(self, page: Json | None, patient: Patient, offer: Offer, order: dict[str, str], at: int) -> None:
        """Stripe Checkout creates the intent when the customer pays; our own form creates it at once."""
        if page is not None:
            sessions.close(self._book, page, None, None)
        else:
            self._book.keep(self._intent(patient, offer, order, at))

    def _intent(self, patient: Patient, offer: Offer, order: dict[str, str], at: int) -> Json:
        book = self._book
        intent = payment_intents.build(
            book.ids.new("payment_intent"),
            book.ids.letters(25),
            at,
            amount=offer.amount_minor,
            currency=offer.currency,
            customer=patient.customer["id"],
            metadata=order,
        )
        intent |= {"description": offer.name, "setup_future_usage": "off_session"}
        book.tell("payment_intent.created", intent, at)
        return intent

    def _tried(self, intent: Json, patient: Patient, at: int) -> Json | None:
        """Attempt until one succeeds, the patient gives up, or the history ends."""
        chance = self._book.chance
        moment = at + (chance.randrange(0, 3) if chance.random() < 0.55 else chance.randrange(4, 95))
        for number in range(MOST_TRIES):
            if moment > self._book.until:
                return None
            code = self._decline_code(moment, number)
            secure = code is None and takes_authentication(self._book, patient.country)
            if secure and self._book.happens(SECURE_FAILS):
                fail_authentication(self._book, intent, patient.card, moment)
            elif code is not None:
                decline(self._book, intent, patient.card, moment, code)
                self._card_for_next_time(patient, code, moment)
            else:
                charge = succeed(self._book, intent, patient.card, moment, secure=secure)
                self._patients.save_card(patient, moment)
                return charge
            if not self._book.happens(OUTAGE_TRIES_AGAIN if self._outage.covers(moment) else TRIES_AGAIN):
                return None
            moment += chance.randrange(20, 420) if chance.random() < 0.85 else chance.randrange(3600, 90_000)
        return None

    def _decline_code(self, at: int, number: int) -> str | None:
        struck = self._outage.decline_code(self._book, at)
        if struck is not None:
            return struck
        rate = VISIT_DECLINE_RATE if number == 0 else 1 - AGAIN_WORKS
        return self._book.one_of(DECLINE_MIX) if self._book.happens(rate) else None

    def _card_for_next_time(self, patient: Patient, code: str, at: int) -> None:
        """After a hard decline many patients use another card; some leave the declined one for staff to retry."""
        if self._book.until - at < 6 * 86_400 and self._book.happens(0.5):
            self._book.hide(patient.card["id"], {"declines": [code]})
        if code in HARD and patient.card["customer"] is None and self._book.happens(0.8):
            self._book.keep(patient.card)
            patient.card = self._patients.new_card(at, patient.country)
