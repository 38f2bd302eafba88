"""Revenue: every breakdown adds up to the balance to the cent, in the currency that was settled."""

import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.events import projections
from core.events.registry import Snapshot, merged
from core.events.repair.backfill import FETCHED
from core.finance import revenue, revenue_figures
from core.finance.revenue import DIMENSIONS, Sums
from core.monitoring import metrics
from core.periods import Period
from tests.factories import charge, intent

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31), ZONE)


def at(day, hour=12, month=10):
    return int(datetime(2026, month, day, hour, tzinfo=ZONE).timestamp())


def movement(name, amount, fee=0, *, source="ch_1", category="charge", currency="usd", created=None, rate=None):
    return {
        "id": f"txn_{name}",
        "object": "balance_transaction",
        "created": created or at(10),
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": currency,
        "type": "charge",
        "reporting_category": category,
        "source": source,
        "available_on": at(12),
        "exchange_rate": rate,
    }


def line(amount, name):
    return {"amount": amount, "pricing": {"price_details": {"price": f"price_{name}", "product": f"prod_{name}"}}}


def invoice(name, *lines, subscription="sub_1"):
    return {
        "id": name,
        "object": "invoice",
        "livemode": False,
        "created": at(10),
        "status": "paid",
        "currency": "usd",
        "parent": {"subscription_details": {"subscription": subscription}},
        "lines": {"data": list(lines)},
    }


def invoice_payment(invoice_id, intent_id):
    payment = {"type": "payment_intent", "payment_intent": intent_id}
    return {
        "id": f"inpay_{intent_id}",
        "object": "invoice_payment",
        "created": at(10),
        "status": "paid",
        "currency": "usd",
        "invoice": invoice_id,
        "payment": payment,
    }


class Mirror:
    """What Stripe answered, mirrored at once."""

    def __init__(self, database):
        self.database = database

    def load(self, projection, *objects):
        snapshots = [Snapshot(each, NOW, FETCHED, False) for each in objects]
        self.database.call("load_records", records=merged(projection(each) for each in snapshots))

    def paid(self, name="1", amount=4900, *, card=("visa", "US"), currency="usd", cart=None, **fields):
        details = {"type": "card", "card": {"brand": card[0], "country": card[1], "last4": "4242"}}
        told = {"created": at(10), "payment_intent": f"pi_{name}", "amount": amount, "amount_captured": amount}
        charged = charge(id=f"ch_{name}", currency=currency, payment_method_details=details, **told)
        metadata = {"orderId": f"order-{name}", "patientId": f"patient-{name}"} | ({"payopsCart": cart} if cart else {})
        made = intent(id=f"pi_{name}", created=at(10), amount=amount, currency=currency, metadata=metadata, **fields)
        self.load(projections.payments.payment_intent, made | {"status": "succeeded"})
        self.load(projections.payments.charge, charged)

    def moved(self, *movements):
        self.load(projections.balances.balance_transaction, *movements)

    def revenue(self, period=OCTOBER, currency="usd"):
        return revenue.load(self.database, period, currency=currency, now=NOW)

    def net_by(self, dimension, **asked):
        return {each.key: each.sums.net_minor for each in self.revenue(**asked).breakdowns[dimension]}


@pytest.fixture
def mirror(database, owner):
    return Mirror(database)


def test_a_payment_in_euros_that_settles_in_dollars_is_dollars_with_its_rate(mirror):
    mirror.paid(amount=10_000, currency="eur")
    mirror.moved(movement("1", 10_800, 350, rate=1.08))
    found = mirror.revenue()
    assert (found.totals.gross_minor, found.totals.fees_minor, found.totals.net_minor) == (10_800, 350, 10_450)
    (abroad,) = found.breakdowns["presentment"]
    assert (abroad.key, abroad.presented_minor, abroad.rate("usd")) == ("eur", 10_000, pytest.approx(1.08))
    assert revenue_figures.rate_in_words(abroad, "usd") == "1 EUR = 1.0800 USD"
    assert mirror.revenue(currency="eur").totals is None
    assert revenue.currencies(mirror.database) == ["usd"]


