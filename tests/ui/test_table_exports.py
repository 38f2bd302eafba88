"""Every table of the console has an export: the source of its pages is read for those that have none."""

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DRAWN = "rows.show"
EXPORTED = ("rows.files", "export_panel.show")
RAW = ("st.dataframe", "st.table", "st.data_editor")
UNOWNED = "st.download_button"
# Tables that are drawn without the kit, and why they have no export.
RAW_ALLOWED = {
    "core/ui/consultations/assign_bulk.py": "a form: which consultations to assign; its results have an export",
    "core/ui/finance/csv_mapping_form.py": "the first rows of the file that the user has just uploaded",
    "core/ui/payments/recovery_bulk.py": "a form: which payments to retry; its results have an export",
    "core/ui/providers/provider_form.py": "a form: the licences of one provider",
    "core/ui/providers/schedule_dialog.py": "a form: hours and time off; the drawer's tables have an export",
    "core/ui/providers/taxonomy_dialog.py": "a form: what each code means; its export is below it",
}


def sources():
    """The console's modules; the kit draws the tables for them."""
    found = [*(CHECKOUT / "pages").rglob("*.py"), *(CHECKOUT / "core" / "ui").rglob("*.py")]
    return sorted(each for each in found if "kit" not in each.parts)


def faults(source, name):
    """What is wrong with the tables of one module, in words."""
    calls = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)]
    by_name = {
        word: [each for each in calls if ast.unparse(each.func) == word] for word in (DRAWN, *EXPORTED, *RAW, UNOWNED)
    }
    bare = [each for each in by_name[DRAWN] if not any(given.arg == "file" for given in each.keywords)]
    exports = sum(len(by_name[each]) for each in EXPORTED)
    if len(bare) > exports:
        yield f"{name}: {len(bare)} tables without `file=`, and {exports} exports; lines {[e.lineno for e in bare]}"
    if name not in RAW_ALLOWED:
        yield from (f"{name}, line {each.lineno}: {word} has no export" for word in RAW for each in by_name[word])
    for each in by_name[UNOWNED]:  # a file opens only for the user whom the kit notes as its maker
        yield f"{name}, line {each.lineno}: this file opens for nobody; offer it with `rows.file`"


def test_every_table_has_an_export():
    assert [fault for each in sources() for fault in faults(each.read_text(), str(each.relative_to(CHECKOUT)))] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("rows.show(a, b, key='x')", 1),
        ("rows.show(a, b, key='x', file='x')", 0),
        ("st.download_button('x', b'')", 1),
        ("rows.show(a, b, key='x')\nrows.files(a, b, name='x')", 0),
        ("rows.show(a, b, key='x')\nrows.show(a, b, key='y')\nexport_panel.show(a, name='x')", 1),
        ("def f():\n    st.dataframe(a)", 1),
        ("st.table(a)", 1),
    ],
)
def test_a_table_without_an_export_is_found(source, found):
    assert len(list(faults(source, "pages/x.py"))) == found


def test_every_exemption_still_exists():
    for name in RAW_ALLOWED:
        assert any(f"{word}(" in (CHECKOUT / name).read_text() for word in RAW), name


# The same field is not the same thing in each table of these: `id` is the payment's, the refund's, the consultation's.
DIFFERENT_THINGS = frozenset(
    "action active after after_minor at attempts changed code count created day description ends ends_at field id kind "
    "left monthly_minor name number ours provider_name reason refunded_minor sent sentence since specialties "
    "state status title verified_on weekday what why".split()
)
# What the same field says where its table shows it twice, in two forms.
TWO_FORMS = {
    "assigned_since": {"Assigned since", "Assigned since that day"},
    "changed_by": {"Changed by", "Set by"},
    "delay_ms": {"Delay", "Delay (ms)"},
    "load": {"Open consultations", "Then open"},
    "handling_ms": {"Handled in", "Handled in (ms)"},
    "request_id": {"Error ID", "Request ID"},
}


def headings():
    """Each field of a table with its headings, in the console and in the tables that core exports."""
    found = {}
    for path in [*(CHECKOUT / "pages").rglob("*.py"), *(CHECKOUT / "core").rglob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Column" and len(call.args) > 1:
                field, heading = (each.value if isinstance(each, ast.Constant) else None for each in call.args[:2])
                found.setdefault(field, set()).add(heading)
    return found


def test_a_field_has_one_heading_in_every_table():
    found = headings()
    assert len(found) > 200
    different = {field: said for field, said in found.items() if len(said) > 1}
    assert {field: said for field, said in different.items() if field not in DIFFERENT_THINGS} == TWO_FORMS
    assert set(different) >= DIFFERENT_THINGS, "a field that has one heading now is held to it"
