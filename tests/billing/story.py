"""Helpers to describe subscriptions by events or Stripe's answers, and to read the figures of a month in New York."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.events import inbox, projections
from core.events.registry import Snapshot
from core.events.repair.backfill import FETCHED
from core.monitoring import metrics
from core.periods import Period
from tests.factories import body_of, event

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MOVEMENTS = ("new", "expansion", "contraction", "churned", "reactivated")


def on(month, day=1, hour=12):
    """Seconds of a New York time in 2026."""
    return int(datetime(2026, month, day, hour, tzinfo=ZONE).timestamp())


def price(amount=2900, *, interval="month", count=1, **fields):
    recurring = {"interval": interval, "interval_count": count, "usage_type": fields.pop("usage_type", "licensed")}
    return {"id": f"price_{amount}", "product": "prod_1", "unit_amount": amount, "recurring": recurring} | fields


def item(amount=2900, *, quantity=1, number=1, discounts=(), **fields):
    return {
        "id": f"si_{number}",
        "quantity": quantity,
        "discounts": list(discounts),
        "price": fields.pop("price", None) or price(amount, **fields),
    }


def subscription(number=1, *items, start=None, status="active", customer=None, **fields):
    started = start or on(6)
    return {
        "id": f"sub_{number}",
        "object": "subscription",
        "livemode": False,
        "created": started,
        "start_date": started,
        "customer": customer or f"cus_{number}",
        "currency": "usd",
        "status": status,
        "discounts": [],
        "items": {"data": list(items) or [item(number=number)]},
    } | fields


def coupon(name="co_1", *, duration="forever", **fields):
    return {"id": name, "object": "coupon", "livemode": False, "created": on(1), "duration": duration} | fields


def discount(name="di_1", *, start=None, of=None, **fields):
    """`of` is the coupon, whole or as its id."""
    return {
        "id": name,
        "object": "discount",
        "start": start or on(6),
        "end": None,
        "source": {"type": "coupon", "coupon": of or coupon(percent_off=20)},
    } | fields


class Story:
    """Events are told one by one and received when figures are asked for; answers are mirrored at once."""

    def __init__(self, database):
        self.database = database
        self.told = []

    def tell(self, subject, at, event_type="customer.subscription.updated", *, name=None, previous=None):
        """One event; `name` is its id, where the order of ids matters."""
        number = len(self.told)
        told = event(name or f"evt_{number:04}", event_type, subject, at=at)
        if previous is not None:
            told["data"]["previous_attributes"] = previous
        self.told.append(told)

    def create(self, subject, at=None):
        self.tell(subject, at or subject["created"], "customer.subscription.created")

    def receive(self, events=None):
        batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events or self.told]
        outcomes = inbox.receive(self.database, batch, now=NOW) if batch else []
        assert set(outcomes) <= {"applied", "duplicate"}, outcomes

    def answer(self, subject, at=NOW, projection=projections.subscriptions.subscription):
        """What Stripe answered about it then, as a backfill or a refetch mirrors it."""
        moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
        self.database.call("load_records", records=projection(Snapshot(subject, moment, FETCHED, False)))

    def figures(self, month=10, *, currency="usd", now=NOW):
        """The figures of a whole month, up to now."""
        self.receive()
        since = date(2026, month, 1)
        until = min((since + timedelta(days=31)).replace(day=1) - timedelta(days=1), now.astimezone(ZONE).date())
        return metrics.overview(self.database, Period(since, until, ZONE), currency=currency, now=now)["metrics"]

    def mrr(self, month=10, **asked):
        return self.figures(month, **asked)["mrr"]["value"]

    def moved(self, month=10, **asked):
        """The movements that are not 0."""
        found = self.figures(month, **asked)
        values = {name: found[f"mrr_{name}"]["value"] for name in MOVEMENTS}
        return {name: value for name, value in values.items() if value}

    def churn(self, month=10, **asked):
        """The churned customers with Stripe's denominator and with the classic one."""
        found = self.figures(month, **asked)
        stripes, classic = found["subscriber_churn_rate"], found["subscriber_churn_rate_classic"]
        assert stripes["numerator"] == classic["numerator"]
        return stripes["numerator"], stripes["denominator"], classic["denominator"]
