"""`python -m tests.lint.secrets`: no tracked file holds something that looks like a real secret."""

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_BYTES = 2_000_000
# What made-up keys of documentation and tests look like: fewer bits a sign than a random one has.
MIN_BITS_PER_SIGN = 3.4
PATTERNS = {
    "a Stripe key": r"\b(?:sk|rk)_(?:live|test)_([0-9A-Za-z]{20,})",
    "a webhook secret": r"\bwhsec_([0-9A-Za-z+/=]{24,})",
    "a Supabase key": r"\bsb_secret_([0-9A-Za-z_-]{20,})",
    "an AWS key": r"\b(?:AKIA|ASIA)([0-9A-Z]{16})\b",
    "a GitHub token": r"\b(?:gh[pousr]_|github_pat_)([0-9A-Za-z_]{30,})",
    "a Slack token": r"\bxox[abprs]-([0-9A-Za-z-]{20,})",
    "a signed token": r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.([0-9A-Za-z_-]{20,})",
    "a password in an address": r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"'{}]+:([^\s/@\"'{}$<>…]{8,})@",
    "a secret that is set": r"(?i)\b[A-Z_]*(?:secret|token|password|api_key|cookie_key)[A-Z_]*=[\"']?([0-9A-Za-z+/_-]{24,})",
}
PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[0-9A-Za-z+/]{20}")
_COMPILED = {what: re.compile(pattern) for what, pattern in PATTERNS.items()}


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """The line and the kind of each thing that looks like a real secret."""
    for match in PRIVATE_KEY.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, "a private key"
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in _COMPILED.items():
            for match in pattern.finditer(line):
                if bits_per_sign(match[1]) >= MIN_BITS_PER_SIGN:
                    yield number, what


def bits_per_sign(text: str) -> float:
    """Shannon's entropy of the signs in `text`."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def main() -> int:
    """Say where, never what: the output of a check is read by many."""
    files = [path for path in tracked_files() if path.stat().st_size < MAX_BYTES]
    found = [
        f"{path.relative_to(ROOT)}:{line}: looks like {what}. Remove it, and change it where it is used."
        for path in files
        for line, what in secrets_in(path.read_text(encoding="utf-8", errors="replace"))
    ]
    print("\n".join(found) if found else f"{len(files)} files hold no secret.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
