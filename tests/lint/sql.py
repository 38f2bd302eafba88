"""`python -m tests.lint.sql`: parses every SQL file, function bodies included, and holds the rules of the house."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pglast
from pglast import ast
from pglast.parser import ParseError

SQL = Path(__file__).parents[2] / "core" / "db"
MAX_LINE = 140


def problems_of(name: str, text: str) -> Iterator[str]:
    """What is wrong in one file, a line each: `name: what`."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_LINE or line.rstrip() != line or "\t" in line:
            yield f"{name}:{number}: a long line, a tab or trailing space"
    try:
        statements = pglast.parse_sql(text)
    except ParseError as error:
        yield f"{name}: {error}"
        return
    opening = text.lstrip().splitlines()[0] if text.strip() else ""
    if not opening.startswith("--"):
        yield f"{name}: it does not open by saying what is in it"
    for raw in statements:
        if isinstance(raw.stmt, ast.CreateFunctionStmt):
            source = text.encode()[raw.stmt_location : raw.stmt_location + raw.stmt_len or None].decode()
            yield from (f"{name}: {problem}" for problem in _function_problems(raw.stmt, source, name, text))


def _function_problems(function: ast.CreateFunctionStmt, source: str, file: str, text: str) -> Iterator[str]:
    schema, name = (part.sval for part in function.funcname)
    options = {option.defname: option.arg for option in function.options}
    if file.startswith("functions/") and not re.search(rf"^-- {name}: [^\n]+", text, re.MULTILINE):
        yield f"{name} has no sentence of its own (-- {name}: …)"
    returned = function.returnType.names[-1].sval if function.returnType else "record"
    # A body that is no string has its names bound when the function is made; only such a function is inlined.
    if returned != "trigger" and "set" not in options and function.sql_body is None:
        yield f"{name} sets no search_path"
    if schema == "payops_api" and "security" not in options:
        yield f"{name} is public and not security definer"
    if schema == "payops_api" and returned != "jsonb":
        yield f"{name} is public and answers no jsonb"
    body = source.strip()
    if options["language"].sval == "plpgsql":
        try:
            pglast.parse_plpgsql(body)
        except ParseError as error:
            if "LookupExplicitNamespace" not in str(error):  # the parser knows no types of our own schemas
                yield f"{name}: {error}"
    elif function.sql_body is None:
        try:
            pglast.parse_sql(options["as"][0].sval)
        except ParseError as error:
            yield f"{name}: {error}"


def main() -> int:
    files = sorted(SQL.rglob("*.sql"))
    found = [p for file in files for p in problems_of(str(file.relative_to(SQL)), file.read_text())]
    print("\n".join(found) if found else f"{len(files)} SQL files hold.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
