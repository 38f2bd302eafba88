"""The text of a page that has no data yet: what will appear there and how to get it, instead of zeros."""

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from core.checklist.first_steps import TAB
from core.errors import Unavailable
from core.ui import navigation
from core.ui.kit import freshness

REFRESH_SECONDS = 5


def stop(title: str, how: str, *, arrived: Callable[[], bool]) -> NoReturn:
    """Show `title` and `how`, and stop the page; it is drawn again automatically once `arrived` returns True."""
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
