"""Streamlit keeps an invalid value to itself: no button may act with the last valid one."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = [path for folder in ("core/ui", "pages") for path in sorted((ROOT / folder).rglob("*.py"))]
LIMITS = {"min_value", "max_value"}
KEEP_VALUES = {"number_input", "date_input", "time_input"}  # fields that can be invalid in the browser


def calls(tree):
    return [each for each in ast.walk(tree) if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)]


def test_no_number_field_has_limits_of_its_own():
    """What is beyond them would not be sent, so the page could say nothing about it."""
    fields = [(path, call) for path in SCRIPTS for call in calls(ast.parse(path.read_text()))]
    fields = [(path, call) for path, call in fields if call.func.attr == "number_input"]
    limited = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in fields
        if len(call.args) > 1 or LIMITS & {each.arg for each in call.keywords}
    ]
    assert len(fields) > 5
    assert limited == []


def test_beside_a_field_that_can_be_invalid_every_action_of_a_dialog_is_a_primary_button():
    """Those are what `page.js` keeps from acting while a field is invalid."""
    seen, unguarded = 0, []
    for path in SCRIPTS:
        for dialog in ast.walk(ast.parse(path.read_text())):
            if not isinstance(dialog, ast.FunctionDef) or "st.dialog" not in "".join(
                ast.unparse(each) for each in dialog.decorator_list
            ):
                continue
            made = calls(dialog)
            if not any(call.func.attr in KEEP_VALUES for call in made):
                continue
            for call in made:
                given = {each.arg: ast.unparse(each.value) for each in call.keywords}
                if call.func.attr == "button" and given.get("on_click") == "actions.attempt":
                    seen += 1
                    if given.get("type") != "'primary'":
                        unguarded.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert seen >= 3
    assert unguarded == []


def test_every_date_is_typed_in_the_one_format():
    fields = [(path, call) for path in SCRIPTS for call in calls(ast.parse(path.read_text()))]
    fields = [(path, call) for path, call in fields if call.func.attr == "date_input"]
    others = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in fields
        if {each.arg: ast.unparse(each.value) for each in call.keywords}.get("format") != "'YYYY-MM-DD'"
    ]
    assert len(fields) > 5
    assert others == []
