"""The sign-in form rests on what streamlit-authenticator's own class
keeps: another version has to be looked at first.
"""

import inspect
from importlib.metadata import version

from streamlit_authenticator.views import Authenticate

from core.ui.frame.sign_in import Form, SignInController

LOOKED_AT = "0.4.2"


def test_the_library_is_the_version_whose_attributes_were_looked_at():
    assert version("streamlit-authenticator") == LOOKED_AT


def test_the_form_has_every_attribute_that_the_library_reads_while_it_draws_the_form():
    source = inspect.getsource(Authenticate.login)
    read = {
        name for name in ("path", "attrs", "cookie_controller", "authentication_controller") if f"self.{name}" in source
    }
    assert "authentication_controller" in read
    assert read <= vars(Form(SignInController())).keys()
