"""`python -m tests.lint.who_acts`: what a page may set going and that changes something is told who acts, and audited.

It follows names: a page mentions functions of core, those mention others and call SQL functions, and these write.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOUNS = (
    "billing",
    "checklist",
    "customers",
    "events",
    "finance",
    "monitoring",
    "payments",
    "privacy",
    "providers",
    "reviews",
    "search",
    "staff",
)
WRITES = re.compile(r"\b(insert into|update payops\.|delete from|record_audit)\b")
SENDS_MONEY = re.compile(r"\b(insert into|update) payops\.money_actions\b")
SQL_FUNCTION = re.compile(r"^create function (payops(?:_api)?\.\w+)\(", re.MULTILINE)
SQL_COMMENT = re.compile(r"--.*$", re.MULTILINE)
SQL_CALL = re.compile(r"\b(payops(?:_api)?\.\w+)\(")
# These know who acts by themselves: from the session, password, ticket or identity they are given, or as the program.
NAMES_ITS_OWN_ACTOR = {
    "core.monitoring.incidents.IncidentLog.report",
    "core.staff.confirmation.confirm",
    "core.staff.confirmation.enrol",
    "core.staff.identities.sign_in",
    "core.staff.sessions.Sessions.of_cookie",
    "core.staff.sessions.Sessions.of_id",
    "core.staff.sessions.Sessions.redeem",
    "core.staff.sessions.Sessions.sign_in",
    "core.staff.sessions.Sessions.sign_out",
}
# A part of a page that runs alone does not pass by the sign-in: it has to ask one of these who is there.
RUNS_ALONE = {"fragment", "dialog"}
ASKS_WHO_IS_THERE = {"actor", "working", "end_dialog_when_done", "end_dialog_if_over", "reader_role"}
# What the program keeps right for itself whoever looks.
OWN_WORK = {
    "payops.refresh_rollups",
    "payops.refresh_balances",
    "payops.refresh_revenue",
    "payops.refresh_subscriptions",
    "payops.move_running",
    "payops.refresh_observations",
    "payops.refresh_figures",
    "payops.states_with",  # undoes what it did
    "payops.refresh_recovery",
}


@dataclass
class Function:
    """A function of core: whether it is told who acts, the SQL functions it asks, and what else it mentions."""

    told_who_acts: bool
    asks: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)


class Code:
    """The functions of core by their full names, and those of the database with the text of each."""

    def __init__(self, modules: Mapping[str, str], sql: str):
        self.functions = {
            full: function for module, text in modules.items() for full, function in _functions(module, text)
        }
        self._methods: dict[str, list[str]] = defaultdict(list)
        for full in self.functions:
            owner, name = full.split(".")[-2:]
            if owner[:1].isupper():
                self._methods[f".{name}"].append(full)
        parts = SQL_FUNCTION.split(SQL_COMMENT.sub("", sql))
        self.sql = dict(zip(parts[1::2], parts[2::2], strict=True))

    def asked_by(self, mention: str) -> set[str]:
        """The SQL functions reached from what is mentioned, with nothing that is told who acts in between."""
        seen: set[str] = set()
        todo, found = list(self._meant(mention)), set()
        while todo:
            full = todo.pop()
            function = self.functions[full]
            if full in seen or full in NAMES_ITS_OWN_ACTOR or function.told_who_acts:
                continue
            seen.add(full)
            found |= function.asks
            todo += [meant for each in function.mentions for meant in self._meant(each)]
        return found

    def writes(self, name: str, what: re.Pattern[str] = WRITES) -> bool:
        """Whether this SQL function, or one that it calls, writes."""
        return any(what.search(self.sql[each]) for each in self._sql_reached(name))

    def sends_money(self, full: str) -> bool:
        """Whether this function of core, or one it mentions, has something asked of Stripe that moves money."""
        seen, todo = set(), [full]
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                if any(self.writes(asked, SENDS_MONEY) for asked in self.functions[each].asks):
                    return True
                todo += [meant for one in self.functions[each].mentions for meant in self._meant(one)]
        return False

    def unaudited(self) -> Iterator[str]:
        """The public SQL functions that are told who acts, write, and tell the audit log nothing."""
        for name, text in self.sql.items():
            if name.startswith("payops_api.") and "p_actor " in text.partition(") returns")[0] and self.writes(name):
                if not any("record_audit" in self.sql[each] for each in self._sql_reached(name)):
                    yield name

    def _sql_reached(self, name: str) -> set[str]:
        seen: set[str] = set()
        todo = [name if "." in name else f"payops_api.{name}"]
        while todo:
            each = todo.pop()
            if each in self.sql and each not in seen | OWN_WORK:
                seen.add(each)
                todo += SQL_CALL.findall(self.sql[each])
        return seen

    def _meant(self, mention: str) -> Iterable[str]:
        """The functions a mention may mean: the one of that name, or any class's method of it."""
        if mention.startswith("."):
            return self._methods.get(mention, [])
        return [mention] if mention in self.functions else []


