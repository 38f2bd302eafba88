"""An admin mends the directory while ops watch the queue."""

import pytest
from playwright.sync_api import expect

from core.providers import assignment, intake


@pytest.fixture
def waiting(console):
    """A patient in Guam for whom nobody has a licence, and a provider who could see them."""
    db, now = console.services.db, console.services.clock()
    put = {"id": "prov_guam", "name": "Dr Guam", "specialties": ["dermatology"], "licences": []}
    db.call("put_providers", actor="cli:test", actor_role="admin", documents=[put], now=now)
    body = {"submissionId": "guam-1", "patientId": "p", "patientState": "GU", "specialty": "dermatology"}
    return intake.submit(db, intake.Submission.model_validate(body), body, now=now)["consultationId"]


def test_ops_watch_a_waiting_consultation_get_its_provider_as_an_admin_adds_a_licence(
    console, waiting, browser, page
):
    console.sign_in(page, "ops", "/assignments")
    expect(page.get_by_text("1 wait for a provider")).to_be_visible()
    context = browser.new_context()
    admin = context.new_page()
    console.sign_in(admin, "admin", "/providers?provider=Dr%20Guam%20(prov_guam)")
    licence = admin.get_by_role("textbox", name="Add a licence")
    licence.fill("GU:G1:2099-12-31")
    licence.press("Enter")
    expect(admin.get_by_role("button", name="Save")).to_be_enabled()
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("1 who waited were placed")).to_be_visible()
    expect(page.get_by_text("0 wait for a provider")).to_be_visible()
    context.close()
    found = assignment.consultation(console.services.db, waiting)
    assert (found["status"], found["provider_id"]) == ("assigned", "prov_guam")
