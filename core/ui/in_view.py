"""Scrolls to the part of the page that a click changed; `page.js` does the scrolling."""

import streamlit as st

_ASKED, _TIMES = "place to look at", "places looked at"


def ask(place: str) -> None:
    """Scroll to `place` once the page is drawn again; for callbacks."""
    st.session_state[_ASKED] = place


def here(place: str) -> None:
    """Mark this position of the page as `place`."""
    if st.session_state.get(_ASKED) == place:
        del st.session_state[_ASKED]
        st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
        st.html(f'<span data-look-here="{st.session_state[_TIMES]}"></span>')
