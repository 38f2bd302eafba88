"""`python -m tests.lint.dependencies`: no locked dependency has a known hole; asks OSV, where it can be reached."""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements.lock"
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect")
TIMEOUT_SECONDS = 300


def verdict(stdout: str, stderr: str) -> tuple[int, str]:
    """The exit code and what to say about pip-audit's answer; one that could not ask is no failure, but is said."""
    try:
        dependencies = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError):
        if any(sign in stderr for sign in UNREACHABLE):
            return 0, "WARNING: the dependencies were NOT CHECKED for known holes: osv.dev is out of reach."
        return 1, f"pip-audit failed:\n{stderr[-2000:]}"
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no release yet'}"
        for each in dependencies
        for hole in each.get("vulns", [])
    ]
    return (1, "\n".join(holes)) if holes else (0, f"{len(dependencies)} dependencies have no known hole.")


def main() -> int:
    asked = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--disable-pip", "--require-hashes"]
    how = ["--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        ran = subprocess.run([*asked, *how], capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        code, said = verdict(ran.stdout, ran.stderr)
    except subprocess.TimeoutExpired:
        code, said = verdict("", "ReadTimeout")
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
