"""The deployment checklist in the console: a button that runs it, and the lines with how to fix each problem."""

import streamlit as st

from core.checklist import lines
from core.checklist.finding import Finding, State
from core.figures.wording import counted
from core.services import Services
from core.staff.roles import require
from core.ui import session
from core.ui.text import ago, literal

SHOWN_FIRST = (State.FAILED, State.NOT_CHECKED, State.PASSED)
FOUND = "checklist findings"
ICONS = {
    State.PASSED: ":green[:material/check_circle:]",
    State.FAILED: ":red[:material/cancel:]",
    State.NOT_CHECKED: ":orange[:material/help:]",
}


def show(running: Services) -> None:
    """Show the button and the findings of this session's last run, failures first."""
    st.caption(
        "Checks Stripe, the webhook, the payment API, the database, the addresses and the users. It changes nothing."
    )
    if st.button("Check now", icon=":material/checklist:", type="primary", key="run checklist"):
        _run(running)
    if FOUND not in st.session_state:
        st.info("Not checked in this session yet.")
        return
    at, findings = st.session_state[FOUND]
    failures = sum(finding.state is State.FAILED for finding in findings)
    said = f"{counted(failures, 'line')} failed" if failures else "Nothing failed"
    st.markdown(f"## {said}, checked {ago(at, running.clock())}")
    for finding in sorted(findings, key=lambda one: SHOWN_FIRST.index(one.state)):
        _line(finding)


def _run(running: Services) -> None:
    require(session.actor(), "settings")
    findings: list[Finding] = []
    with st.status("Checking…", expanded=False) as status:
        for finding in lines.check(running):
            findings.append(finding)
            status.update(label=f"Checking… {len(findings)} of {len(lines.LINES)}: {finding.name}")
        status.update(label=f"{len(findings)} lines checked", state="complete")
    st.session_state[FOUND] = (running.clock(), findings)


def _line(finding: Finding) -> None:
    mend = f"  \nFix: {literal(finding.mend)}" if finding.mend else ""
    st.markdown(f"{ICONS[finding.state]} **{finding.name}** · {finding.state}  \n{literal(finding.detail)}{mend}")
