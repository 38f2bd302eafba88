"""What Stripe's products and prices are called, read once in five minutes for everybody."""

import time
from dataclasses import dataclass
from functools import partial

import streamlit as st

from core.billing import plans
from core.billing.plans import Catalogue
from core.errors import PayopsError
from core.stripe_gateway import StripeGateway
from core.ui import session
from core.ui.kit import shared_cache

KEPT_SECONDS, AGAIN_AFTER_SECONDS = 300, 30
_KEY = "catalogue"


@dataclass(frozen=True)
class _Read:
    catalogue: Catalogue
    failed: bool = False


def known() -> Catalogue:
    """The catalogue; empty while Stripe does not answer, so that ids are shown, and says so.

    Stripe is asked again half a minute later: nobody waits at every click for an answer that does not come.
    """
    kept, ask = shared_cache.answers(), partial(_read, session.services().stripe)
    found = kept.get(_KEY, ask, ttl_seconds=KEPT_SECONDS)
    if found.answer.failed and time.monotonic() - found.asked_at > AGAIN_AFTER_SECONDS:
        kept.forget(_KEY)
        found = kept.get(_KEY, ask, ttl_seconds=KEPT_SECONDS)
    if found.answer.failed:
        st.caption("Stripe does not answer, so products and plans are shown by their IDs.")
    return found.answer.catalogue


def _read(stripe: StripeGateway) -> _Read:
    try:
        return _Read(plans.catalogue(stripe))
    except PayopsError:
        return _Read(plans.EMPTY, failed=True)
