"""What a click changed further up or down the page is brought into view; `page.js` scrolls there."""

import streamlit as st

_ASKED, _TIMES = "place to look at", "places looked at"


def ask(place: str) -> None:
    """For callbacks: once the page is drawn again, `place` is in view."""
    st.session_state[_ASKED] = place


def here(place: str) -> None:
    """Where this place is on the page."""
    if st.session_state.get(_ASKED) == place:
        del st.session_state[_ASKED]
        st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
        st.html(f'<span data-look-here="{st.session_state[_TIMES]}"></span>')
