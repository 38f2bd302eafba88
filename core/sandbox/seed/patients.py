"""Patients with their cards: new ones, and those who come back."""

from dataclasses import dataclass

from core.sandbox.engine.errors import Json
from core.sandbox.objects import customers
from core.sandbox.objects.payments import payment_method_shape
from core.sandbox.objects.payments.cards import TestCard
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import BRANDS, COUNTRIES, FIRST_NAMES, FUNDING, LAST_NAMES

NO_BILLING: Json = {
    "address": {"city": None, "country": "US", "line1": None, "line2": None, "postal_code": None, "state": None},
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}


@dataclass
class Patient:
    """One customer with the card they use now."""

    customer: Json
    card: Json
    country: str
    saved: bool = False
    invoices: int = 0

    @property
    def patient_id(self) -> str:
        return str(self.customer["metadata"]["patientId"])


class Patients:
    """All patients so far; stored as customers when the history ends."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._all: list[Patient] = []

    def new(self, at: int) -> Patient:
        chance = self._book.chance
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        country = self._book.one_of(COUNTRIES)
        bits = f"{chance.getrandbits(128):032x}"
        patient_id = f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"
        customer = customers.build(
            self._book.ids.new("customer"),
            at,
            email=f"{first}.{last}{chance.randrange(10_000)}@example.com".lower(),
            name=f"{first} {last}",
            metadata={"patientId": patient_id},
            prefix=bits[:8].upper(),
        )
        patient = Patient(customer, self.new_card(at, country), country)
        self._all.append(patient)
        self._book.tell("customer.created", customer, at)
        return patient

    def returning(self, at: int) -> Patient | None:
        """A random patient who has paid before; `None` if the chosen one had no saved card at that time."""
        if not self._all:
            return None
        drawn = self._all[int(self._book.chance.random() ** 0.7 * len(self._all))]
        return drawn if drawn.saved and max(drawn.customer["created"], drawn.card["created"]) < at else None

    def new_card(self, at: int, country: str) -> Json:
        chance = self._book.chance
        brand = self._book.one_of(BRANDS)
        card = TestCard(
            brand=brand, last4=f"{chance.randrange(10_000):04d}", country=country, funding=self._book.one_of(FUNDING)
        )
        years = 1970 + at // 31_557_600 + 1 + chance.randrange(5)
        fingerprint = f"{chance.getrandbits(64):016x}"
        details = payment_method_shape.card_details(card, fingerprint, 1 + chance.randrange(12), years)
        return payment_method_shape.build(self._book.ids.new("payment_method"), details, at, billing=NO_BILLING)

    def save_card(self, patient: Patient, at: int) -> None:
        """Save the card that paid."""
        if patient.card["customer"] is None:
            patient.card["customer"] = patient.customer["id"]
            patient.saved = True
            self._book.tell("payment_method.attached", patient.card, at)

    def make_default(self, patient: Patient, at: int) -> None:
        settings = patient.customer["invoice_settings"]
        if settings["default_payment_method"] != patient.card["id"]:
            before = {"invoice_settings": dict(settings)}
            settings["default_payment_method"] = patient.card["id"]
            self._book.tell("customer.updated", patient.customer, at, before)

    def replace_card(self, patient: Patient, at: int) -> None:
        """Make a new card the default; the old one stays on file."""
        self._book.keep(patient.card)
        patient.card = self.new_card(at, patient.country)
        patient.saved = False
        self.save_card(patient, at)
        self.make_default(patient, at)

    def close(self) -> None:
        for patient in self._all:
            self._book.keep(patient.customer, patient.card)
            if patient.invoices:
                self._book.hide(f"invoices:{patient.customer['id']}", {"next": patient.invoices + 1})
