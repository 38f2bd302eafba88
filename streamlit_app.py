"""The console: signs people in and shows each the pages of their role."""

import streamlit as st

from core.ui.frame import console, shell

if st.runtime.exists():
    shell.run()
else:
    # `streamlit run` finds the app by this very call.
    app = st.App(__file__, **console.parts())
