"""An exclusion list is imported in the console, and a blocked provider's patients are moved with one reason."""

from playwright.sync_api import expect

from core.providers import assignment, directory
from tests.browser.conftest import choose_first_row
from tests.browser.operate.test_providers import ADMIN, ask, end_all
from tests.providers.registries.conftest import BEA, leie_csv, leie_row


def test_after_an_exclusion_import_ops_move_the_blocked_providers_patients(console, elsewhere, page):
    db, now = console.services.db, console.services.clock()
    end_all(db, now)
    doctor = {"specialties": ["dermatology"], "licences": [{"state": "MP", "number": "M1"}], "active": True}
    listed = {"id": "prov_listed", "name": "Dr Lee Isted", "npi": BEA, "capacity": 5}
    directory.put(db, ADMIN, [doctor | listed], now)
    theirs = [ask(console, patientState="MP") for _ in range(3)]
    directory.put(db, ADMIN, [doctor | {"id": "prov_other", "name": "Dr Other", "npi": None, "capacity": 2}], now)

    console.open(page, "admin", "/providers")
    page.get_by_role("button", name="Exclusion list").click()
    dialog = page.get_by_role("dialog")
    content = leie_csv(leie_row("ISTED", "LEE", BEA), leie_row("SOMEBODY", "ELSE"))
    upload = dialog.locator("input[type=file]")
    upload.set_input_files({"name": "UPDATED.csv", "mimeType": "text/csv", "buffer": content[:-40]})
    expect(dialog.get_by_text("1 problem, so nothing can be imported.")).to_be_visible()
    upload.set_input_files({"name": "UPDATED.csv", "mimeType": "text/csv", "buffer": content})
    expect(dialog.get_by_text("1 × excluded: out of assignment.")).to_be_visible()
    assert directory.one(db, "prov_listed")["blocked_reason"] is None
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("UPDATED.csv is imported")).to_be_visible()

    ops = elsewhere.new_page()
    ops.set_viewport_size({"width": 1280, "height": 1000})
    console.open(ops, "ops", "/providers")
    expect(ops.get_by_text("1 provider is out of assignment; 3 open consultations must be reassigned.")).to_be_visible()
    table = ops.locator(".st-key-opens-blocked").get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    choose_first_row(ops, table, "provider")
    expect(ops.get_by_text("Assigned since that day: 3 consultations")).to_be_visible()
    ops.get_by_role("button", name="Reassign 3").click()
    expect(ops.get_by_text("Northern Mariana Islands: 3; 2 free slots of others")).to_be_visible()
    ops.get_by_label("Reason").fill("excluded by the OIG")
    ops.get_by_role("button", name="Reassign 3 consultations").click()
    expect(ops.get_by_text("Consultations of Dr Lee Isted: 2 reassigned, 1 waiting.")).to_be_visible()
    assert directory.one(db, "prov_listed")["pending"] == 0
    found = [assignment.consultation(db, one, console.services.clock())["provider_id"] for one in theirs]
    assert sorted(map(str, found)) == ["None", "prov_other", "prov_other"]
    end_all(db, now)
