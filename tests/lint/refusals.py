"""`python -m tests.lint.refusals`: each refusal is worded in one place, in Python or in SQL.

A refusal is the sentence of `Refused`, `Unavailable` or `Unauthorised` in Python and of `payops.refuse` in SQL. Where
the same sentence stands a second time, one of the two will be changed alone one day. The sandbox is left out: its
sentences are Stripe's.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

CORE = Path(__file__).parents[2] / "core"
ERRORS = frozenset({"Refused", "Unavailable", "Unauthorised"})
GAP = "…"  # a value in a sentence
_SQL_TEXT = re.compile(r"'((?:[^']|'')*)'")
_SQL_REFUSAL = re.compile(r"payops\.refuse\(\s*(?:'\w+'|[\w.]+),\s*(?:format\(\s*)?'((?:[^']|'')*)'")
_SENTENCE = re.compile(r"[A-Z].*\s.*[.!?]", re.DOTALL)


def of_python(text: str) -> Iterator[tuple[str, int, bool]]:
    """Each sentence in the code with its line, and whether it is a refusal's; docstrings are left out."""
    tree = ast.parse(text)
    refused = {
        id(part)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", None) in ERRORS and len(call.args) > 1
        for part in ast.walk(call.args[1])
    }
    skipped = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            parts = (str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
            yield "".join(parts), node.lineno, id(node) in refused
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno, id(node) in refused


def of_sql(text: str) -> Iterator[tuple[str, int, bool]]:
    """The same of a SQL file; comments are left out."""
    code = re.sub(r"--[^\n]*", "", text)
    refusals = {found.start(1) for found in _SQL_REFUSAL.finditer(code)}
    for found in _SQL_TEXT.finditer(code):
        said = re.sub(r"%[sLI]", GAP, found[1].replace("''", "'").replace("%%", "%"))
        yield said, code.count("\n", 0, found.start()) + 1, found.start(1) in refusals


def problems_of(files: Mapping[str, str]) -> list[str]:
    """Each refusal of these files that is worded more than once, with the places."""
    places: dict[str, list[str]] = defaultdict(list)
    refusals = set()
    for name, text in files.items():
        for said, line, refused in of_sql(text) if name.endswith(".sql") else of_python(text):
            if _SENTENCE.fullmatch(said):
                places[said].append(f"{name}:{line}")
                refusals |= {said} if refused else set()
    twice = sorted(said for said in refusals if len(places[said]) > 1)
    return [f"{said!r} stands in {', '.join(places[said])}" for said in twice]


def of_the_checkout() -> dict[str, str]:
    paths = [*CORE.rglob("*.py"), *(CORE / "db" / "functions").rglob("*.sql")]
    named = {str(path.relative_to(CORE.parent)): path for path in sorted(paths)}
    return {name: path.read_text() for name, path in named.items() if not name.startswith("core/sandbox/")}


def main() -> int:
    found = problems_of(of_the_checkout())
    print("\n".join(found) if found else "Each refusal is worded once.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
