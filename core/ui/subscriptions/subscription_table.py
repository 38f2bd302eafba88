"""The list below the charts: running subscriptions, or the customers behind one bar."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from core.billing import subscription_lists
from core.billing.cohorts import MONTHS, CohortMonth
from core.billing.plans import Catalogue, item_in_words
from core.billing.subscription_figures import TITLES, Movement, SubscriptionFigures, reason_in_words
from core.billing.subscription_lists import A_PAGE, COHORT, LISTS, MOVED, Found, Present, title_of
from core.exports.table import Column, Row, Table
from core.figures.wording import counted
from core.money import Money
from core.ui import in_view, session
from core.ui.kit import export_panel, rows, sorted_list
from core.ui.text import literal

LIST, PLACE, WHY = "list", "from", "why"
JOINED, LATER = "joined", "later"


def choose(name: str, why: str | None = None) -> None:
    """Show this list from its start; with `why`, the key of a loss, only those who left for that reason."""
    st.session_state[LIST] = title_of(name)
    _from_the_start()
    if why:
        st.query_params[WHY] = why
    in_view.ask(LIST)


def choose_cohort(cell: CohortMonth) -> None:
    """Show the customers of this cell of the heat map."""
    choose(COHORT)
    st.session_state[JOINED], st.session_state[LATER] = f"{cell.joined:%Y-%m}", cell.later
    _keep_cell()


def _keep_cell() -> None:
    """Write the cell to the URL; Streamlit does not do this for a choice made by a click on a chart."""
    _from_the_start()
    st.query_params.update({JOINED: st.session_state[JOINED], LATER: str(st.session_state[LATER])})


def _from_the_start() -> None:
    for each in (PLACE, WHY):
        st.query_params.pop(each, None)


def show(figures: SubscriptionFigures, names: Catalogue) -> None:
    """Show the list in the URL (`?list=churned`): exactly the rows that the bar or figure of that name counts."""
    in_view.here(LIST)
    st.subheader("Subscriptions and customers", anchor="rows")
    pick, search = st.columns([2, 3], vertical_alignment="bottom")
    title = pick.selectbox(
        "Show",
        list(LISTS),
        index=list(LISTS).index("active"),
        key=LIST,
        bind="query-params",
        on_change=_from_the_start,
    )
    name = LISTS[title]
    find = ""
    cell = None
    if name == COHORT:
        with search:
            cell = _cell(session.services().clock())
    elif name not in MOVED:
        find = search.text_input(
            "Find",
            key="find",
            bind="query-params",
            max_chars=100,
            on_change=_from_the_start,
            placeholder="An ID: subscription, customer, patient, order, price, product",
        )
    after = _place(st.query_params.get(PLACE))
    asked: dict[str, Any] = {"currency": figures.currency, "now": session.services().clock()}
    if name == COHORT:
        asked["cell"] = cell
    elif name not in MOVED:
        asked["find"] = find.strip() or None
    elif name == Movement.CHURNED and (why := st.query_params.get(WHY)):
        asked["why"] = why
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Only for this reason: {literal(_reason(why))}.", width="content")
            st.button("Show all who left", type="tertiary", on_click=choose, args=(name,))
    found = subscription_lists.listed(session.db(), name, figures.period, after=after, **asked)
    st.markdown(literal(_in_words(found, figures, cell)))
    if not found.rows:
        st.info("There are none. Choose another list, or a longer period.")
        return
    columns = _COHORT if name == COHORT else _MOVED if found.is_of_customers else _present(names)
    chosen_id = "subscription_id" if found.is_of_customers else "id"
    key, batches = f"list-{name}", partial(subscription_lists.pages, session.db(), name, figures.period, **asked)
    is_sorted = sorted_list.shown(key, columns, batches, choose="subscription", id_field=chosen_id)
    if not is_sorted:
        fields = sorted_list.sortable(columns)
        rows.show(found.rows, columns, key=key, choose="subscription", id_field=chosen_id, ordered=fields)
    table = Table(
        name=f"subscriptions-{name.replace('_', '-')}",
        title=title.replace(":", "").capitalize(),
        columns=columns,
        batches=batches,
        count=found.count,
        period=figures.period if name in MOVED else None,
        filters=export_panel.set_filters(),
    )
    _below(found, after, table, paged=not is_sorted)


def _reason(why: str) -> str:
    reason, _, feedback = why.partition(":")
    return reason_in_words(reason, feedback or None).lower()


def _below(found: Found, after: int, table: Table, *, paged: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            if paged:
                _pages(found, after)
        with st.container(width="content"):
            export_panel.show(lambda _: table, name=table.name, large=found.count > export_panel.LARGE_ROWS)


def _pages(found: Found, after: int) -> None:
    st.button("Previous", disabled=after == 0, on_click=_go, args=(max(after - A_PAGE, 0),))
    st.button("Next", disabled=after + len(found.rows) >= found.count, on_click=_go, args=(after + A_PAGE,))
    st.caption(f"{after + 1:,} to {after + len(found.rows):,} of {found.count:,}", width="content")


def _go(place: int) -> None:
    if place:
        st.query_params[PLACE] = str(place)
    else:
        st.query_params.pop(PLACE, None)


def _place(said: str | None) -> int:
    """The number of the page's first row; 0 for a text that is no such number."""
    return int(said) if said and said.isascii() and said.isdigit() and len(said) < 9 else 0


