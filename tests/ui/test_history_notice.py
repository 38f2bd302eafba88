"""A page that counts what Stripe holds says so while not all of it was read."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.events.repair import backfill
from core.settings import PaymentMode
from core.staff.roles import CONSOLE_PAGES, Actor, Role
from core.ui import history_notice, session
from core.ui.kit import shared_cache

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
# Pages of what payops itself knows: events received, errors met, providers, users, settings.
OWN = {"events", "errors", "assignments", "providers", "users", "audit-log", "settings"}
SUPPORT = Actor("staff:sue", Role.SUPPORT)


def source(address):
    """A page's text, with that of the view which is all of a review's page."""
    path = next(ROOT.glob(f"pages/*/{address.replace('-', '_')}.py"))
    review = (ROOT / "core/ui/reviews/review_page.py").read_text() if path.parent.name == "review" else ""
    return path.read_text() + review


def test_every_page_that_counts_what_stripe_holds_has_the_notice():
    addresses = {page.address for page in CONSOLE_PAGES}
    assert OWN < addresses
    assert [each for each in sorted(addresses - OWN) if "history_notice.show()" not in source(each)] == []


@pytest.fixture
def notice(database, owner, monkeypatch):
    connected = SimpleNamespace(payment_mode=PaymentMode.DEVELOPMENT)
    given = {"db": database, "actor": SUPPORT, "working": SimpleNamespace(actor=SUPPORT), "settings": connected}
    for name, found in given.items():
        monkeypatch.setattr(session, name, lambda found=found: found)
    monkeypatch.setattr(history_notice, "KEPT_SECONDS", 0)

    def shown():
        def page() -> None:
            import streamlit as st

            from core.ui import history_notice

            history_notice.show()
            st.markdown("$0.00")

        found = AppTest.from_function(page).run()
        assert not found.exception
        return [each.value for each in found.markdown]

    yield shown
    shared_cache.answers().forget("history")


def read_to_the_end(database, name, objects):
    database.call(
        "record_backfill_page", source=name, records={}, last_id="x", objects=objects, done=True, now=NOW, since=None
    )


def test_the_notice_says_how_far_the_backfill_is_and_goes_once_it_is_complete(notice, database):
    (said,) = notice()  # before anything has come, the page ends here and shows no zero
    assert "Until then only what Stripe's events say is counted." in said
    read_to_the_end(database, backfill.NAMES[0], 1200)
    said, figure = notice()
    assert "Stopped after 1,200 objects" in said and figure == "$0.00"
    read_to_the_end(database, "everything", 0)
    assert notice() == ["$0.00"]
