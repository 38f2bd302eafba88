"""`python -m tests.lint.dependencies`: no locked dependency has a known vulnerability.

pip-audit asks osv.dev. Where that cannot be reached, the offline copy in `advisories.json` is read instead, which
names every locked package. Where neither answers, the check warns, and fails if `PAYOPS_AUDIT=required` is set, as
`.ci/run` does.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[2]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
OFFLINE_COPY = Path(__file__).parent / "advisories.json"
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect")
TIMEOUT_SECONDS = 300


def locked(lock: str) -> set[tuple[str, str]]:
    """Every package of a lock file with its version, or with each of them where it depends on Python's."""
    pins = re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)
    return {(canonicalize_name(name), version) for name, version in pins}


def all_locked() -> set[tuple[str, str]]:
    return {pin for lock in LOCKS for pin in locked(lock.read_text())}


def verdict(stdout: str, stderr: str, *, now: datetime) -> tuple[int, str] | None:
    """The exit code and what to say about pip-audit's answer; None where it could not reach its database."""
    try:
        dependencies = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError):
        return None if any(sign in stderr for sign in UNREACHABLE) else (1, f"pip-audit failed:\n{stderr[-2000:]}")
    # A database that does not know a package skips it, and pip-audit still says that nothing was found.
    skipped = [f"{each['name']}: NOT CHECKED, {each['skip_reason']}" for each in dependencies if "skip_reason" in each]
    found = [
        f"{each['name']} {each['version']}: {one['id']}, fixed in {', '.join(one['fix_versions']) or 'no release yet'}"
        for each in dependencies
        for one in each.get("vulns", [])
    ]
    if skipped or found:
        return 1, "\n".join([*found, *skipped])
    return 0, f"{len(dependencies)} dependencies have no known vulnerability, by osv.dev at {now:%Y-%m-%d %H:%M} UTC."


def offline_verdict(pins: Set[tuple[str, str]], copy: Mapping[str, Any], *, today: date) -> tuple[int, str]:
    """The same from the offline copy; a package that the copy was not collected for is a failure."""
    collected = date.fromisoformat(copy["collected"])
    names = {name for name, _ in pins}
    found = [
        f"{name} {version}: {one['id']}"
        for one in copy["advisories"]
        for name, version in sorted(pins)
        if name == one["package"] and affects(one, version)
    ]
    missing = [
        f"{name}: NOT CHECKED, the offline copy does not cover it. Look it up at https://osv.dev/list?q={name}"
        f"&ecosystem=PyPI, then add its advisories and its name in `packages` to {OFFLINE_COPY.relative_to(ROOT)}."
        for name in sorted(names - set(map(canonicalize_name, copy["packages"])))
    ]
    if missing or found:
        return 1, "\n".join([*found, *missing])
    return 0, (
        f"WARNING: osv.dev is out of reach. {len(names)} dependencies have no known vulnerability by the offline copy "
        f"of {copy['source']}, {len(copy['advisories'])} advisories collected on {collected} "
        f"({(today - collected).days} days ago); later advisories were NOT looked at."
    )


def affects(advisory: Mapping[str, Any], version: str) -> bool:
    """Whether the version is listed, or lies in a range `[introduced, fixed)`; a missing `fixed` has no end."""
    if version in advisory.get("versions", []):
        return True
    return any(_inside(version, introduced, fixed) for introduced, fixed in advisory["ranges"])


def _inside(version: str, introduced: str, fixed: str | None) -> bool:
    try:
        given = Version(version)
        begun = introduced == "0" or Version(introduced) <= given
        return begun and (fixed is None or given < Version(fixed))
    except InvalidVersion:
        return True  # a range that cannot be compared is looked at by a person


def _answers_of_pip_audit(now: datetime) -> Iterator[tuple[int, str] | None]:
    for lock in LOCKS:
        asked = [sys.executable, "-m", "pip_audit", "-r", str(lock), "--disable-pip", "--require-hashes"]
        how = ["--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
        try:
            ran = subprocess.run([*asked, *how], capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
            yield verdict(ran.stdout, ran.stderr, now=now)
        except subprocess.TimeoutExpired:
            yield None


def main() -> int:
    now = datetime.now(UTC)
    answers = []
    for answer in _answers_of_pip_audit(now):
        answers.append(answer)
        if answer is None:
            break
    if None not in answers:
        print("\n".join(said for _, said in answers if said))
        return max(code for code, _ in answers)
    if OFFLINE_COPY.exists():
        code, said = offline_verdict(all_locked(), json.loads(OFFLINE_COPY.read_text()), today=now.date())
    else:
        code = int(os.environ.get("PAYOPS_AUDIT") == "required")
        said = (
            "WARNING: the dependencies were NOT CHECKED for vulnerabilities: osv.dev is out of reach, and "
            f"{OFFLINE_COPY.relative_to(ROOT)} is missing."
        )
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
