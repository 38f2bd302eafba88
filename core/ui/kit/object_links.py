"""Where an id leads: to its object in the console, and in Stripe's dashboard."""

from urllib.parse import quote

import streamlit as st

from core.monitoring import incident_kinds
from core.ui import navigation, session
from core.ui.kit import stripe_dashboard
from core.ui.text import code

# Our own ids and the shop's have no telling prefix; the fact's name says what they identify.
BY_NAME = {"Order": "payments?find={}", "Patient": "payments?find={}", "Invoice": "payments?find={}"}


def of(name: str, value: str) -> tuple[str | None, str | None]:
    """Where the id `value`, labelled `name`, leads: to its object's page here, and to the object at Stripe.

    The first is None if the console has no page for it, the reader may not open that page, or is on it already; the
    second is None if Stripe has no such object.
    """
    found = incident_kinds.named(value)
    page = found.page if found and found.page else BY_NAME.get(name, "").format(quote(value, safe=""))
    may = bool(page) and navigation.may_open(session.actor().role, page)
    here = may and _is_here(page)
    at_stripe = stripe_dashboard.address(found.at_stripe) if found and found.at_stripe else None
    return (page if may and not here else None), at_stripe


def inline(name: str, value: str) -> str:
    """The id as Markdown, linked to its object where the reader may open it."""
    page, _ = of(name, value)
    return f"[{code(value)}](/{page})" if page else code(value)


def _is_here(page: str) -> bool:
    """Whether the reader is looking at this page's object."""
    address, _, query = page.partition("?")
    parameter, _, value = query.partition("=")
    return session.address() == address and quote(st.query_params.get(parameter, ""), safe="") == value
