"""An installation from before the history has one after the upgrade, from its rows and the events it stored."""

import json

from psycopg.conninfo import make_conninfo

from core.db.deploy import deploy
from tests.db.test_upgrade import BEFORE_THE_MERGE, made

MIRRORED = "id, livemode, created, as_of, state_rank, event_id"


def items(amount):
    return json.dumps([{"unit_amount_minor": amount, "quantity": 1, "interval": "month", "interval_count": 1}])


def test_events_from_before_the_upgrade_are_in_the_history(server):
    """10.00 in June, unpaid in August by a stored event, 30.00 since September."""
    with made(server, "payops_history") as older:
        older.execute(BEFORE_THE_MERGE)
        older.execute("set search_path to default")
        older.execute(
            f"insert into payops.subscriptions ({MIRRORED}, status, customer_id, currency, start_date, items)"
            " values ('sub_h', false, '2026-06-01Z', '2026-09-01Z', 2, 'evt_h3', 'active', "
            "'cus_h', 'usd', '2026-06-01Z',"
            " %s)",
            [items(3000)],
        )
        for event_id, at, amount in (
            ("evt_h1", "2026-06-01Z", 1000),
            ("evt_h2", "2026-08-01Z", 1000),
            ("evt_h3", "2026-09-01Z", 3000),
        ):
            older.execute(
                f"insert into payops.subscription_changes ({MIRRORED}, subscription_id, items)"
                " values (%s, false, %s, %s, 0, %s, 'sub_h', %s)",
                [event_id, at, at, event_id, items(amount)],
            )
        older.execute(
            "insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256)"
            " values ('evt_h2', 'customer.subscription.updated', '2026-08-01Z', '2026-08-01Z', false, %s, '')",
            [json.dumps({"object": {"id": "sub_h", "status": "unpaid"}})],
        )
        deploy(make_conninfo(server.owner_conninfo, dbname="payops_history"))
        older.execute("select payops.refresh_subscriptions()")
        history = older.execute(
            "select starts_at::date::text, ends_at::text, status, monthly_minor from payops.subscription_history"
            " where subscription_id = 'sub_h' order by 1"
        ).fetchall()
    assert [(starts, status, minor) for starts, _, status, minor in history] == [
        ("2026-06-01", "active", 1000),
        ("2026-08-01", "unpaid", 0),
        ("2026-09-01", "active", 3000),
    ]
    assert history[-1][1] == "infinity"
