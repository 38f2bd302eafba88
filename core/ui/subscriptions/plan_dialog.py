"""The dialog that changes a subscription's plan, with Stripe's preview of what is charged now and next."""

from functools import partial

import streamlit as st

from core.billing import plan_changes, subscription_actions
from core.billing.plan_changes import Preview, Settles
from core.billing.plans import Catalogue
from core.billing.subscription_life import Life
from core.errors import PayopsError, Refused
from core.payments.actions import Action
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, catalogue_names, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.subscriptions.subscription_dialogs import finish, key, opened, said

SETTLES = {
    Settles.NOW: "Charge the difference now",
    Settles.NEXT_INVOICE: "Put it on the next invoice",
    Settles.NEVER: "No proration: the new price from the next period",
}
LINES = (Column("what", "Line"), Column("amount_minor", "Amount", "money"))
PREVIEW_SECONDS = 60
CHOOSE = "Choose another plan or quantity to see what is charged."


@st.dialog("Change plan", width="large")
def open(subscription_id: str) -> None:
    """Open the dialog, from a button; the page shows the result by `actions.show_result`."""
    actions.end_dialog_if_over()
    if (life := opened(subscription_id)) is None:
        return
    names = catalogue_names.known()
    item = life.subscription["items"][0]
    choices = [item["price_id"], *(each.price_id for each in names.others([item["price_id"]], life.currency))]
    price_id = st.selectbox("Plan", choices, format_func=names.plan_title, key=key(life, "plan"))
    # The field has no limits: Streamlit would not send a number beyond them, and the last valid one would be used.
    quantity = st.number_input(
        "Quantity", value=item["quantity"], step=1, format="%d", key=key(life, "quantity"), placeholder="1"
    )
    settles = Settles.NEVER
    if life.status != "trialing":
        settles = st.segmented_control(
            "The rest of this period",
            list(SETTLES),
            default=Settles.NOW,
            required=True,
            format_func=lambda each: SETTLES[each],
            key=key(life, "settles"),
        )
    wanted = int(quantity) if quantity is not None else None
    problem = plan_changes.problem(life, names.plans.get(price_id), wanted)
    found = None if problem or wanted is None else _preview(life, names, price_id, wanted, settles)
    if isinstance(found, Preview):
        rows.show(
            [_line(each, life) for each in found.lines],
            LINES,
            key=key(life, f"lines-{price_id}-{wanted}-{settles}"),
            file="plan-preview",
        )
    elif found:
        problem = found
    preview = found if isinstance(found, Preview) else None
    finish(
        life,
        plan_changes.in_words(preview) if preview else [],
        f"Change plan and charge {preview.due_now}" if preview and preview.due_now.minor > 0 else "Change plan",
        lambda actor, action_id: _change_plan(actor, action_id, life, preview),
        problem=problem,
        to_do=CHOOSE if problem == plan_changes.SAME_PLAN else "",
    )


def _preview(life: Life, names: Catalogue, price_id: str, quantity: int, settles: Settles) -> Preview | str:
    """Stripe's preview, cached for a minute, so that the shown one is carried out; or a text on why there is none."""
    context = session.services().payment_context
    change = plan_changes.planned(
        life, names, price_id=price_id, quantity=quantity, settles=settles, now=context.clock()
    )
    asked = ("preview", life.id, price_id, quantity, str(settles), str(life.seen))
    try:
        ask = partial(plan_changes.preview, context, life, change)
        return shared_cache.answers().get(asked, ask, ttl_seconds=PREVIEW_SECONDS).answer
    except PayopsError as error:
        return error.detail


def _line(line: plan_changes.Line, life: Life) -> dict[str, object]:
    return {"what": line.description, "amount_minor": line.amount.minor, "currency": life.currency}


def _change_plan(actor: Actor, action_id: str, life: Life, preview: Preview | None) -> Action:
    """Carry out the previewed change, if the quantity in the field is still the previewed one."""
    if preview is None or st.session_state.get(key(life, "quantity")) != preview.change.quantity:
        raise Refused("not_previewed", "The quantity was changed. Look at the new preview first.")
    return subscription_actions.change_plan(
        session.services().payment_context, actor, action_id, life, preview.change, reason=said(life)
    )
