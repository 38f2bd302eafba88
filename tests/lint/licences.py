"""`python -m tests.lint.licences [--write]`: what `make run` installs has a licence that we allow, and is listed.

The list is `docs/licences.md`; `--write` makes it anew from what is installed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.lint.dependencies import locked

ROOT = Path(__file__).parents[2]
LIST = ROOT / "docs" / "licences.md"
# Licences that ask for no more than to be named, and the weak copyleft
# of libraries that are used unchanged (LGPL, MPL).
ALLOWED = (
    "0BSD",
    "Apache",
    "BSD",
    "CC0",
    "HPND",
    "ISC",
    "LGPL",
    "GNU Lesser General Public License",
    "MIT",
    "MIT-CMU",
    "Mozilla Public License",
    "MPL",
    "PSF",
    "Python Software Foundation",
    "Python-2.0",
    "The Unlicense",
    "Unlicense",
    "Zlib",
    "Zope Public License",
)
HEADING = """# Licences

What `make run` installs, from each package's own metadata; made by `python -m tests.lint.licences --write`. Packages that
only checks and tests use (`requirements-dev.lock`) are not among them.

| package | version | licence |
|---|---|---|
"""


def installed() -> list[dict[str, str]]:
    """Name, version and licence of each package that the run lock names, as its metadata has it."""
    wanted = {name for name, _ in locked((ROOT / "requirements.lock").read_text())}
    ran = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--format=json", "--from=mixed"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = [each for each in json.loads(ran.stdout) if canonicalize_name(each["Name"]) in wanted]
    return sorted(found, key=lambda each: canonicalize_name(each["Name"]))


def problems(packages: Sequence[dict[str, str]]) -> Iterator[str]:
    """One line for each package whose licence is not allowed."""
    for each in packages:
        # Of several licences offered with OR, one that is allowed is enough; all that are joined by AND must be.
        offered = each["License"].replace(";", " OR ").split(" OR ")
        if not any(all(_allowed(part) for part in one.split(" AND ")) for one in offered):
            yield f"{each['Name']} {each['Version']}: the licence {each['License']!r} is not among those allowed."


def _allowed(licence: str) -> bool:
    return any(licence.strip(" ()").startswith(name) or f"{name} " in licence for name in ALLOWED)


def as_markdown(packages: Sequence[dict[str, str]]) -> str:
    rows = [f"| {each['Name']} | {each['Version']} | {' '.join(each['License'].split())[:80]} |" for each in packages]
    return HEADING + "\n".join(rows) + "\n"


def main() -> int:
    packages = installed()
    found = list(problems(packages))
    if "--write" in sys.argv:
        LIST.write_text(as_markdown(packages))
    elif not LIST.exists() or LIST.read_text() != as_markdown(packages):
        found.append("docs/licences.md is out of date: python -m tests.lint.licences --write")
    print("\n".join(found) or f"{len(packages)} packages that are installed to run have allowed licences.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