def test_an_invoice_of_several_lines_is_divided_to_the_cent_and_so_are_its_refund_and_fees(mirror):
    mirror.paid(amount=1000)
    mirror.load(
        projections.billing.invoice, invoice("in_1", line(100, "a"), line(200, "b"), line(-50, "c"), line(3, "d"))
    )
    mirror.load(projections.billing.invoice_payment, invoice_payment("in_1", "pi_1"))
    refund = {"id": "re_1", "object": "refund", "created": at(11), "amount": 334, "currency": "usd"}
    mirror.load(
        projections.payments.refund, refund | {"status": "succeeded", "charge": "ch_1", "payment_intent": "pi_1"}
    )
    mirror.moved(movement("1", 1000, 59), movement("2", -334, source="re_1", category="refund", created=at(11)))
    found = {each.key: each.sums for each in mirror.revenue().breakdowns["product"]}
    assert {key: each.gross_minor for key, each in found.items()} == {"prod_a": 330, "prod_b": 660, "prod_d": 10}
    assert sum(each.refunded_minor for each in found.values()) == 334
    assert sum(each.fees_minor for each in found.values()) == 59
    assert mirror.net_by("plan").keys() == {"price_a", "price_b", "price_d"}


def test_a_single_payment_is_of_what_its_cart_held(mirror):
    mirror.paid(amount=3000, cart="prod_visit/price_visit:2000,prod_kit/price_kit:1000")
    mirror.moved(movement("1", 3000))
    assert mirror.net_by("product") == {"prod_visit": 2000, "prod_kit": 1000}


def test_a_late_consultation_sets_its_payments_state(mirror, owner):
    mirror.paid()
    mirror.moved(movement("1", 4900))
    assert mirror.net_by("state") == {"": 4900}
    owner.execute(
        "insert into payops.consultations (submission_id, body_sha256, patient_id, state, specialty, order_id,"
        " received_at, status, reason) values ('sub', 'x', 'patient-9', 'TX', 'dermatology', 'order-1', %s, 'waiting',"
        " 'nobody free')",
        [NOW],
    )
    assert mirror.net_by("state") == {"TX": 4900}
    assert mirror.net_by("product") == {"visit:dermatology": 4900}


def test_late_records_move_a_payment_to_its_breakdown(mirror):
    mirror.moved(movement("1", 4900), movement("2", -20, source=None, category="fee"))
    assert mirror.net_by("card") == {"-": 4880}
    mirror.paid()
    assert mirror.net_by("card") == {"visa US": 4900, "-": -20}
    mirror.load(projections.billing.invoice_payment, invoice_payment("in_1", "pi_1"))
    mirror.load(projections.billing.invoice, invoice("in_1", line(4900, "a")))
    assert mirror.net_by("product") == {"prod_a": 4900, "-": -20}


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Honolulu", "Asia/Kolkata"])
def test_each_payment_is_in_one_day_and_the_days_add_up_to_the_month(mirror, owner, zone):
    """Over a change to winter time, month ends and 29 February, at midnight and a second before it."""
    here = ZoneInfo(zone)
    moments = []
    for day in (date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2026, 11, 1), date(2026, 10, 31)):
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=here).timestamp())
        moments += [midnight - 1, midnight, midnight + 5400]
    owner.execute("update payops.business set timezone = %s", [zone])
    try:
        mirror.moved(*(movement(f"{n}", 100 + n, source=None, created=each) for n, each in enumerate(moments)))
        expected = Counter()
        for n, each in enumerate(moments):
            expected[datetime.fromtimestamp(each, here).date()] += 100 + n
        for since, until in ((date(2028, 2, 1), date(2028, 2, 29)), (date(2026, 10, 1), date(2026, 10, 31))):
            found = mirror.revenue(Period(since, until, here))
            assert {each.day: each.sums.gross_minor for each in found.daily if each.sums.gross_minor} == {
                day: total for day, total in expected.items() if since <= day <= until
            }
            assert found.totals.gross_minor == sum(each.sums.gross_minor for each in found.daily)
    finally:
        owner.execute("update payops.business set timezone = 'America/New_York'")


