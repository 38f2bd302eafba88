"""Sign-in through an OpenID provider: Streamlit and Authlib run the protocol, `core.staff.identities` checks it."""

import hmac
import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from streamlit import config

from core.db import json_text
from core.errors import PayopsError
from core.settings import Settings
from core.staff import identities
from core.staff.sessions import Visit, cookie_key
from core.ui import session
from core.ui.text import literal

SECRETS_FILE = "oidc-secrets.toml"
CALLBACK = "/oauth2callback"
COOKIES = ("_streamlit_user", "_streamlit_user_tokens")  # Streamlit's own; they keep the identity for 30 days
_TRIED, _PROBLEM = "identity_tried", "identity_problem"


def configure(settings: Settings) -> None:
    """Configure the provider's client in Streamlit, which reads secrets only from a file: here in `DATA_DIR`, 0600."""
    path = settings.data_dir / SECRETS_FILE
    if not settings.oidc_issuer:
        path.unlink(missing_ok=True)
        return
    _write_private(path, _auth_section(settings))
    config.set_option("secrets.files", [str(path)])


def _auth_section(settings: Settings) -> str:
    assert settings.oidc_issuer and settings.oidc_client_secret
    cookie_secret = hmac.new(cookie_key(settings), b"identity of a sign-in", sha256).hexdigest()
    values: dict[str, Any] = {
        "redirect_uri": settings.public_base_url.rstrip("/") + CALLBACK,
        "cookie_secret": cookie_secret,
        "client_id": settings.oidc_client_id,
        "client_secret": settings.oidc_client_secret.get_secret_value(),
        "server_metadata_url": settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
    }
    # A JSON string is also a TOML string. PKCE is always used, even if the provider does not announce it.
    lines = [f"{name} = {json_text(value)}" for name, value in values.items()]
    return "\n".join(["[auth]", *lines, "[auth.client_kwargs]", 'code_challenge_method = "S256"', ""])


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, written = tempfile.mkstemp(dir=path.parent)  # mkstemp gives mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(written, path)


def is_offered() -> bool:
    return session.settings().oidc_issuer is not None


def show(visit: Visit) -> bool:
    """Show the button; returns whether the visitor came back from the provider and is now signed in."""
    if not is_offered():
        return False
    signed_in = _take(visit)
    if problem := st.session_state.get(_PROBLEM):
        st.error(literal(problem))
    name = session.settings().oidc_name
    st.button(f"Sign in with {literal(name)}", key="oidc", width="stretch", on_click=_leave_for_the_provider)
    return signed_in


def _leave_for_the_provider() -> None:
    st.session_state.pop(_PROBLEM, None)
    st.login()


def _take(visit: Visit) -> bool:
    """Sign in, once, with the identity that this tab returned with; an old or already used one does nothing."""
    issuer = session.settings().oidc_issuer
    claims = st.user.to_dict()
    if not issuer or not claims.get("is_logged_in") or st.session_state.get(_TRIED):
        return False
    st.session_state[_TRIED] = True
    identity = identities.of_claims(claims, issuer)
    if identity is None:
        st.session_state[_PROBLEM] = "The provider's answer lacks something that a sign-in needs. Ask an admin."
        return False
    try:
        signed_in = identities.sign_in(session.sessions(), identity, visit)
    except PayopsError as error:
        st.session_state[_PROBLEM] = error.detail
        return False
    if signed_in is None:
        return False
    session.begin(signed_in)
    return True


def forget_identity(request: Request, answer: Response) -> None:
    """Delete Streamlit's identity cookies in the browser, because our session replaces them."""
    for name in request.cookies:
        whole, _, chunk = name.rpartition("_")
        if name in COOKIES or whole in COOKIES and chunk.isdigit():
            answer.delete_cookie(name, path="/", httponly=True, samesite="lax")
