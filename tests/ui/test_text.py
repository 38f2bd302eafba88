"""Text from outside goes through the functions that keep it text."""

from pathlib import Path

from core.ui.text import code

ROOT = Path(__file__).parents[2]
DRAWING = [*(ROOT / "pages").rglob("*.py"), *(ROOT / "core" / "ui").rglob("*.py")]


def test_a_code_cannot_be_left_by_what_is_in_it():
    assert code("a` ![x](http://evil.example) `b\nc") == "`a ![x](http://evil.example) b c`"


def test_no_page_sets_a_code_by_hand():
    """With a backtick in it, what comes after would be read as Markdown."""
    by_hand = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in DRAWING
        if path.name != "text.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "`{" in line
    }
    assert by_hand == set()
