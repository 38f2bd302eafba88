"""An admin corrects the directory while ops watch the queue; ineligible providers cannot be chosen."""

import uuid
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from core.providers import assignment, directory, documents, intake
from core.staff.roles import Actor, Role
from tests.browser.clicks import Clicks
from tests.browser.conftest import downloaded, open_first_row

DOCTOR = {"name": "Dr Guam", "specialties": ["dermatology"], "capacity": 5}
ADMIN = Actor("cli:test", Role.ADMIN)


@pytest.fixture
def directory_of_two(console):
    """Somebody without a licence and somebody licensed in Guam who is full; nobody else, and nobody waits."""
    db, now = console.services.db, console.services.clock()
    people = [
        DOCTOR | {"id": "prov_guam", "licences": []},
        {
            "id": "prov_full",
            "name": "Dr Full",
            "specialties": ["urgent_care"],
            "capacity": 1,
            "active": True,
            "npi": None,
            "licences": [{"state": "GU", "number": "G0"}],
        },
    ]
    end_all(db, now)  # other tests' consultations may be open
    directory.put(db, ADMIN, people, now)
    ask(console, specialty="urgent_care")
    yield db
    end_all(db, now)


def end_all(db, now):
    for status in ("waiting", "assigned"):
        for one in assignment.consultations(db, now, status=status):
            assignment.end(db, ADMIN, one["id"], "cancelled", now)


def ask(console, **fields):
    body = {"submissionId": uuid.uuid4().hex, "patientId": "p", "patientState": "GU", "specialty": "dermatology"}
    body |= fields
    now = console.services.clock() - timedelta(minutes=45)
    return intake.submit(console.services.db, intake.Submission.model_validate(body), body, now=now)["consultationId"]


def add_licence(page, state):
    """In the last line of the licences, where a state is chosen from a list; the dialog may still be on its way in."""
    table = page.get_by_role("dialog").get_by_test_id("stDataFrame").locator("canvas").first
    choices = page.get_by_role("option")
    while not choices.count():
        box = table.bounding_box()
        page.mouse.click(box["x"] + 100, box["y"] + box["height"] - 17)
        page.wait_for_timeout(500)
    page.keyboard.type(state)
    page.get_by_role("option", name=state, exact=True).click()


def test_ops_watch_a_waiting_consultation_get_its_provider_as_an_admin_adds_a_licence(
    console, directory_of_two, elsewhere, page
):
    waiting = ask(console)
    console.open(page, "ops", "/assignments")
    expect(page.get_by_text("1 patient is waiting for a provider")).to_be_visible()
    admin = elsewhere.new_page()
    admin.set_viewport_size({"width": 1280, "height": 1000})
    console.open(admin, "admin", "/providers?provider=prov_guam")
    clicks = Clicks(admin)
    admin.get_by_role("button", name="Edit").click()
    expect(admin.get_by_text("No changes yet.")).to_be_visible()
    add_licence(admin, "GU")
    expect(admin.get_by_text("Licence in Guam added, no end date")).to_be_visible()
    expect(admin.get_by_text("Up to 1 waiting patient could be assigned now")).to_be_visible()
    admin.get_by_role("dialog").get_by_label("Reason").fill("licence came by mail")
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("1 waiting consultation assigned.")).to_be_visible()
    assert clicks.made <= 5
    expect(page.get_by_text("No patient is waiting; 2 consultations are assigned")).to_be_visible()
    found = assignment.consultation(directory_of_two, waiting, console.services.clock())
    assert (found["status"], found["provider_id"]) == ("assigned", "prov_guam")


def test_problems_are_shown_at_their_fields_and_nothing_is_saved(console, directory_of_two, page):
    console.open(page, "admin", "/providers?provider=prov_guam")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    for field, value, problem in [
        ("NPI", "1234567890", "its check digit does not match"),
        ("Capacity", "0", "The capacity must be a whole number from 1"),
        ("E-mail", "nobody", "is not an e-mail address"),
        ("Name", " ", "Enter the provider's name."),
    ]:
        dialog.get_by_label(field, exact=True).fill(value)
        dialog.get_by_label(field, exact=True).press("Tab")
        expect(dialog.get_by_text(problem)).to_be_visible()
    dialog.get_by_label("Reason").fill("a mistake")
    page.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Enter the provider's name. 'nobody' is not")).to_be_visible()
    assert directory.one(directory_of_two, "prov_guam")["capacity"] == 5


