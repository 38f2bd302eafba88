"""`python -m tests.lint.texts`: no page sets a code by hand: a backtick
in it would let the rest be read as Markdown.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEEPS_IT_TEXT = "core/ui/text.py"


def problems_of(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if "`{" in line and path != KEEPS_IT_TEXT:
            yield f"{path}:{number}: set codes by core.ui.text.code"


def main() -> int:
    paths = sorted([*(ROOT / "pages").rglob("*.py"), *(ROOT / "core" / "ui").rglob("*.py")])
    found = [each for path in paths for each in problems_of(str(path.relative_to(ROOT)), path.read_text())]
    print("\n".join(found) if found else f"{len(paths)} files of pages keep text as text.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