@pytest.mark.parametrize("number", range(4))
def test_every_breakdown_adds_up_to_the_balance_and_to_a_plain_sum(mirror, number):
    chance = random.Random(number)
    movements, sources = [], []
    for n in range(12):
        mirror.paid(
            f"{n}", chance.randint(50, 20_000), card=chance.choice([("visa", "US"), ("amex", "DE"), ("visa", None)])
        )
        sources.append(f"ch_{n}")
        if n % 2:
            lines = [line(chance.randint(-500, 9_000), chance.choice("abcd")) for _ in range(chance.randint(1, 4))]
            mirror.load(projections.billing.invoice, invoice(f"in_{n}", *lines))
            mirror.load(projections.billing.invoice_payment, invoice_payment(f"in_{n}", f"pi_{n}"))
    kinds = ["charge"] * 5 + [
        "refund",
        "dispute",
        "dispute_reversal",
        "fee",
        "tax",
        "payout",
        "charge_failure",
        "moon_dust",
    ]
    for n in range(80):
        kind = chance.choice(kinds)
        sign = 1 if kind in ("charge", "dispute_reversal") else -1
        movements.append(
            movement(
                f"{n}",
                sign * chance.randint(1, 30_000),
                chance.choice([0, 0, chance.randint(1, 900)]),
                source=chance.choice([*sources, None]),
                category=kind,
                created=at(chance.randint(1, 31), chance.randint(0, 23)),
                rate=chance.choice([None, 1.0812]),
            )
        )
    mirror.moved(*movements)
    found = mirror.revenue()
    plain = _plain(movements)
    assert {name: getattr(found.totals, name) for name in plain} == plain
    for dimension in DIMENSIONS.values():
        summed = revenue.together([each.sums for each in found.breakdowns[dimension]])
        assert {name: getattr(summed, name) for name in plain} == plain, dimension
        november = Period(date(2026, 11, 1), date(2026, 11, 27), ZONE)  # nothing moved, but in the days before it did
        after = mirror.revenue(november)
        before = sum(each.net_before_minor for each in after.breakdowns[dimension])
        assert before == after.previous.net_minor
        assert {each.sums.net_minor for each in after.breakdowns[dimension]} == {0}
    days = revenue.together([each.sums for each in found.daily])
    assert days == found.totals
    figures = metrics.overview(mirror.database, OCTOBER, currency="usd", now=NOW)["metrics"]
    for name, field in (("gross", "gross_minor"), ("refunded", "refunded_minor"), ("net", "net_minor")):
        assert figures[name]["value"] == plain[field]
    assert figures["fees"]["value"] == plain["fees_minor"]


def _plain(movements):
    sums = defaultdict(int)
    parts = {"charge": "gross", "charge_failure": "gross", "refund": "refunded", "dispute": "disputed"}
    parts |= {"dispute_reversal": "disputed", "fee": "fees", "tax": "taxes"}
    for each in movements:
        part = parts.get(each["reporting_category"])
        if part is None:
            continue
        sums[f"{part}_minor"] += each["amount"] if part == "gross" else -each["amount"]
        sums["fees_minor"] += each["fee"]
        sums["net_minor"] += each["net"]
    known = {name: sums[name] for name in Sums.__dataclass_fields__ if name not in ("payments", "charge_fees_minor")}
    assert known["net_minor"] == known["gross_minor"] - sum(
        known[f"{name}_minor"] for name in ("refunded", "disputed", "fees", "taxes")
    )
    return known


def test_a_payout_is_expected_on_a_bank_day(mirror):
    thanksgiving = int(datetime(2026, 11, 26, tzinfo=UTC).timestamp())
    payout = {"id": "po_1", "object": "payout", "livemode": False, "created": at(24, month=11), "amount": 620_110}
    payout |= {"currency": "usd", "status": "in_transit", "arrival_date": thanksgiving, "automatic": True}
    mirror.load(projections.payouts.payout, payout)
    found = mirror.revenue()
    assert [each.expected_on for each in found.payouts] == [date(2026, 11, 27)]
    assert revenue_figures.payouts_in_words(found).startswith("1 payout totalling $6,201.10 is on the way; the next")


def test_the_29th_of_february_is_compared_with_the_28th():
    leap = Period(date(2028, 2, 29), date(2028, 3, 29), ZONE)
    assert revenue.a_year_before(leap) == Period(date(2027, 2, 28), date(2027, 3, 29), ZONE)


def test_long_periods_are_drawn_by_week_and_lose_nothing():
    days = [revenue.DaySums(date(2026, 1, 1) + timedelta(n), Sums(gross_minor=n)) for n in range(200)]
    weeks = revenue.in_steps(days)
    assert sum(each.sums.gross_minor for each in weeks) == sum(range(200))
    assert {each.days for each in weeks[1:]} == {7}