def problems_of(pages: Mapping[str, str], code: Code) -> Iterator[str]:
    """What a page sets going without saying who acts, and what is done without the audit log, a line each."""
    for path, text in pages.items():
        tree = ast.parse(text)
        for call in _calls(tree):
            yield f"{path}: asks the database for {call}; that is core's to do"
        for mention in sorted(set(_mentions(tree, _imported(tree)))):
            if changing := sorted(name for name in code.asked_by(mention) if code.writes(name)):
                yield f"{path}: {mention} changes something ({', '.join(changing)}) and is told no actor"
        for function in _running_alone(tree):
            if not ASKS_WHO_IS_THERE & {each.rpartition(".")[2] for each in _mentions(function, {})}:
                yield f"{path}: {function.name} runs alone and does not ask who is there"
    for name in code.unaudited():
        yield f"{name} is told who acts, changes something, and writes no audit entry"


def of_the_checkout() -> tuple[dict[str, str], Code]:
    """The pages with what draws them, and the code below them."""
    paths = [*(ROOT / "pages").rglob("*.py"), *(ROOT / "core" / "ui").rglob("*.py"), ROOT / "streamlit_app.py"]
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text()
        for noun in NOUNS
        for path in (ROOT / "core" / noun).rglob("*.py")
    }
    sql = "\n".join(path.read_text() for path in sorted((ROOT / "core" / "db" / "functions").rglob("*.sql")))
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(paths)}, Code(modules, sql)


def _functions(module: str, text: str) -> Iterator[tuple[str, Function]]:
    tree = ast.parse(text)
    defined = [(f"{module}.{node.name}", node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = _imported(tree) | {node.name: full for full, node in defined}
    defined += [
        (f"{module}.{owner.name}.{node.name}", node)
        for owner in tree.body
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef)
    ]
    for full, node in defined:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        told = any(each.annotation and ast.unparse(each.annotation) == "Actor" for each in arguments)
        yield full, Function(told, set(_calls(node)), set(_mentions(node, names)) - {full})


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each name that was imported from core stands for."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("core")
        for alias in node.names
    }


def _mentions(tree: ast.AST, names: Mapping[str, str]) -> Iterator[str]:
    """The full names of what is mentioned, and `.method` for a method of something unknown."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield names[node.id]
        elif isinstance(node, ast.Attribute):
            known = isinstance(node.value, ast.Name) and names.get(node.value.id)
            yield f"{known or ''}.{node.attr}"


def _running_alone(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if any(
                RUNS_ALONE & {each.rpartition(".")[2] for each in _mentions(one, {})} for one in node.decorator_list
            ):
                yield node


def _calls(tree: ast.AST) -> Iterator[str]:
    """The SQL functions asked for by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call":
            yield from (each.value for each in node.args[:1] if isinstance(each, ast.Constant))


def main() -> int:
    from tests.staff.test_matrix import not_listed

    found = list(problems_of(*of_the_checkout()))
    found += [f"{name}: who may do it? Add it to NEEDS in tests/staff/test_matrix.py" for name in not_listed()]
    print("\n".join(found) if found else "Every action is told who acts, has its row, and is audited.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
