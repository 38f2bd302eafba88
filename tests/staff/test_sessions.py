"""Signing in, staying signed in, and being signed out at the next interaction."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import bcrypt
import pytest

from core.errors import Refused, Unauthorised
from core.settings import load_settings
from core.staff import users
from core.staff.roles import SYSTEM, Role
from core.staff.sessions import IDLE_SECONDS, TICKET_SECONDS, Sessions, Visit, sessions_of

PASSWORD = "a tram full of lemons"
QUICK_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
DESK = Visit("192.0.2.1", "Firefox")
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Wall:
    """A wall clock that a test can move."""

    def __init__(self):
        self.moment = START

    def __call__(self):
        return self.moment

    def advance(self, seconds):
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def sessions(database, owner, wall):
    for name, role in (("ana", Role.SUPPORT), ("root", Role.ADMIN)):
        database.call(
            "add_user",
            actor="system:test",
            actor_role="admin",
            name=name,
            role=str(role),
            email=f"{name}@example.com",
            password_hash=QUICK_HASH,
            must_change_password=False,
            now=START,
        )
    return Sessions(database, b"k" * 32, timedelta(hours=12), wall)


@pytest.fixture
def waited():
    return []


@pytest.fixture
def sign_in(sessions, waited):
    return lambda name="ana", password=PASSWORD, visit=DESK: sessions.sign_in(
        name, password, visit, pause=waited.append
    )


def guess(sign_in, times, wrong=Unauthorised, **given):
    for _ in range(times):
        with pytest.raises(wrong):
            sign_in(password="not the password", **given)


def test_a_ticket_becomes_a_cookie_that_names_the_user_and_the_role_of_this_moment(database, sessions, sign_in, wall):
    opened = sign_in(" Ana ")
    assert sessions.of_id(opened.session_id).has_cookie is False
    token = sessions.redeem(opened.ticket)
    found = sessions.of_cookie(token)
    assert (found.name, found.role, found.has_cookie) == ("ana", Role.SUPPORT, True)
    users.set_role(database, SYSTEM, "ana", Role.FINANCE, wall())
    assert sessions.of_cookie(token).actor.role == Role.FINANCE


def test_a_ticket_works_once_within_thirty_seconds(sessions, sign_in, wall):
    first, second = sign_in(), sign_in()
    sessions.redeem(first.ticket)
    with pytest.raises(Unauthorised):
        sessions.redeem(first.ticket)
    wall.advance(TICKET_SECONDS + 1)
    with pytest.raises(Unauthorised):
        sessions.redeem(second.ticket)


def test_neither_ticket_nor_token_is_stored_readably(sessions, sign_in, owner):
    opened = sign_in()
    token = sessions.redeem(opened.ticket)
    stored = owner.execute("select string_agg(s::text, '') from payops.staff_sessions as s").fetchone()[0]
    assert token not in stored and opened.ticket not in stored


def test_a_forged_token_opens_no_session(sessions, sign_in, database, wall):
    token = sessions.redeem(sign_in().ticket)
    for forged in ("", "x", token + "x", "null", "é\udcff".encode("utf-8", "replace").decode()):
        assert sessions.of_cookie(forged) is None
    assert Sessions(database, b"z" * 32, timedelta(hours=12), wall).of_cookie(token) is None


@pytest.mark.parametrize("seconds", [IDLE_SECONDS + 1, 12 * 3600])
def test_a_session_ends_when_it_was_idle_too_long_or_is_too_old(sessions, sign_in, wall, seconds):
    opened = sign_in()
    steps = 1 if seconds == IDLE_SECONDS + 1 else 6
    for _ in range(steps):
        assert sessions.of_id(opened.session_id)
        wall.advance(seconds / steps)
    assert sessions.of_id(opened.session_id) is None


def test_signing_out_ends_this_session_and_no_other(sessions, sign_in):
    here, there = sign_in(), sign_in()
    token = sessions.redeem(here.ticket)
    sessions.sign_out(sessions.of_id(here.session_id))
    assert sessions.of_cookie(token) is None
    assert sessions.of_id(there.session_id).name == "ana"


def test_a_ticket_of_a_session_that_is_over_is_refused(sessions, sign_in):
    opened = sign_in()
    sessions.sign_out(sessions.of_id(opened.session_id))
    with pytest.raises(Unauthorised):
        sessions.redeem(opened.ticket)


@pytest.mark.parametrize("ending", ["disabled", "new password", "everywhere"])
def test_disabling_a_user_or_a_new_password_signs_out_everywhere(database, sessions, sign_in, wall, ending):
    open_ids = [sign_in().session_id for _ in range(2)]
    if ending == "disabled":
        users.disable(database, SYSTEM, "ana", wall())
    elif ending == "new password":
        users.reset_password(database, SYSTEM, "ana", "another tram of limes", wall())
    else:
        assert sessions.sign_out_everywhere(SYSTEM, "ana") == 2
    assert [sessions.of_id(each) for each in open_ids] == [None, None]


def test_a_disabled_user_gets_the_same_answer_as_a_wrong_password(database, sign_in, wall):
    users.disable(database, SYSTEM, "ana", wall())
    with pytest.raises(Unauthorised) as of_disabled:
        sign_in()
    with pytest.raises(Unauthorised) as of_unknown:
        sign_in("nobody")
    with pytest.raises(Unauthorised) as of_wrong:
        sign_in("root", "not the password")
    assert of_disabled.value.detail == of_unknown.value.detail == of_wrong.value.detail


def test_guesses_are_slowed_then_locked_and_the_lock_passes(sign_in, waited, wall):
    guess(sign_in, 10)
    assert waited == [0, 0, 0, 0.25, 0.5, 1, 2, 4, 4, 4]
    with pytest.raises(Refused) as locked:
        sign_in()
    assert "ask an admin" in locked.value.detail
    wall.advance(15 * 60 + 1)
    assert sign_in()


def test_a_user_guessed_at_from_one_address_still_signs_in_from_another(sign_in):
    guess(sign_in, 10)
    assert sign_in(visit=Visit("198.51.100.7", "elsewhere"))


def test_a_whole_network_of_ipv6_addresses_is_one_address(sign_in):
    for number in range(10):
        guess(sign_in, 1, visit=Visit(f"2001:db8:1:2::{number + 1:x}", "x"))
    with pytest.raises(Refused):
        sign_in(visit=Visit("2001:db8:1:2:ffff::1", "x"))
    assert sign_in(visit=Visit("2001:db8:1:3::1", "x"))


def test_a_known_device_signs_in_whatever_others_do(sign_in, database):
    device = sign_in().device_token
    for number in range(120):
        database.call("begin_sign_in", name="ana", address=f"203.0.113.{number}", now=START)
        database.call("begin_sign_in", name=f"made-up-{number}", address=DESK.address, now=START)
    guess(sign_in, 10, visit=Visit("198.51.100.1", "attacker"), wrong=Refused)
    with pytest.raises(Refused):
        sign_in()
    assert sign_in(visit=Visit(DESK.address, DESK.device, device)).device_token == device


@pytest.mark.parametrize("forged", ["", "a.b", "abc.1795500000.00", "é.1.x", "a.9" + "9" * 30 + ".x"])
def test_a_device_cookie_that_was_not_given_to_this_user_counts_for_nothing(sign_in, forged):
    of_another = sign_in("root").device_token
    guess(sign_in, 10)
    for token in (forged, of_another, of_another.replace(".", ".1", 1)):
        with pytest.raises(Refused):
            sign_in(visit=Visit(DESK.address, DESK.device, token))


def test_a_device_is_forgotten_after_a_year(sign_in, wall):
    device = sign_in().device_token
    guess(sign_in, 10)
    assert sign_in(visit=Visit(DESK.address, DESK.device, device))
    wall.advance(366 * 86_400)
    guess(sign_in, 10)
    with pytest.raises(Refused):
        sign_in(visit=Visit(DESK.address, DESK.device, device))


def test_guesses_on_a_stolen_device_cookie_are_slowed_and_in_the_end_locked(sign_in, waited):
    stolen = Visit("198.51.100.9", "thief", sign_in().device_token)
    waited.clear()
    guess(sign_in, 40, visit=stolen)
    assert waited[:8] == [0, 0, 0, 0.25, 0.5, 1, 2, 4] and len(waited) == 40
    with pytest.raises(Refused):
        sign_in(visit=stolen)


def test_a_new_password_lifts_the_lock(database, sign_in, wall):
    guess(sign_in, 10)
    users.reset_password(database, SYSTEM, "ana", "another tram of limes", wall())
    assert sign_in(password="another tram of limes")


def test_an_unknown_user_is_locked_like_a_known_one_and_not_stored_by_name(sign_in, owner):
    guess(sign_in, 10, name="hunter2 is my password")
    with pytest.raises(Refused):
        sign_in("hunter2 is my password")
    kept = owner.execute("select string_agg(a::text, '') from payops.audit_log as a").fetchone()[0]
    kept += owner.execute("select string_agg(a::text, '') from payops.sign_in_attempts as a").fetchone()[0]
    assert "hunter2" not in kept


def test_many_guesses_at_once_are_no_more_than_the_limit(database, sessions, owner):
    def begin(number):
        return database.call("begin_sign_in", name="ana", address="192.0.2.1", now=START)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(begin, range(60)))
    assert sum(not answer["locked"] for answer in answers) == 10
    assert owner.execute("select kind, occurrences from payops.incidents").fetchall() == [("sign_in_locked", 50)]


def test_a_user_is_guessed_at_100_times_from_all_addresses_together(database, sessions):
    answers = [
        database.call("begin_sign_in", name="ana", address=f"192.0.2.{number}", now=START) for number in range(120)
    ]
    assert [answer["locked"] for answer in answers] == [False] * 100 + [True] * 20


def test_guessing_unknown_names_slows_an_address_but_blocks_nobody(database, sessions, sign_in, owner):
    waits = [
        database.call("begin_sign_in", name=f"user{number}", address=DESK.address, now=START)["wait_ms"]
        for number in range(150)
    ]
    assert waits[0] == 0 and waits == sorted(waits) and waits[-1] == 4000
    assert sign_in() and sign_in("root")
    assert owner.execute("select count(*) from payops.incidents").fetchone() == (0,)


def test_every_sign_in_and_refusal_is_in_the_audit_log(sessions, sign_in, owner):
    guess(sign_in, 1)
    sessions.sign_out(sessions.of_id(sign_in().session_id))
    assert owner.execute(
        "select actor, action, outcome from payops.audit_log where action like 'staff:session:%' order by id"
    ).fetchall() == [
        ("staff:ana", "staff:session:opened", "refused"),
        ("staff:ana", "staff:session:opened", "done"),
        ("staff:ana", "staff:session:revoked", "done"),
    ]


def test_a_lock_is_recorded_once_however_often_it_is_tried(database, sessions, owner, wall):
    def begin(*names):
        return [database.call("begin_sign_in", name=name, address="192.0.2.1", now=wall())["locked"] for name in names]

    assert begin(*["ana"] * 13) == [False] * 10 + [True] * 3
    locked = (
        "select subject from payops.audit_log where action = 'staff:session:locked' and outcome = 'refused' order by id"
    )
    assert owner.execute(locked).fetchall() == [("user:ana",)]
    wall.advance(15 * 60 + 1)
    assert begin(*["ana"] * 11)[-1]
    assert owner.execute(locked).fetchall()[1:] == [("user:ana",)]


def test_only_an_admin_sees_or_ends_the_sessions_of_others(sessions, sign_in):
    ana = sessions.of_id(sign_in().session_id).actor
    roots = sessions.of_id(sign_in("root").session_id)
    root = roots.actor
    assert [each["device"] for each in sessions.open_sessions(ana, "ana")] == ["Firefox"]
    assert len(sessions.open_sessions(root)) == 2
    for denied in (
        lambda: sessions.open_sessions(ana),
        lambda: sessions.open_sessions(ana, "root"),
        lambda: sessions.sign_out_everywhere(ana, "root"),
        lambda: sessions.revoke(ana, roots.session_id),
    ):
        with pytest.raises(Unauthorised):
            denied()
    other = sessions.of_id(sign_in("root").session_id)
    assert sessions.sign_out_everywhere(root, "root", keep=roots.session_id) == 1
    assert sessions.of_id(other.session_id) is None and sessions.of_id(roots.session_id)
    sessions.revoke(root, roots.session_id)
    assert sessions.of_id(roots.session_id) is None


def test_the_key_is_made_once_where_none_is_given(tmp_path, database):
    settings = load_settings({"DATA_DIR": str(tmp_path)}, env_file=None)
    assert sessions_of(settings, database).key == sessions_of(settings, database).key
    kept = tmp_path / "cookie-key"
    assert len(kept.read_bytes()) == 32 and kept.stat().st_mode & 0o777 == 0o600
