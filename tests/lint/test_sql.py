"""The SQL linter finds violations of each rule."""

import pytest

from tests.lint.sql import problems_of

GOOD = """-- Something.
-- f: it is so.
create function payops_api.f(p_a text) returns jsonb
language sql security definer
set search_path = '' as $$ select to_jsonb(p_a) $$;
"""


def test_a_good_function_has_no_problem():
    assert list(problems_of("functions/a.sql", GOOD)) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("-- f: it is so.\n", "", "no sentence"),
        ("\nset search_path = ''", "", "search_path"),
        (" security definer", "", "security definer"),
        ("returns jsonb", "returns text", "no jsonb"),
        ("select to_jsonb", "selekt to_jsonb", "syntax error"),
        ("create function", "creat function", "syntax error"),
        ("-- Something.\n-- f: it is so.\n", "", "what is in it"),
        ("language sql", "language  plpgsql", "syntax error"),
        ("$$;", "$$; ", "trailing space"),
    ],
)
def test_each_rule_finds_a_violation_of_it(before, after, words):
    assert before in GOOD
    assert any(words in problem for problem in problems_of("functions/a.sql", GOOD.replace(before, after)))
