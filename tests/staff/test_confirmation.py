"""The second factor, and being asked again before money moves."""

from datetime import UTC, datetime, timedelta

import bcrypt
import pyotp
import pytest

from core.errors import Refused, Unauthorised
from core.settings import load_settings
from core.staff import confirmation, roles, second_factor, users
from core.staff.roles import SYSTEM, Role
from core.staff.sessions import Sessions, Visit, sessions_of

PASSWORD = "a tram full of lemons"
QUICK_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = pyotp.random_base32()


class Wall:
    """A wall clock that a test can move."""

    def __init__(self):
        self.moment = START

    def __call__(self):
        return self.moment

    def advance(self, seconds):
        self.moment += timedelta(seconds=seconds)

    def code(self, seconds=0):
        return pyotp.TOTP(SECRET).at(self.moment + timedelta(seconds=seconds))


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def sessions(database, owner, wall):
    database.call(
        "add_user",
        actor="system:test",
        actor_role="admin",
        name="ana",
        role="admin",
        email="ana@example.com",
        password_hash=QUICK_HASH,
        must_change_password=False,
        now=START,
    )
    return Sessions(database, b"k" * 32, timedelta(hours=12), wall, frozenset({Role.ADMIN}))


@pytest.fixture
def sign_in(sessions):
    def staff(address="192.0.2.1"):
        return sessions.of_id(sessions.sign_in("ana", PASSWORD, Visit(address, "Firefox")).session_id)

    return staff


@pytest.fixture
def enrolled(sessions, sign_in, wall):
    """The recovery codes of ana, who now has a second factor; the code of this moment is used."""
    return confirmation.enrol(sessions, sign_in(), SECRET, wall.code())


def again(sessions, staff):
    return sessions.of_id(staff.session_id)


def test_who_needs_a_second_factor_sets_it_up_before_anything_else_opens(sessions, sign_in, wall):
    staff = sign_in()
    assert sessions.next_step(staff) == "set up second factor"
    with pytest.raises(Refused, match="wrong_code"):
        confirmation.enrol(sessions, staff, SECRET, wall.code(300))
    codes = confirmation.enrol(sessions, staff, SECRET, wall.code())
    assert len(set(codes)) == 10
    assert sessions.next_step(again(sessions, staff)) is None


def test_production_needs_it_of_admins_and_finance(database, tmp_path):
    live = load_settings(
        {
            "ENVIRONMENT": "production",
            "STRIPE_SECRET_KEY": "sk_" + "live_x" * 5,
            "COOKIE_KEY": "k" * 32,
            "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789",
            "DATABASE_URL": "postgresql://x@127.0.0.1/x",
            "PUBLIC_BASE_URL": "https://pay.example.com",
            "API_BASE_URL": "https://api.example.com",
        },
        env_file=None,
    )
    assert sessions_of(live, database).second_factor_roles == {Role.ADMIN, Role.FINANCE}
    sandbox = load_settings({"DATA_DIR": str(tmp_path)}, env_file=None)
    assert sessions_of(sandbox, database).second_factor_roles == set()


def test_a_password_alone_opens_nothing_until_the_code_is_given(sessions, sign_in, enrolled, wall):
    staff = sign_in()
    assert sessions.next_step(staff) == "give code"
    for act in (
        lambda: users.choose_password(sessions.db, staff.actor, *["another tram of limes"] * 2, wall()),
        lambda: users.everybody(sessions.db, staff.actor),
        lambda: roles.require_confirmed(staff.actor),
    ):
        with pytest.raises(Unauthorised, match="code_missing"):
            act()
    wall.advance(30)
    confirmation.confirm(sessions, staff, wall.code())
    assert sessions.next_step(again(sessions, staff)) is None


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_a_phone_may_be_half_a_minute_off(seconds):
    code = pyotp.TOTP(SECRET).at(START + timedelta(seconds=seconds))
    assert second_factor.matched_step(SECRET, code, START)


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "٠٠٠٠٠٠", "000000 0", PASSWORD])
def test_an_invalid_code_is_refused(code):
    assert second_factor.matched_step(SECRET, code, START) is None


