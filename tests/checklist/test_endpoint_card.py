"""The card of the webhook endpoint says what is wrong and what comes next, also while Stripe is silent."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from core.checklist import endpoint_health
from core.checklist.endpoint_health import Health
from core.checklist.finding import failed
from core.ui import session

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def page() -> None:
    from core.ui.events import endpoint_card
    from core.ui.kit import shared_cache

    shared_cache.answers().forget("webhook endpoint")
    endpoint_card.show()


def shown(monkeypatch, health):
    settings = SimpleNamespace(api_base_url="https://pay.example")
    running = SimpleNamespace(db=None, clock=lambda: NOW, settings=settings)
    monkeypatch.setattr(session, "services", lambda: running)
    monkeypatch.setattr(endpoint_health, "read", lambda db, address, now: health)
    found = AppTest.from_function(page).run()
    assert not found.exception
    (only,) = found.markdown
    return only.value.replace("\\", "")


def said(**changed):
    at = (NOW - timedelta(minutes=2)).isoformat()
    asked = {"asked_at": at, "answered_at": at, "problem": None, "endpoint": {}}
    return asked | {"undelivered": 0, "missing": 0, "oldest_missing": None} | changed


def test_a_good_endpoint_is_one_sentence_and_what_arrived(monkeypatch):
    text = shown(monkeypatch, Health(said(), (), NOW - timedelta(seconds=20), 40, 2))
    assert "endpoint works" in text and "Next" not in text
    assert "Last delivery: now" in text and "42 requests today, 2 refused" in text and "2 min ago" in text


def test_each_problem_is_followed_by_the_next_step(monkeypatch):
    text = shown(monkeypatch, Health(said(), (failed("It is disabled.", "Enable it."),), None, 0, 0))
    assert "needs attention" in text and "It is disabled. **Next:** Enable it." in text


def test_a_silent_stripe_and_one_that_was_never_asked_are_said(monkeypatch):
    text = shown(monkeypatch, Health(said(problem="Stripe did not answer."), (), NOW, 1, 0))
    assert "endpoint works" in text and "Stripe did not answer when it was last asked" in text
    text = shown(monkeypatch, Health(None, (), None, 0, 0))
    assert "has not been checked yet" in text and "No event came by webhook yet" in text
