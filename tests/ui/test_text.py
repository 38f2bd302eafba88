"""Text from outside goes through the functions that keep it text."""

import pytest

from core.ui.text import code
from tests.lint.texts import problems_of


def test_a_code_cannot_be_left_by_what_is_in_it():
    assert code("a` ![x](http://evil.example) `b\nc") == "`a ![x](http://evil.example) b c`"


@pytest.mark.parametrize(("line", "found"), [('st.caption(f"`{one}`")', 1), ('st.caption(f"{code(one)}")', 0)])
def test_a_code_set_by_hand_is_found(line, found):
    assert len(list(problems_of("pages/a.py", f"x = 1\n{line}\n"))) == found
