"""Plans: who subscribes to which, day by day."""

from core.sandbox.seed.book import Book
from core.sandbox.seed.business import PLANS
from core.sandbox.seed.catalogue import Catalogue
from core.sandbox.seed.outage import Outage
from core.sandbox.seed.patients import Patients
from core.sandbox.seed.subscribing import Story

PLANS_BY_WEIGHT = {offer: offer.weight for offer in PLANS}


class Plans:
    """Starts subscriptions and writes each to its end, or to the end of the history."""

    def __init__(self, book: Book, patients: Patients, catalogue: Catalogue, outage: Outage) -> None:
        self._book = book
        self._patients = patients
        self._catalogue = catalogue
        self._outage = outage

    def write(self, at: int) -> None:
        patient = self._patients.returning(at) if self._book.happens(0.35) else None
        patient = patient if patient is not None and patient.country == "US" else self._patients.new(at)
        offer = self._book.one_of(PLANS_BY_WEIGHT)
        Story(self._book, self._patients, self._catalogue, self._outage, patient, offer.key, at).tell()
