"""A page of which nothing exists yet says what will appear and how to get it, and shows no figure at all."""

from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from core.staff.roles import Actor, Role
from core.ui import navigation, session
from core.ui.kit import shared_cache
from tests.events.test_lookup import receive
from tests.factories import charge, event
from tests.providers.conftest import NOW, Clinic

PAGES = Path(__file__).parents[2] / "pages"
SUE = Actor("staff:sue", Role.SUPPORT)
EMPTY = {
    "monitor/events": "No event has come from Stripe yet",
    "operate/assignments": "No consultation has been received yet",
    "operate/providers": "The directory is empty",
}


@pytest.fixture
def shown(database, owner, monkeypatch, tmp_path):
    settings = SimpleNamespace(business_zone=ZoneInfo("America/New_York"), data_dir=tmp_path, api_base_url="http://api")
    staff = SimpleNamespace(actor=SUE, name="sue", role=SUE.role, confirmed=True)
    running = SimpleNamespace(clock=lambda: NOW, db=database, settings=settings)
    given = {"db": database, "actor": SUE, "working": staff, "services": running, "settings": settings}
    for name, found in given.items():
        monkeypatch.setattr(session, name, lambda found=found: found)
    monkeypatch.setattr(navigation, "link", lambda *_: None)  # there are no other pages
    monkeypatch.setattr(session, "actor_at_click", lambda: lambda: SUE)

    def run(page):
        shared_cache.answers.cache_clear()
        tested = AppTest.from_file(str(PAGES / f"{page}.py"), default_timeout=30).run()
        assert not tested.exception
        return tested

    yield run
    shared_cache.answers.cache_clear()


@pytest.mark.parametrize("page", EMPTY)
def test_an_empty_page_shows_no_figure(shown, page):
    tested = shown(page)
    assert EMPTY[page] in tested.markdown[0].value
    assert len(tested.metric) == 0


def test_the_first_of_its_kind_brings_the_figures(shown, database, owner):
    clinic = Clinic(database, owner)
    receive(database, event("evt_1", "charge.succeeded", charge()), now=NOW)
    clinic.provider("ann", "TX")
    clinic.ask()
    first = {page: [each.label for each in shown(page).metric] for page in EMPTY}
    assert {page: labels[0] for page, labels in first.items()} == {
        "monitor/events": "Received",
        "operate/assignments": "Waiting for a provider",
        "operate/providers": "Active providers",
    }
