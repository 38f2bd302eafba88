"""The month of a test, and each kind of damage that can be done to it, with what has to be found."""

from datetime import timedelta

from core.finance.bank_days import add_bank_days


class Month:
    """The month's connection: what a test changes here is rolled back."""

    def __init__(self, connection, now):
        self.connection, self.now = connection, now

    def run(self, query, *values):
        return self.connection.execute(query, values)

    def rows(self, query, *values):
        return self.run(query, *values).fetchall()

    def value(self, query, *values):
        return self.run(query, *values).fetchone()[0]

    def reconcile(self):
        return self.value("select payops_api.refresh_reconciliation(%s)", self.now)

    def open(self):
        """What is open after reconciling again: each mismatch's class and subject."""
        self.reconcile()
        return set(self.rows("select class, subject from payops.mismatches where state = 'open'"))

    def remainders(self):
        """What nothing explains, over all days, by currency and line."""
        figures = self.value("select payops_api.reconciliation('2026-01-01', '2026-12-31')")["currencies"]
        return {
            (each["currency"], line["line"]): line["remainder_minor"]
            for each in figures
            for line in each["lines"]
            if line["remainder_minor"]
        }

    def pick(self, random, query, *values):
        """One of the rows that a query finds, always the same one for a seed."""
        found = sorted(self.rows(query, *values))
        return random.choice(found)


# Payments in dollars that a payout of this month contains, of an amount that many others have too.
PAID_OUT = """
select b.id, c.id, k.payout_id, c.payment_intent_id
from payops.balance_transactions as b
inner join payops.charges as c on b.id = c.balance_transaction_id
inner join payops.payout_contents as k on b.id = k.balance_transaction_id
where b.currency = 'usd' and b.created > '2026-11-03' and c.card_country = 'US' and b.amount_minor in (7900, 6900, 9500)
"""
REFUNDED = """
select r.id, b.id from payops.refunds as r
inner join payops.balance_transactions as b on r.balance_transaction_id = b.id
where r.created > '2026-11-01' and r.status = 'succeeded'
"""
ARRIVED = """
select p.id, e.id, p.arrival_date from payops.payouts as p
inner join payops.payout_deposits as d on p.id = d.payout_id
inner join payops.bank_entries as e on d.bank_entry_id = e.id
where p.currency = 'usd' and p.arrival_date between '2026-11-03' and '2026-11-20'
"""
COPY_OF_MOVEMENT = """
insert into payops.balance_transactions
select (jsonb_populate_record(b, '{"id": "txn_double"}')).* from payops.balance_transactions as b where b.id = %s
"""


def movement_dropped(month, random):
    movement, *_ = month.pick(random, PAID_OUT)
    month.run("delete from payops.balance_transactions where id = %s", movement)
    return {("missing_here", movement)}


def payment_dropped(month, random):
    _, charge, *_ = month.pick(random, PAID_OUT)
    month.run("delete from payops.charges where id = %s", charge)
    return {("missing_here", charge)}


def refund_dropped(month, random):
    refund, _ = month.pick(random, REFUNDED)
    month.run("delete from payops.refunds where id = %s", refund)
    return {("missing_here", refund)}


def amount_off_by_one(month, random):
    movement, charge, *_ = month.pick(random, PAID_OUT)
    which = random.choice(["movement", "movement and net", "payment"])
    if which == "payment":
        month.run("update payops.charges set amount_minor = amount_minor + 1 where id = %s", charge)
    else:
        net = 1 if which == "movement and net" else 0
        month.run(
            "update payops.balance_transactions set amount_minor = amount_minor + 1, net_minor = net_minor + %s"
            " where id = %s",
            net,
            movement,
        )
    return {("amount", movement)}


def refund_off_by_one(month, random):
    refund, movement = month.pick(random, REFUNDED)
    month.run("update payops.refunds set amount_minor = amount_minor - 1 where id = %s", refund)
    return {("amount", movement)}


