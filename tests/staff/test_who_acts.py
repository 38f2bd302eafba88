"""Whatever a page may set going and that changes something is told who acts, and the audit log hears of it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "pages").rglob("*.py"), *(ROOT / "core" / "ui").glob("*.py")])
NOUNS = ("events", "finance", "monitoring", "payments", "providers", "staff")
WRITES = re.compile(r"\b(insert into|update payops\.|delete from|record_audit)\b")
CALLED = re.compile(r"\b(payops(?:_api)?\.\w+)\(")
# What tells who acts by itself: the session, the password or the ticket that was given; and what a failing page reports.
NAMES_ITS_OWN_ACTOR = {
    "core.monitoring.incidents.IncidentLog.report",
    "core.staff.confirmation.confirm",
    "core.staff.confirmation.enrol",
    "core.staff.sessions.Sessions.of_cookie",
    "core.staff.sessions.Sessions.of_id",
    "core.staff.sessions.Sessions.redeem",
    "core.staff.sessions.Sessions.sign_in",
    "core.staff.sessions.Sessions.sign_out",
}
# What the program keeps right for itself whoever looks.
OWN_WORK = {"payops.refresh_rollups", "payops.refresh_balances"}


@dataclass
class Function:
    """One function of core: whether it is told who acts, the SQL functions it calls, and what else it may call."""

    told_who_acts: bool
    asks: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)


def names_of(tree: ast.Module) -> dict[str, str]:
    """What each name that was imported from core stands for."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("core")
        for alias in node.names
    }


def functions_of(tree: ast.Module, module: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield f"{module}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef):
                    yield f"{module}.{node.name}.{each.name}", each


def mentions(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """The full names of what is mentioned, and `.method` for a method of something unknown."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id in names:
            yield names[each.id]
        elif isinstance(each, ast.Attribute):
            if isinstance(each.value, ast.Name) and each.value.id in names:
                yield f"{names[each.value.id]}.{each.attr}"
            else:
                yield f".{each.attr}"


@pytest.fixture(scope="module")
def functions() -> dict[str, Function]:
    found = {}
    for noun in NOUNS:
        for path in (ROOT / "core" / noun).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            tree = ast.parse(path.read_text())
            names = names_of(tree) | {
                full.rpartition(".")[2]: full
                for full, _ in functions_of(tree, module)
                if full.count(".") == module.count(".") + 1
            }
            for full, node in functions_of(tree, module):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                known = Function(
                    any(ast.unparse(each.annotation or ast.Constant("")) == "Actor" for each in arguments)
                )
                for each in ast.walk(node):
                    if (
                        isinstance(each, ast.Call)
                        and isinstance(each.func, ast.Attribute)
                        and each.func.attr == "call"
                    ):
                        known.asks |= {
                            first.value for first in each.args[:1] if isinstance(first, ast.Constant)
                        }
                known.calls = set(mentions(node, names)) - {full}
                found[full] = known
    return found


@pytest.fixture(scope="module")
def sources(server, database):
    """The text of each SQL function of ours."""
    with psycopg.connect(server.owner_conninfo) as connection:
        return dict(
            connection.execute(
                "select p.pronamespace::regnamespace || '.' || p.proname, pg_get_functiondef(p.oid)"
                " from pg_proc as p"
                " where p.pronamespace in ('payops'::regnamespace, 'payops_api'::regnamespace)"
            ).fetchall()
        )


def reached(name, sources):
    """This SQL function and those it calls."""
    seen, todo = set(), [name]
    while todo:
        each = todo.pop()
        if each in sources and each not in seen | OWN_WORK:
            seen.add(each)
            todo += CALLED.findall(sources[each].partition("AS $")[2])
    return seen


def writes(name, sources):
    return any(WRITES.search(sources[each].partition("AS $")[2]) for each in reached(name, sources))


def resolved(mention, functions):
    """The functions a mention may mean."""
    if mention in functions:
        return {mention}
    if mention.startswith("."):
        return {full for full in functions if full.endswith(mention) and full.split(".")[-2][:1].isupper()}
    return set()


def changed_by(name, functions, sources):
    """The writing SQL functions reached from this function without anything that is told who acts in between."""
    seen, todo, found = set(), [name], set()
    while todo:
        full = todo.pop()
        if full in seen or full in NAMES_ITS_OWN_ACTOR or functions[full].told_who_acts:
            continue
        seen.add(full)
        found |= {each for each in functions[full].asks if writes(f"payops_api.{each}", sources)}
        for mention in functions[full].calls:
            todo += resolved(mention, functions)
    return found


def test_a_page_changes_nothing_without_saying_who_acts(functions, sources):
    offences = {}
    for path in PAGES:
        tree = ast.parse(path.read_text())
        for mention in set(mentions(tree, names_of(tree))):
            for full in resolved(mention, functions):
                if changed := changed_by(full, functions, sources):
                    offences[f"{path.relative_to(ROOT)}: {full}"] = sorted(changed)
    assert offences == {}


def test_a_page_asks_core_and_never_the_database():
    asking = {
        str(path.relative_to(ROOT))
        for path in PAGES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call"
    }
    assert asking == set()


def test_a_function_of_the_database_that_is_told_who_acts_and_changes_something_has_it_audited(sources):
    silent = {
        name
        for name, source in sources.items()
        if name.startswith("payops_api.")
        and "p_actor " in source.partition(")\n")[0]
        and writes(name, sources)
        and not any("record_audit" in sources[each].partition("AS $")[2] for each in reached(name, sources))
    }
    assert silent == set()
