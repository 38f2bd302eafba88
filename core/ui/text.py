"""Text from outside, shown as text."""

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~:&=^])")


def literal(text: object) -> str:
    """`text` for a place that reads Markdown: no formatting, link, formula, icon or colour in it comes alive."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))