def currency_changed(month, random):
    movement, charge, *_ = month.pick(random, PAID_OUT)
    table, subject = random.choice([("balance_transactions", movement), ("charges", charge)])
    month.run(f"update payops.{table} set currency = 'cad' where id = %s", subject)
    return {("currency", movement)}


def fee_changed(month, random):
    movement, *_ = month.pick(random, PAID_OUT)
    with_net = random.choice([0, 1])
    month.run(
        "update payops.balance_transactions set fee_minor = fee_minor + 7, net_minor = net_minor - %s where id = %s",
        7 * with_net,
        movement,
    )
    return {("fee", movement)}


def movement_doubled(month, random):
    movement, _, payout, _ = month.pick(random, PAID_OUT)
    month.run(COPY_OF_MOVEMENT, movement)
    if random.random() < 0.5:
        month.run("insert into payops.payout_contents values ('txn_double', %s)", payout)
    return {("duplicate", "txn_double")}


def payment_doubled(month, random):
    _, charge, *_ = month.pick(random, PAID_OUT)
    month.run(
        'insert into payops.charges select (jsonb_populate_record(c, \'{"id": "ch_double"}\')).*'
        " from payops.charges as c where c.id = %s",
        charge,
    )
    return {("duplicate", "ch_double")}


def payment_never_booked(month, random):
    _, charge, *_ = month.pick(random, PAID_OUT)
    month.run(
        "insert into payops.charges select"
        ' (jsonb_populate_record(c, \'{"id": "ch_new", "balance_transaction_id": null}\')).*'
        " from payops.charges as c where c.id = %s",
        charge,
    )
    return {("missing_at_stripe", "ch_new")}


def refund_unknown(month, random):
    _, _, _, payment = month.pick(random, PAID_OUT)
    month.run(
        "insert into payops.money_actions (id, kind, subject, payment_intent_id, amount_minor, currency, method, path,"
        " state, requested_by, requested_role, requested_at) values ('action_unknown', 'refund', %s, %s, 900, 'usd',"
        " 'post', 'refunds', 'unknown', 'staff:ana', 'support', %s)",
        payment,
        payment,
        month.now - timedelta(days=4),
    )
    return {("unknown_operation", "action_unknown")}


def refund_without_a_trace(month, random):
    _, _, _, payment = month.pick(random, PAID_OUT)
    month.run(
        "insert into payops.money_actions (id, kind, subject, payment_intent_id, amount_minor, currency, method, path,"
        " state, requested_by, requested_role, requested_at, result_id) values ('action_done', 'refund', %s, %s, 900,"
        " 'usd', 'post', 'refunds', 'done', 'staff:ana', 'support', %s, 're_nowhere')",
        payment,
        payment,
        month.now - timedelta(days=4),
    )
    return {("missing_at_stripe", "action_done")}


def dispute_told_late(month, random):
    """Stripe took the money for a dispute of which no event came."""
    (dispute,) = month.pick(
        random,
        "select d.id from payops.disputes as d inner join payops.balance_transactions as b on d.id = b.source_id",
    )
    month.run("delete from payops.disputes where id = %s", dispute)
    return {("missing_here", dispute)}


def dispute_not_booked(month, random):
    _, charge, _, payment = month.pick(random, PAID_OUT)
    month.run(
        "insert into payops.disputes (id, livemode, created, as_of, state_rank, event_id, charge_id, payment_intent_id,"
        " amount_minor, currency, status) values ('dp_late', false, %s, %s, 0, 'evt_1', %s, %s, 5000, 'usd',"
        " 'needs_response')",
        month.now - timedelta(days=3),
        month.now - timedelta(days=3),
        charge,
        payment,
    )
    return {("missing_at_stripe", "dp_late")}


def kind_nobody_knows(month, random):
    movement, *_ = month.pick(random, PAID_OUT)
    month.run(COPY_OF_MOVEMENT, movement)
    month.run(
        "update payops.balance_transactions set reporting_category = 'moon_tax', source_id = null"
        " where id = 'txn_double'"
    )
    return {("unknown_operation", "txn_double")}


def payout_altered(month, random):
    payout, *_ = month.pick(random, ARRIVED)
    month.run("update payops.payouts set amount_minor = amount_minor + 1 where id = %s", payout)
    return {("amount", payout)}


