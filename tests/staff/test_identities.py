"""Identities of an OpenID provider: one of our users, or nobody."""

import stat
import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from streamlit import config

from core.errors import Unauthorised
from core.settings import SettingsError, load_settings
from core.staff import identities, users
from core.staff.identities import of_claims
from core.staff.roles import SYSTEM, Actor, Role
from core.staff.sessions import Sessions, Visit
from core.ui.frame import single_sign_on

ISSUER = "https://id.example.com"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DESK = Visit("192.0.2.1", "Firefox")
ADMIN = Actor("staff:root", Role.ADMIN, confirmed=True)


@pytest.fixture
def store(database, owner):
    for name, role, email in (
        ("ana", Role.SUPPORT, "Ana@Example.com"),
        ("root", Role.ADMIN, "root@example.com"),
        ("one", Role.OPS, "shared@example.com"),
        ("two", Role.OPS, "shared@example.com"),
    ):
        users.add(database, SYSTEM, name, role, email, "a tram full of lemons", NOW, must_change_password=False)
    return Sessions(database, b"k" * 32, timedelta(hours=12), lambda: NOW)


def claims(subject="person-1", email="ana@example.com", *, nonce="n-1", at=NOW, verified=True, **more):
    given = {"iss": ISSUER, "sub": subject, "email": email, "email_verified": verified, "nonce": nonce}
    return given | {"iat": int(at.timestamp())} | more


def sign_in(store, **given):
    return identities.sign_in(store, of_claims(claims(**given), ISSUER), DESK)


def test_a_verified_address_of_one_user_opens_a_session_with_their_role(store, owner):
    signed_in = sign_in(store)
    found = store.of_cookie(store.redeem(signed_in.ticket))
    assert (found.name, found.role, found.has_second_factor) == ("ana", Role.SUPPORT, False)
    actions = owner.execute("select action, outcome from payops.audit_log where actor = 'staff:ana'").fetchall()
    assert actions == [("staff:identity:linked", "done"), ("staff:session:opened", "done")]


def test_the_same_identity_opens_one_session_and_an_old_one_none(store):
    assert sign_in(store) is not None
    assert sign_in(store) is None
    assert sign_in(store, nonce="n-2", at=NOW - timedelta(minutes=6)) is None
    assert sign_in(store, nonce="n-3", at=NOW + timedelta(minutes=2)) is None
    assert sign_in(store, nonce="n-4") is not None


@pytest.mark.parametrize(
    "given",
    [
        {"email": "stranger@example.com"},
        {"verified": False},
        {"verified": "true"},
        {"verified": None},
        {"email": "shared@example.com"},  # two users have it: which one is not for us to guess
        {"email": ""},
        {"email": "%@example.com"},
    ],
)
def test_an_unknown_identity_is_refused_and_creates_no_user(store, owner, given):
    before = owner.execute("select count(*) from payops.staff").fetchone()
    with pytest.raises(Unauthorised, match="no active user here has your verified e-mail"):
        sign_in(store, **given)
    assert owner.execute("select count(*) from payops.staff").fetchone() == before
    assert owner.execute("select count(*) from payops.staff_sessions").fetchone() == (0,)
    refused = owner.execute("select actor, outcome, after from payops.audit_log where outcome = 'refused'").fetchall()
    assert refused == [("staff:unknown", "refused", {"address": "192.0.2.1", "issuer": ISSUER})]


def test_a_linked_identity_keeps_its_user_after_an_address_change(store):
    sign_in(store)
    assert sign_in(store, nonce="n-2", email="ana.married@example.com").name == "ana"
    assert sign_in(store, nonce="n-3", verified=False).name == "ana"


def test_a_second_person_with_the_address_of_a_linked_user_is_not_that_user(store, database):
    sign_in(store)
    with pytest.raises(Unauthorised):
        sign_in(store, subject="person-2", nonce="n-2")
    assert identities.unlink(database, ADMIN, "ana", NOW) is True
    assert identities.unlink(database, ADMIN, "ana", NOW) is False
    assert sign_in(store, subject="person-2", nonce="n-3").name == "ana"


def test_unlinking_signs_out_and_is_an_admins(store, database):
    token = store.redeem(sign_in(store).ticket)
    with pytest.raises(Unauthorised):
        identities.unlink(database, Actor("staff:ana", Role.SUPPORT), "ana", NOW)
    identities.unlink(database, ADMIN, "ana", NOW)
    assert store.of_cookie(token) is None


def test_a_disabled_user_is_refused_linked_or_not(store, database):
    sign_in(store)
    users.disable(database, SYSTEM, "ana", NOW)
    with pytest.raises(Unauthorised):
        sign_in(store, nonce="n-2")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"sub": ""},
        {"sub": 7},
        {"nonce": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": -1},
    ],
)
def test_an_incomplete_token_is_refused(changed):
    assert of_claims(claims() | changed, ISSUER) is None


def test_streamlit_gets_the_client_in_a_file_of_the_owner_alone(tmp_path):
    before = config.get_option("secrets.files")
    given = {
        "DATA_DIR": str(tmp_path), "OIDC_ISSUER": ISSUER, "OIDC_CLIENT_ID": "console",
        "OIDC_CLIENT_SECRET": 'with-"quotes"-and-\\', "PUBLIC_BASE_URL": "https://pay.example.com",
    }  # fmt: skip
    try:
        single_sign_on.configure(load_settings(given, env_file=None))
        path = tmp_path / single_sign_on.SECRETS_FILE
        assert config.get_option("secrets.files") == [str(path)]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        auth = tomllib.loads(path.read_text())["auth"]
        assert auth["client_secret"] == given["OIDC_CLIENT_SECRET"]
        assert auth["redirect_uri"] == "https://pay.example.com/oauth2callback"
        assert auth["client_kwargs"] == {"code_challenge_method": "S256"}
        assert len(auth["cookie_secret"]) == 64
        single_sign_on.configure(load_settings({"DATA_DIR": str(tmp_path)}, env_file=None))
        assert not path.exists()
    finally:
        config.set_option("secrets.files", before)


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"OIDC_ISSUER": ISSUER}, ["OIDC_CLIENT_ID: is missing", "OIDC_CLIENT_SECRET: is missing"]),
        ({"OIDC_CLIENT_SECRET": "hidden-value"}, ["OIDC_ISSUER: is missing", "OIDC_CLIENT_ID: is missing"]),
        (
            {"OIDC_ISSUER": "http://id.example.com", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "hidden-value"},
            ["OIDC_ISSUER: is not https"],
        ),
    ],
)
def test_half_a_provider_is_refused_with_every_problem(given, problems):
    with pytest.raises(SettingsError) as refused:
        load_settings(given, env_file=None)
    said = str(refused.value).splitlines()
    assert [line.partition(".")[0] for line in said] == problems
    assert "hidden-value" not in str(refused.value)
