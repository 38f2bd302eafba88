"""`python -m tests.lint.monitoring_files`: the alert rules and the dashboard ask only for what `/metrics` offers.

Where promtool is installed (Debian's package prometheus), it checks the rules and runs their tests as well.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from core.monitoring.prometheus import COUNTERS, HISTOGRAMS

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
RULES, RULE_TESTS, DASHBOARD = "prometheus-alerts.yml", "prometheus-alerts.test.yml", "grafana-dashboard.json"
BY_KEY = ("database_errors", "incidents")
GAUGES = ("payops_queue_depth", "payops_queue_oldest_seconds")


def offered() -> set[str]:
    """The name of every series of `/metrics`."""
    totals = {f"payops_{name}_total" for name in (*COUNTERS, *BY_KEY)}
    parts = {f"payops_{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "sum", "count")}
    return totals | parts | set(GAUGES)


def unknown(text: str) -> set[str]:
    """The series that this file asks for and `/metrics` does not offer."""
    return set(re.findall(r"\bpayops_[a-z_]+", text)) - offered()


def main() -> int:
    texts = {name: (FOLDER / name).read_text() for name in (RULES, RULE_TESTS, DASHBOARD)}
    wrong = [f"{name}: {series} is not at /metrics" for name, text in texts.items() for series in sorted(unknown(text))]
    asked = [target["expr"] for panel in json.loads(texts[DASHBOARD])["panels"] for target in panel["targets"]]
    if promtool := shutil.which("promtool"):
        for command in (("check", "rules", RULES), ("test", "rules", RULE_TESTS)):
            ran = subprocess.run([promtool, *command], cwd=FOLDER, capture_output=True, text=True)
            wrong += [ran.stdout + ran.stderr] if ran.returncode else []
    print("\n".join(wrong) or f"The alert rules and the dashboard's {len(asked)} queries ask for what /metrics offers.")
    if not promtool:
        print("WARNING: promtool is not installed, so it did NOT check the alert rules.")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