def payout_in_another_currency(month, random):
    payout, *_ = month.pick(random, ARRIVED)
    month.run("update payops.payouts set currency = 'eur' where id = %s", payout)
    return {("currency", payout)}


def payout_list_lost(month, random):
    payout, *_ = month.pick(random, ARRIVED)
    month.run("delete from payops.payout_contents where payout_id = %s", payout)
    return {("payout_without_transactions", payout)}


def payout_list_short(month, random):
    movement, *_ = month.pick(random, PAID_OUT)
    month.run("delete from payops.payout_contents where balance_transaction_id = %s", movement)
    return {("missing_here", movement)}


def deposit_missing(month, random):
    payout, entry, _ = month.pick(random, ARRIVED)
    month.run("delete from payops.payout_deposits where bank_entry_id = %s", entry)
    month.run("delete from payops.bank_entries where id = %s", entry)
    return {("deposit_missing", payout)}


def deposit_short(month, random):
    payout, entry, _ = month.pick(random, ARRIVED)
    month.run("update payops.bank_entries set amount_minor = amount_minor - 500 where id = %s", entry)
    return {("deposit_short", payout)}


def deposit_doubled(month, random):
    payout, entry, _ = month.pick(random, ARRIVED)
    double = month.value(
        "insert into payops.bank_entries (account_id, statement_id, entry_key, status, booked_on, amount_minor,"
        " currency, reference, description, recognised_by) select account_id, statement_id, 'double', status,"
        " booked_on, amount_minor, currency, reference, description, recognised_by from payops.bank_entries"
        " where id = %s returning id",
        entry,
    )
    if random.random() < 0.5:
        month.run(
            "insert into payops.payout_deposits values (%s, %s, 'trace_id', %s, 'system:worker')",
            payout,
            double,
            month.now,
        )
    return {("duplicate", f"bank_entry_{double}")}


def deposit_late(month, random):
    payout, entry, arrival = month.pick(random, ARRIVED)
    month.run("update payops.bank_entries set booked_on = %s where id = %s", add_bank_days(arrival, 2), entry)
    return {("deposit_late", payout)}


def deposit_returned(month, random):
    payout, entry, arrival = month.pick(random, ARRIVED)
    back = month.value(
        "insert into payops.bank_entries (account_id, statement_id, entry_key, status, booked_on, amount_minor,"
        " currency, reference, description, recognised_by, is_return) select account_id, statement_id, 'back', status,"
        " booked_on + 1, -amount_minor, currency, reference, description, recognised_by, true"
        " from payops.bank_entries where id = %s returning id",
        entry,
    )
    month.run(
        "insert into payops.payout_deposits values (%s, %s, 'trace_id', %s, 'system:worker')", payout, back, month.now
    )
    return {("deposit_returned", payout)}


def deposit_of_nobody(month, random):
    _, entry, _ = month.pick(random, ARRIVED)
    strange = month.value(
        "insert into payops.bank_entries (account_id, statement_id, entry_key, status, booked_on, amount_minor,"
        " currency, reference, description, recognised_by) select account_id, statement_id, 'strange', status,"
        " booked_on, amount_minor + 11, currency, 'X', 'STRIPE', recognised_by from payops.bank_entries"
        " where id = %s returning id",
        entry,
    )
    return {("missing_at_stripe", f"bank_entry_{strange}")}


DAMAGES = (
    movement_dropped,
    payment_dropped,
    refund_dropped,
    amount_off_by_one,
    refund_off_by_one,
    currency_changed,
    fee_changed,
    movement_doubled,
    payment_doubled,
    payment_never_booked,
    refund_unknown,
    refund_without_a_trace,
    dispute_told_late,
    dispute_not_booked,
    kind_nobody_knows,
    payout_altered,
    payout_in_another_currency,
    payout_list_lost,
    payout_list_short,
    deposit_missing,
    deposit_short,
    deposit_doubled,
    deposit_late,
    deposit_returned,
    deposit_of_nobody,
)