def test_a_code_works_once(sessions, sign_in, enrolled, wall):
    with pytest.raises(Unauthorised, match="wrong_code"):
        confirmation.confirm(sessions, sign_in(), wall.code())
    wall.advance(60)
    confirmation.confirm(sessions, sign_in(), wall.code())
    with pytest.raises(Unauthorised):
        confirmation.confirm(sessions, sign_in(), wall.code())


def test_a_recovery_code_works_once_even_after_a_key_change(database, sessions, sign_in, enrolled, wall):
    confirmation.confirm(sessions, sign_in(), enrolled[0])
    with pytest.raises(Unauthorised):
        confirmation.confirm(sessions, sign_in(), enrolled[0])
    with_another_key = Sessions(database, b"z" * 32, timedelta(hours=12), wall)
    with pytest.raises(Refused, match="COOKIE_KEY"):
        confirmation.confirm(with_another_key, sign_in(), wall.code(60))
    confirmation.confirm(with_another_key, sign_in(), enrolled[1])


def test_a_password_is_no_second_factor(sessions, sign_in, enrolled):
    with pytest.raises(Unauthorised):
        confirmation.confirm(sessions, sign_in(), PASSWORD)


def test_codes_are_guessed_ten_times_and_no_more(sessions, sign_in, enrolled, wall):
    staff = sign_in()
    for _ in range(10):
        with pytest.raises(Unauthorised):
            confirmation.confirm(sessions, staff, "000000")
    wall.advance(60)
    with pytest.raises(Refused, match="sign_in_locked"):
        confirmation.confirm(sessions, staff, wall.code())
    wall.advance(15 * 60)
    confirmation.confirm(sessions, sign_in(), wall.code())


def test_whoever_guesses_codes_elsewhere_does_not_lock_the_user_out(sessions, sign_in, enrolled, wall):
    wall.advance(120)
    for guesses, address in ((7, "198.51.100.1"), (3, "198.51.100.2")):
        guessing = sign_in(address)
        for _ in range(guesses):
            with pytest.raises(Unauthorised):
                confirmation.confirm(sessions, guessing, "000000")
    with pytest.raises(Refused, match="sign_in_locked"):
        confirmation.confirm(sessions, sign_in("198.51.100.3"), wall.code())
    confirmation.confirm(sessions, sign_in(), wall.code())


def test_no_other_session_survives_a_new_second_factor_and_a_new_one_needs_the_old(sessions, sign_in, wall):
    stays, goes = sign_in(), sign_in()
    confirmation.enrol(sessions, stays, SECRET, wall.code())
    assert again(sessions, goes) is None
    with pytest.raises(Unauthorised):
        confirmation.enrol(sessions, sign_in(), SECRET, wall.code())


def test_an_admin_resets_it_for_somebody_who_lost_everything(database, sessions, sign_in, enrolled, wall):
    users.reset_second_factor(database, SYSTEM, "ana", wall())
    assert sessions.next_step(sign_in()) == "set up second factor"


def test_the_secret_and_the_recovery_codes_are_nowhere_in_the_database(owner, enrolled):
    kept = owner.execute("select string_agg(s::text, '') from payops.staff as s").fetchone()[0]
    kept += owner.execute("select string_agg(a::text, '') from payops.audit_log as a").fetchone()[0]
    assert SECRET not in kept
    assert not any(code in kept for code in enrolled)


def test_money_actions_need_a_new_confirmation_after_fifteen_minutes(sessions, sign_in, wall):
    staff = sign_in()
    roles.require_confirmed(staff.actor)
    wall.advance(15 * 60)
    with pytest.raises(Unauthorised, match="confirm_again"):
        roles.require_confirmed(again(sessions, staff).actor)
    with pytest.raises(Unauthorised, match="wrong_code"):
        confirmation.confirm(sessions, staff, "not the password")
    confirmation.confirm(sessions, staff, PASSWORD)
    roles.require_confirmed(again(sessions, staff).actor)


def test_each_confirmation_and_refusal_is_on_record(sessions, sign_in, owner):
    staff = sign_in()
    confirmation.confirm(sessions, staff, PASSWORD)
    with pytest.raises(Unauthorised):
        confirmation.confirm(sessions, staff, "not the password")
    assert owner.execute(
        "select actor, outcome from payops.audit_log where action = 'staff:session:confirmed' order by id"
    ).fetchall() == [("staff:ana", "done"), ("staff:ana", "refused")]
