"""A page before anything of its kind exists: what will appear and how to get it, in place of zeros."""

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from core.checklist.first_steps import TAB
from core.errors import Unavailable
from core.ui import navigation
from core.ui.kit import freshness

REFRESH_SECONDS = 5


def stop(title: str, how: str, *, arrived: Callable[[], bool]) -> NoReturn:
    """End the page with `title` and `how`; it is drawn again by itself once something has `arrived`."""
    st.markdown(f"## {title}")
    st.info(how)
    navigation.link("settings", TAB, freshness.reader_role(), {"tab": TAB})
    _wait(arrived)
    st.stop()


@st.fragment(run_every=REFRESH_SECONDS)
def _wait(arrived: Callable[[], bool]) -> None:
    freshness.reader_role()
    try:
        found = arrived()
    except Unavailable:
        return
    if found:
        st.rerun()
