"""Adding and changing staff, and what is refused."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from core.errors import Refused, Unauthorised
from core.staff import passwords, users
from core.staff.roles import SYSTEM, Actor, Role

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PASSWORD = "a tram full of lemons"


def add(database, name="ana", role=Role.ADMIN, password=PASSWORD, email="ana@example.com"):
    return users.add(database, SYSTEM, name, role, email, password, NOW)


def test_an_added_user_has_to_change_the_password_and_the_audit_log_has_no_hash(database, owner):
    assert add(database)["must_change_password"] is True
    assert owner.execute("select actor, action, subject from payops.audit_log").fetchall() == [
        ("system:worker", "staff:user:added", "user:ana")
    ]
    assert owner.execute("select count(*) from payops.audit_log where after::text like '%$2b$%'").fetchone() == (0,)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "Ana"}, "bad_name"),
        ({"name": "a b"}, "bad_name"),
        ({"name": ""}, "bad_name"),
        ({"email": "nowhere"}, "bad_email"),
        ({"role": "owner"}, "bad_role"),
        ({"password": "short"}, "bad_password"),
        ({"password": "x" * 73}, "bad_password"),
        ({"password": "é" * 37}, "bad_password"),
        ({"password": "Password1234!"}, "bad_password"),
        ({"password": "letmeinplease1"}, "bad_password"),
        ({"password": "ana123456789"}, "bad_password"),
        ({"password": "aaaaaaaabbbb"}, "bad_password"),
        ({"password": "P@$$w0rd1234"}, "bad_password"),
        ({"password": "passwordispassword"}, "bad_password"),
        ({"password": "hunter2hunter2"}, "bad_password"),
        ({"password": "Company-2026!"}, "bad_password"),
        ({"password": "qwertyuiop[]"}, "bad_password"),
        ({"password": "!QAZ2wsx#EDC"}, "bad_password"),
        ({"password": "123qweasdzxc"}, "bad_password"),
        ({"password": "correct horse battery staple"}, "bad_password"),
        ({"password": "ana@example.com"}, "bad_password"),
        ({"password": "with a nul \0 in it"}, "bad_password"),
    ],
)
def test_invalid_names_roles_addresses_and_weak_passwords_are_refused(database, owner, given, code):
    with pytest.raises(Refused) as refused:
        add(database, **given)
    assert refused.value.code == code
    assert users.everybody(database, SYSTEM) == []


def test_a_name_is_given_once(database, owner):
    add(database)
    with pytest.raises(Refused, match="user_exists"):
        add(database)


def test_the_last_admin_stays(database, owner):
    add(database)
    add(database, "ben", Role.OPS)
    for change in (
        lambda: users.disable(database, SYSTEM, "ana", NOW),
        lambda: users.set_role(database, SYSTEM, "ana", Role.OPS, NOW),
    ):
        with pytest.raises(Refused, match="last_admin"):
            change()
    users.set_role(database, SYSTEM, "ben", Role.ADMIN, NOW)
    assert users.disable(database, SYSTEM, "ana", NOW)["active"] is False
    assert users.enable(database, SYSTEM, "ana", NOW)["active"] is True


def test_a_change_is_on_record_with_before_and_after(database, owner):
    add(database)
    add(database, "ben", Role.OPS)
    users.set_role(database, SYSTEM, "ben", Role.FINANCE, NOW)
    assert owner.execute(
        "select before ->> 'role', after ->> 'role' from payops.audit_log where action = 'staff:user:role-set'"
    ).fetchall() == [("ops", "finance")]


def test_an_unknown_user_cannot_be_changed(database, owner):
    with pytest.raises(Refused, match="no_such_user"):
        users.set_role(database, SYSTEM, "nobody", Role.OPS, NOW)
    with pytest.raises(Refused, match="no_such_user"):
        users.reset_password(database, SYSTEM, "nobody", PASSWORD, NOW)


@pytest.mark.parametrize("role", [Role.OPS, Role.SUPPORT, Role.FINANCE])
def test_only_an_admin_changes_staff(database, owner, role):
    actor = Actor("staff:ana", role)
    for action in (
        lambda: users.add(database, actor, "eve", Role.ADMIN, "eve@example.com", PASSWORD, NOW),
        lambda: users.everybody(database, actor),
        lambda: users.set_role(database, actor, "ana", Role.ADMIN, NOW),
        lambda: users.disable(database, actor, "ana", NOW),
        lambda: users.enable(database, actor, "ana", NOW),
        lambda: users.reset_password(database, actor, "ana", PASSWORD, NOW),
    ):
        with pytest.raises(Unauthorised):
            action()


def test_a_password_or_second_factor_is_reset_for_a_reason(database, owner):
    add(database)
    admin = Actor("staff:root", Role.ADMIN)
    for reason in (None, "", "  "):
        with pytest.raises(Refused, match="reason_missing"):
            users.reset_password(database, admin, "ana", "another tram of limes", NOW, reason=reason)
        with pytest.raises(Refused, match="reason_missing"):
            users.reset_second_factor(database, admin, "ana", NOW, reason=reason)
    users.reset_password(database, admin, "ana", "another tram of limes", NOW, reason="She lost it.")
    assert owner.execute(
        "select reason from payops.audit_log where action = 'staff:user:password-set' and actor = 'staff:root'"
    ).fetchall() == [("She lost it.",)]


def test_a_new_password_must_differ_and_be_typed_twice(database, owner):
    add(database)
    ana = Actor("staff:ana", Role.ADMIN)
    for password, again, code in (
        (PASSWORD, PASSWORD, "same_password"),
        ("another tram of limes", "another tram of lime", "not_the_same"),
        ("password1234", "password1234", "bad_password"),
    ):
        with pytest.raises(Refused) as refused:
            users.choose_password(database, ana, password, again, NOW)
        assert refused.value.code == code
    with pytest.raises(Unauthorised, match="confirm_again"):
        users.choose_password(database, Actor("staff:ana", Role.ADMIN, False), *["another tram of limes"] * 2, NOW)
    with pytest.raises(Refused, match="no_password"):
        users.choose_password(database, SYSTEM, *["another tram of limes"] * 2, NOW)
    with pytest.raises(Unauthorised, match="code_missing"):
        users.choose_password(database, Actor("staff:ana", Role.ADMIN, True, True), *["another tram of limes"] * 2, NOW)
    users.choose_password(database, ana, *["another tram of limes"] * 2, NOW)
    (kept,) = users.everybody(database, SYSTEM)
    assert kept["must_change_password"] is False


def test_two_admins_who_disable_each_other_at_once_leave_one(database, owner):
    for name in ("ana", "ben"):
        add(database, name)

    def disable(name):
        try:
            return users.disable(database, SYSTEM, name, NOW)["active"]
        except Refused as refused:
            return refused.code

    for _ in range(10):
        with ThreadPoolExecutor(2) as pool:
            assert sorted(map(str, pool.map(disable, ("ana", "ben")))) == ["False", "last_admin"]
        for name in ("ana", "ben"):
            users.enable(database, SYSTEM, name, NOW)


def test_demo_users_whose_file_was_deleted_get_the_passwords_of_the_new_one(database, owner, tmp_path):
    users.create_demo_users(database, tmp_path, NOW)
    (tmp_path / "demo-users.json").unlink()
    made = users.create_demo_users(database, tmp_path, NOW)
    kept = owner.execute("select password_hash from payops.staff where name = 'admin'").fetchone()[0]
    assert passwords.matches(made["admin"], kept)


def test_demo_users_are_one_a_role_and_made_once(database, owner, tmp_path):
    made = users.create_demo_users(database, tmp_path, NOW)
    assert made == users.create_demo_users(database, tmp_path, NOW)
    assert {user["name"]: user["role"] for user in users.everybody(database, SYSTEM)} == {
        role: role for role in ("ops", "support", "finance", "admin")
    }
    assert (tmp_path / "demo-users.json").stat().st_mode & 0o777 == 0o600


def test_an_interrupted_start_is_taken_up_with_the_passwords_it_kept(database, owner, tmp_path):
    made = users.create_demo_users(database, tmp_path, NOW)
    owner.execute("delete from payops.staff where name <> 'ops'")
    assert users.create_demo_users(database, tmp_path, NOW) == made
    assert len(users.everybody(database, SYSTEM)) == 4


def test_in_production_a_hash_is_slow_to_try_and_as_slow_for_a_name_that_nobody_has():
    """The module anew, since the tests' own passwords are hashed quickly."""
    spec = importlib.util.find_spec("core.staff.passwords")
    in_production = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(in_production)
    assert in_production.hashed(PASSWORD).startswith("$2b$12$")
    assert in_production.NOBODYS_HASH.startswith(b"$2b$12$")


def test_a_password_matches_its_own_hash_only():
    kept = passwords.hashed(PASSWORD)
    assert passwords.matches(PASSWORD, kept)
    for other in (PASSWORD + " ", "", "x" * 100, "\0"):
        assert not passwords.matches(other, kept)
    assert not passwords.matches(PASSWORD, None)


@pytest.mark.parametrize(
    "good", [PASSWORD, "violin-cactus-orbit", "9f3k2l1m8q7z", "Purple7Tractor!Sky", "ünï¢ödé wörds"]
)
def test_a_strong_password_is_accepted(good):
    passwords.require_good(good, name="ana")


def test_generated_passwords_are_strong():
    for _ in range(200):
        passwords.require_good(passwords.made_up(), name="ops")
