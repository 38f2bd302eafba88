"""Finds elements of an XML tree by name without namespace, which differs between versions of CAMT.053."""

from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

Element = Any  # lxml has no type annotations


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return str(etree.QName(element).localname)


def line_of(element: Element) -> int:
    return int(element.sourceline or 1)


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The direct children of this name."""
    if element is not None:
        yield from element.iterchildren(f"{{*}}{name}")


def child(element: Element | None, name: str) -> Element | None:
    """The first direct child of this name."""
    return next(children(element, name), None)


def find(element: Element, name: str) -> Iterator[Element]:
    """Every element of this name at any depth below, in the order of the file."""
    yield from element.iter(f"{{*}}{name}")


def text_of(element: Element | None, *path: str) -> str | None:
    """The text of the element at this path, following the first child of each name; None if there is none."""
    for name in path:
        element = child(element, name)
    text = (element.text or "").strip() if element is not None else ""
    return text or None


def texts_of(element: Element | None, name: str) -> list[str]:
    """The texts of all direct children of this name."""
    return [text for each in children(element, name) if (text := (each.text or "").strip())]