def _cell(now: datetime) -> CohortMonth:
    """The cell of the heat map that the two select boxes beside the list name."""
    this = now.astimezone(session.services().zone).date().replace(day=1)
    months = [this]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    titles = {f"{each:%Y-%m}": each for each in months}
    said, later = st.query_params.get(JOINED), _place(st.query_params.get(LATER))
    st.session_state.setdefault(JOINED, said if said in titles else list(titles)[-1])
    of_joined, of_later = st.columns(2, vertical_alignment="bottom")
    joined = titles[
        of_joined.selectbox(
            "First paid in",
            list(titles),
            format_func=lambda each: f"{titles[each]:%b %Y}",
            key=JOINED,
            on_change=_keep_cell,
        )
    ]
    most = (this.year - joined.year) * 12 + this.month - joined.month
    st.session_state[LATER] = min(st.session_state.get(LATER, later), most)
    after = of_later.selectbox(
        "Still paid",
        list(range(most + 1)),
        format_func=lambda each: f"{counted(each, 'month')} later",
        key=LATER,
        on_change=_keep_cell,
    )
    return CohortMonth(joined, after)


def _in_words(found: Found, figures: SubscriptionFigures, cell: CohortMonth | None) -> str:
    amount = Money(found.amount_minor, figures.currency)
    if cell:
        return f"{counted(found.count, 'customer')} {cell.in_words()}: {amount} a month."
    if found.is_of_customers:
        return f"{counted(found.count, 'customer')}: {amount} a month."
    many = f"{counted(found.count, 'subscription')} of {counted(found.customers, 'customer')}"
    if found.name == Present.TRIALING:
        return f"{many}: {Money(found.price_minor, figures.currency)} a month once their trials end."
    return f"{many}: {amount} a month."


def _present(names: Catalogue) -> tuple[Column, ...]:
    def plan(one: Row) -> str:
        return ", ".join(item_in_words(each, one["currency"], names) for each in one["items"])

    def status(one: Row) -> str:
        words = one["status"].replace("_", " ").capitalize()
        return f"{words}, collection paused" if one["pause_behavior"] else words

    return (
        Column("customer_id", "Customer"),
        Column("items", "Plan", read=plan, width=270),
        Column("status", "Status", read=status),
        Column("monthly_minor", "MRR", "money", total=True, help="A month, after recurring discounts."),
        Column(
            "price_minor",
            "Monthly price",
            "money",
            help="Counted as MRR or not; for a trial, the price after it.",
        ),
        Column("owed_minor", "Open invoice", "money"),
        Column("current_period_end", "Period ends", "moment"),
        Column("cancel_at", "Cancels on", "moment", read=_ends),
        Column("start_date", "Since", "moment"),
        Column("patient_id", "Patient"),
        Column("id", "Subscription"),
    )


def _ends(one: Row) -> str | None:
    ends: str | None = one["cancel_at"] or (one["current_period_end"] if one["cancel_at_period_end"] else None)
    return ends


_MOVED = (
    Column("id", "Customer"),
    Column("movement", "Movement", read=lambda one: TITLES.get(one["movement"], "As before")),
    Column("before_minor", "At the start", "money", total=True),
    Column("after_minor", "At the end", "money", total=True),
    Column("change_minor", "Change", "money", total=True),
    Column("reason", "Why they left", read=lambda one: reason_in_words(one["reason"], one["feedback"])),
    Column("lost_at", "Left on", "moment"),
    Column("patient_id", "Patient"),
    Column("subscription_id", "Subscription"),
)
_COHORT = (
    Column("id", "Customer"),
    Column("first_at", "First paid on", "moment"),
    Column("first_minor", "At first", "money", total=True),
    Column("after_minor", "At the end of the month", "money", total=True),
    Column("patient_id", "Patient"),
    Column("subscription_id", "Subscription"),
)
