"""The first steps of a new installation: what is done, what comes next, and a button for it."""

from functools import partial

import streamlit as st

from core.checklist import first_steps, lines, webhook_setup
from core.checklist.endpoint_checks import ADD_ENDPOINT
from core.checklist.finding import Finding, State
from core.checklist.first_steps import Progress
from core.checklist.installation import Installation
from core.checklist.stripe_checks import webhook_address
from core.errors import Unavailable
from core.events.repair import backfill_job
from core.monitoring import overview
from core.services import Services
from core.staff.roles import Actor, Right, right
from core.stripe_gateway import API_VERSION
from core.ui import navigation
from core.ui.kit import actions, freshness
from core.ui.text import code, literal

FOUND, MADE = "first steps findings", "webhook endpoint made"
CREATE = "payops creates it with the button below, and shows its signing secret for STRIPE_WEBHOOK_SECRETS once."
REFRESH_SECONDS = 1
DONE, NEXT = ":green[:material/check_circle:]", ":orange[:material/radio_button_unchecked:]"


def show_until_payments_come(running: Services) -> None:
    """Show the steps instead of a page that would only have zeros, until the first payment is known."""
    st.markdown("## Nothing has come from Stripe yet")
    if right(freshness.reader_role(), "settings") < Right.ACT:
        st.info("There is nothing to show before the first payment. An admin sets payops up on this page.")
    else:
        st.caption("Figures appear here with the first payment. Until then, these steps set payops up.")
        show(running)
    _wait_for_payments(running)


@st.fragment(run_every=2 * REFRESH_SECONDS)
def _wait_for_payments(running: Services) -> None:
    freshness.reader_role()
    try:
        known = overview.currencies(running.db)
    except Unavailable:
        return
    if known and not backfill_job.reached(running.db).running:
        st.rerun()


def show(running: Services) -> None:
    """Show the steps as last checked in this session; they are checked when first opened."""
    if FOUND not in st.session_state:
        with st.spinner("Looking at Stripe, the webhook, the providers and the users…"):
            st.session_state[FOUND] = list(lines.check(running, first_steps.LINES))
    found: list[Finding] = st.session_state[FOUND]
    steps = first_steps.progress(found, backfill_job.reached(running.db))
    done = sum(step.done for step in steps)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(done / len(steps), text=f"{done} of {len(steps)} steps done")
        st.button("Check again", key="check first steps", on_click=_forget, width="content")
    coming = next((step for step in steps if not step.done), None)
    for number, step in enumerate(steps, 1):
        with st.container(border=True, key=f"step-{number}"):
            _step(running, number, step, open=step is coming)
    if coming is None:
        st.success("Everything is set up. The deployment checklist under Settings checks the rest.")


def _forget() -> None:
    st.session_state.pop(FOUND, None)


def _step(running: Services, number: int, step: Progress, *, open: bool) -> None:
    st.markdown(f"{DONE if step.done else NEXT} **{number}. {step.step.title}**")
    if step.done:
        st.caption(literal(step.said))
        return
    st.caption(literal(step.step.why))
    failures = [finding for finding in step.open if finding.state is State.FAILED]
    # Lines that could not be checked are left out if others failed, and a cause of several lines is shown once.
    said = {(finding.detail, finding.mend): None for finding in ((failures or step.open) if open else ())}
    for detail, mend in said:
        st.markdown(f"{literal(detail)}  \n{literal((CREATE if mend == ADD_ENDPOINT else mend) or '')}")
    if step.step is first_steps.EVENTS and open:
        _endpoint(running, step)
    elif step.step is first_steps.HISTORY:
        _history(running)
    elif step.step.page:
        navigation.link(step.step.page, step.step.act, freshness.reader_role())


def _endpoint(running: Services, step: Progress) -> None:
    if any(finding.mend == ADD_ENDPOINT for finding in step.open):
        with st.container(horizontal=True):
            st.button(
                "Create it at Stripe",
                type="primary",
                key="create endpoint",
                on_click=actions.attempt,
                args=(partial(_create, running),),
            )
            with st.popover("Or by hand"):
                st.markdown(
                    "In Stripe's dashboard, under Developers, Webhooks, add an endpoint with this address, "
                    f"API version {code(API_VERSION)} and these types of event:"
                )
                st.code(webhook_address(Installation(running)), language=None)
                st.code("\n".join(webhook_setup.event_types()), language=None, height=240)
    if (made := st.session_state.get(MADE)) is not None:
        st.warning(
            f"The signing secret of {code(made.id)} is shown until you leave this page. Add it to "
            "STRIPE_WEBHOOK_SECRETS of the API and the worker, after a comma if there are others, and restart them."
        )
        st.code(made.secret, language=None)


def _create(running: Services, actor: Actor) -> str:
    made = webhook_setup.create_endpoint(running, actor)
    st.session_state[MADE] = made
    _forget()
    return f"Stripe sends its events to {made.address} now. Put the secret into the settings before you go on."


@st.fragment(run_every=REFRESH_SECONDS)
def _history(running: Services) -> None:
    """Show the progress of the backfill, whoever started it, and the button to start or continue it."""
    freshness.reader_role()
    found = backfill_job.reached(running.db)
    if found.complete_at is not None and not found.running:
        st.rerun()
    if found.kinds:
        st.progress(found.share, text=literal(found.in_words()))
    st.button(
        "Continue" if found.kinds else "Read Stripe's history",
        type="primary",
        key="begin backfill",
        disabled=found.running,
        on_click=actions.attempt,
        args=(partial(_begin, running),),
    )


def _begin(running: Services, actor: Actor) -> str:
    backfill_job.start(running.db, running.stripe, actor, clock=running.clock, livemode=running.livemode)
    return "Reading. It goes on if you leave this page."