@pytest.mark.own_tab
def test_a_consultation_is_assigned_by_hand_in_4_clicks(console, directory_of_two, page):
    licensed = {"specialties": ["dermatology"], "capacity": 5, "licences": [{"state": "AS", "number": "R1"}]}
    people = [licensed | {"id": f"prov_{name}", "name": f"Dr {name}"} for name in ("Near", "Far")]
    directory.put(directory_of_two, ADMIN, people, console.services.clock())
    asked = ask(console, patientState="AS")
    console.open(page, "ops", f"/assignments?show=assigned&find={asked}")
    clicks = Clicks(page)
    open_first_row(page, "consultation")
    page.get_by_role("button", name="Reassign", exact=True).click()
    dialog = page.get_by_role("dialog")
    provider = dialog.get_by_label("Provider")
    provider.click()
    page.keyboard.press("Enter")  # the only other one
    dialog.get_by_label("Reason for this provider").fill("the patient asked for them")
    dialog.get_by_role("button", name="Assign").click()
    expect(page.get_by_text("Chosen by hand: the patient asked for them").first).to_be_visible()
    assert clicks.made <= 4
    found = assignment.consultation(directory_of_two, asked, console.services.clock())
    assert found["decisions"][-1]["kind"] == "manual" or found["decisions"][0]["kind"] == "manual"


def test_ops_choose_only_eligible_providers_and_an_admin_overrides_capacity(console, directory_of_two, elsewhere, page):
    waiting = ask(console)
    console.open(page, "ops", f"/assignments?consultation={waiting}")
    expect(page.get_by_text("All providers licensed in Guam are at capacity.").first).to_be_visible()
    page.get_by_role("button", name="Assign", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Provider").click()
    expect(page.get_by_role("option")).to_have_text(["Automatic assignment"])
    expect(page.get_by_text("Override capacity or specialty")).to_have_count(0)
    admin = elsewhere.new_page()
    console.open(admin, "admin", f"/assignments?consultation={waiting}")
    admin.get_by_role("button", name="Assign", exact=True).click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_text("Override capacity or specialty").click()
    expect(dialog.get_by_role("switch")).to_be_checked()
    dialog.get_by_label("Provider").click()
    admin.get_by_role("option", name="Dr Full").click()
    expect(
        dialog.get_by_text("Dr Full will have 2 of 1 open consultations. That exceeds their capacity.")
    ).to_be_visible()
    dialog.get_by_label("Reason for this provider").fill("they agreed")
    dialog.get_by_role("button", name="Assign").click()
    expect(admin.get_by_text("Assigned to Dr Full. Chosen by hand: they agreed")).to_be_visible()
    found = assignment.consultation(directory_of_two, waiting, console.services.clock())
    assert (found["provider_id"], found["match"]) == ("prov_full", "fallback")


def test_ops_read_the_directory_and_its_proofs_and_change_nothing_in_it(console, directory_of_two, page):
    running = console.services
    store, scan = running.licence_documents, b"%PDF-1.7\n%%EOF"
    documents.upload(running.db, store, ADMIN, "prov_full", "Guam licence.pdf", scan, running.clock())
    console.open(page, "ops", "/providers?provider=prov_full")
    expect(page.get_by_text("1 of 1").first).to_be_visible()
    expect(page.get_by_role("button", name="Export")).to_be_visible()
    for name in ("Edit", "Deactivate", "Add provider", "Import", "Add specialty"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_role("tab", name="Proof").click()
    details = page.locator(".st-key-provider-details")
    details.get_by_role("button", name="Open", exact=True).first.click()
    given = downloaded(page, details.get_by_role("button", name="Download", exact=True))
    assert (given.suggested_filename, Path(given.path()).read_bytes()) == ("Guam licence.pdf", scan)
    for cookies in ({}, dict([console.cookie("finance").split("=", 1)])):  # by its address alone
        assert httpx.get(given.url, cookies=cookies).status_code == 403


def test_a_file_is_checked_by_row_and_column_and_its_changes_are_in_the_history(console, directory_of_two, page):
    console.open(page, "admin", "/providers")
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog")
    upload = dialog.locator("input[type=file]")
    header = "name,email,npi,active,capacity,specialties,licences\n"
    right = header + "Dr Full,,1234567893,true,2,urgent_care,GU:G0:2099-12-31\n"
    upload.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": right.replace(",2,", ",0,").encode()})
    expect(dialog.get_by_text("1 problem, so nothing can be imported.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Import", exact=True)).to_have_count(0)
    upload.set_input_files({"name": "b.csv", "mimeType": "text/csv", "buffer": right.encode()})
    expect(dialog.get_by_text("0 added, 1 changed, 0 unchanged.")).to_be_visible()
    assert directory.one(directory_of_two, "prov_full")["capacity"] == 1
    dialog.get_by_label("Reason").fill("from the credentialing office")
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported. 0 added, 1 changed, 0 unchanged.")).to_be_in_viewport()  # far down the page
    newest = directory.history(directory_of_two, "prov_full")[0]
    assert (newest["actor"], newest["reason"]) == ("staff:admin", "from the credentialing office")
    assert newest["after"]["npi"] == "1234567893"
