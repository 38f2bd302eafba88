"""The tree of tags in an OFX file. In SGML the end tag of a value may be missing; the same rules read SGML and XML."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.finance.bank.statements import Unreadable

_TAG = re.compile(r"<(?P<close>/?)(?P<name>[A-Za-z][\w.]*)(?P<rest>[^<>]*)>", re.ASCII)
_SKIPPED = re.compile(r"<\?[^>]*>|<!--.*?-->", re.DOTALL)
_DECLARED = re.compile(r"<!(?!\[CDATA\[|--)", re.ASCII)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_WITH_AN_END = frozenset(
    "OFX BANKMSGSRSV1 CREDITCARDMSGSRSV1 STMTTRNRS CCSTMTTRNRS STMTRS CCSTMTRS BANKACCTFROM CCACCTFROM BANKTRANLIST"
    " BANKTRANLISTP STMTTRN STMTTRNP LEDGERBAL".split()
)
MAX_DEPTH = 64


@dataclass
class Node:
    """A tag, which has either a value or tags inside."""

    name: str
    line: int
    value: str = ""
    children: list["Node"] = field(default_factory=list)

    def find_all(self, name: str) -> Iterator["Node"]:
        """Every tag of this name at any depth below, in the order of the file."""
        for each in self.children:
            if each.name == name:
                yield each
            yield from each.find_all(name)

    def find(self, name: str) -> "Node | None":
        """The first tag of this name at any depth below."""
        return next(self.find_all(name), None)

    def text(self, name: str) -> str | None:
        """The value of the direct child of this name; None where it is missing or empty."""
        return next((each.value for each in self.children if each.name == name and each.value), None)

    def line_of(self, name: str) -> int:
        """The line of the direct child of this name, or this tag's own."""
        return next((each.line for each in self.children if each.name == name), self.line)


def parse(text: str) -> Node:
    """The tag OFX with all tags inside; raises `Unreadable` if the file ends before it is closed."""
    declared = _DECLARED.search(text)
    if declared:
        raise Unreadable(
            _line(text, declared.start()), "the file declares entities or a document type, which no OFX does"
        )
    text = _SKIPPED.sub(_blanked, text)
    text = _CDATA.sub(lambda found: html.escape(found[1], quote=False), text)
    root = Node("", 1)
    stack = [root]
    line, before = 1, 0
    for tag in _TAG.finditer(text):
        value = text[before : tag.start()]
        line += value.count("\n")
        _put_value(stack, value)
        if tag["close"]:
            _close(stack, tag["name"].upper(), line)
        else:
            _open(stack, Node(tag["name"].upper(), line), line, is_empty=tag["rest"].endswith("/"))
        line += tag[0].count("\n")
        before = tag.end()
    if len(stack) > 1 or root.find("OFX") is None:
        raise Unreadable(line, "the file breaks off: the end of the OFX document (</OFX>) is missing")
    return root


def _put_value(stack: list[Node], text: str) -> None:
    if len(stack) > 1 and text.strip() and not stack[-1].children:
        stack[-1].value += html.unescape(" ".join(text.split()))


def _open(stack: list[Node], node: Node, line: int, *, is_empty: bool) -> None:
    if stack[-1].value:
        stack.pop()  # it has a value, so its end tag was left out
    if len(stack) > MAX_DEPTH:
        raise Unreadable(line, "the tags are nested too deeply")
    stack[-1].children.append(node)
    if not is_empty:
        stack.append(node)


def _close(stack: list[Node], name: str, line: int) -> None:
    """Close the tag, and any values and empty tags inside whose end tags were left out."""
    for place in range(len(stack) - 1, 0, -1):
        if stack[place].name == name:
            unclosed = next((each.name for each in stack[place + 1 :] if each.name in _WITH_AN_END), None)
            if unclosed:
                raise Unreadable(line, f"the end of <{unclosed}> is missing")
            for above in range(len(stack) - 1, place, -1):  # its children belong to the tag around it
                stack[above - 1].children += stack[above].children
                stack[above].children = []
            del stack[place:]
            return
    raise Unreadable(line, f"</{name[:20]}> closes a tag that was not opened")


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _blanked(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")
