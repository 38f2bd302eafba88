"""Each refusal is worded once, and the linter notices where one is not."""

import pytest

from tests.lint.refusals import of_the_checkout, problems_of

PYTHON = """
def check(amount):
    \"\"\"There is no such payment.\"\"\"
    raise Refused("not_found", "There is no such payment.")
"""
OTHER_PYTHON = """
def check(amount):
    st.error("There is no such payment.")
"""
LIMIT = """
def check(left):
    return f"Only {left} is left."
"""
SQL = """
-- 'There is no such payment.' is said below.
perform payops.refuse('not_found', 'There is no such payment.');
"""
SQL_LIMIT = """
perform payops.refuse(
  'too_large', format('Only %s is left.', payops.money_text(p_left))
);
"""


@pytest.mark.parametrize(
    "files, places",
    [
        ({"a.py": PYTHON}, None),
        ({"a.py": PYTHON, "b.py": OTHER_PYTHON}, "a.py:4, b.py:3"),
        ({"a.py": PYTHON, "b.sql": SQL}, "a.py:4, b.sql:3"),
        ({"a.sql": SQL + SQL}, "a.sql:3, a.sql:6"),
        ({"a.py": LIMIT, "b.sql": SQL_LIMIT}, "a.py:3, b.sql:3"),
        ({"a.py": OTHER_PYTHON, "b.py": OTHER_PYTHON}, None),
    ],
)
def test_a_refusal_that_is_worded_twice_is_found(files, places):
    found = problems_of(files)
    assert [each.partition(" stands in ")[2] for each in found] == ([places] if places else [])


def test_each_refusal_of_ours_is_worded_once():
    assert problems_of(of_the_checkout()) == []
