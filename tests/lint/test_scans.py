"""The scans find planted problems, and ignore invented secrets."""

import json
import random
from datetime import UTC, datetime

import pytest
from packaging.version import Version

from tests.lint.dependencies import OFFLINE_COPY, all_locked, locked, offline_verdict, verdict
from tests.lint.licences import problems
from tests.lint.secrets import secrets_in

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
RANDOM = "".join(random.Random(1).choices(SIGNS, k=40))
RANDOM_CAPITALS = "".join(random.Random(2).choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("key = 'sk_" + f"live_{RANDOM}'", "a Stripe key"),
        ("rk_" + f"test_{RANDOM}", "a Stripe key"),
        ("whsec" + f"_{RANDOM}", "a webhook secret"),
        ("sb_sec" + f"ret_{RANDOM}", "a Supabase key"),
        ("AK" + f"IA{RANDOM_CAPITALS}", "an AWS key"),
        ("gh" + f"p_{RANDOM}", "a GitHub token"),
        ("xo" + f"xb-{RANDOM}", "a Slack token"),
        ("ey" + f"J{RANDOM}.ey" + f"J{RANDOM}.{RANDOM}", "a signed token"),
        ("postgres" + f"ql://owner:{RANDOM}@db.example.com/x", "a password in an address"),
        ("COOKIE" + f"_KEY={RANDOM}", "a secret that is set"),
        ("-----BEGIN " + f"RSA PRIVATE KEY-----\n{RANDOM}", "a private key"),
    ],
)
def test_text_that_looks_like_a_secret_is_found_with_its_line(line, what):
    assert (2, what) in set(secrets_in("first\n" + line))


@pytest.mark.parametrize(
    "line",
    [
        "sk_" + "test_xxxxxxxxxxxxxxxxxxxxxxxx",
        "whsec_0123456789",
        "postgresql://login:password@host:5432/database",
        "COOKIE_KEY=",
        "password = passwords.made_up()",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_invented_secrets_are_ignored(line):
    assert list(secrets_in(line)) == []


NOW = datetime(2026, 11, 27, 9, 5, tzinfo=UTC)


def audited(*dependencies):
    return verdict(json.dumps({"dependencies": dependencies}), "", now=NOW)


def test_a_vulnerability_fails_and_says_which_release_fixes_it():
    vulnerable = {"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}
    assert audited(vulnerable) == (1, "a 1: X-1, fixed in 2")
    assert audited(vulnerable | {"vulns": []}) == (
        0,
        "1 dependencies have no known vulnerability, by osv.dev at 2026-11-27 09:05 UTC.",
    )


def test_a_package_that_the_database_skipped_fails():
    code, said = audited({"name": "a", "skip_reason": "not found"})
    assert code == 1 and "NOT CHECKED" in said


def test_a_database_out_of_reach_gives_no_verdict_and_a_defect_fails():
    assert verdict("", "requests.exceptions.ConnectionError: …", now=NOW) is None
    assert verdict("", "usage: …", now=NOW)[0] == 1


COPY = {
    "source": "a database",
    "collected": "2026-11-20",
    "packages": ["a", "b"],
    "advisories": [
        {"id": "X-1", "package": "a", "ranges": [["0", "1.2"], ["2.0", "2.3"]], "versions": ["9.9"]},
        {"id": "X-2", "package": "b", "ranges": [["1.5", None]]},
    ],
}


@pytest.mark.parametrize(
    ("pins", "found"),
    [
        ({("a", "1.1")}, "a 1.1: X-1"),
        ({("a", "2.2.9")}, "a 2.2.9: X-1"),
        ({("a", "9.9")}, "a 9.9: X-1"),
        ({("b", "1.5"), ("b", "1.4")}, "b 1.5: X-2"),
    ],
)
def test_the_offline_copy_fails_on_a_version_in_a_range(pins, found):
    assert offline_verdict(pins, COPY, today=NOW.date()) == (1, found)


def test_the_offline_copy_fails_on_a_package_it_does_not_cover_and_says_what_to_do():
    code, said = offline_verdict({("c", "1"), ("a", "1.2")}, COPY, today=NOW.date())
    assert code == 1
    assert said.startswith("c: NOT CHECKED") and "add its advisories and its name in `packages`" in said


def test_a_lock_that_pins_a_package_for_two_pythons_gives_both():
    assert locked("A.b==1 ; x \\\n    --hash=1\nA.b==2 ; y \\\n") == {("a-b", "1"), ("a-b", "2")}


@pytest.fixture(scope="module")
def committed():
    return json.loads(OFFLINE_COPY.read_text())


def test_the_committed_copy_covers_every_locked_package_and_finds_nothing_in_them(committed):
    assert {name for name, _ in all_locked()} <= set(committed["packages"])
    code, said = offline_verdict(all_locked(), committed, today=NOW.date())
    assert code == 0, said


@pytest.mark.parametrize(
    ("planted", "cve"),
    [
        (("jinja2", "3.1.2"), "CVE-2024-22195"),
        (("starlette", "1.0.0"), "CVE-2026-48710"),
        (("pyyaml", "5.3"), "PYSEC-2021-142"),
        (("urllib3", "2.0.5"), "PYSEC-2023-192"),
    ],
)
def test_the_committed_copy_finds_an_old_version_that_is_planted(planted, cve, committed):
    code, said = offline_verdict(all_locked() | {planted}, committed, today=NOW.date())
    assert code == 1
    assert f"{planted[0]} {planted[1]}: {cve}" in said.splitlines()


def test_every_range_of_the_committed_copy_begins_before_it_ends(committed):
    for one in committed["advisories"]:
        assert one["package"] in committed["packages"]
        for introduced, fixed in one["ranges"]:
            assert fixed is None or Version(introduced) < Version(fixed), one


def test_the_offline_copy_says_what_it_is_and_how_old():
    code, said = offline_verdict({("a", "1.2"), ("b", "1.4")}, COPY, today=NOW.date())
    assert code == 0
    assert "a database, 2 advisories collected on 2026-11-20 (7 days ago)" in said and "NOT looked at" in said


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("LGPL-3.0-only", True),
        ("BSD License; GNU General Public License (GPL)", True),
        ("GPL-3.0-or-later", False),
        ("MIT AND AGPL-3.0", False),
        ("UNKNOWN", False),
        ("Proprietary", False),
    ],
)
def test_a_licence_that_is_not_allowed_is_named(licence, allowed):
    found = list(problems([{"Name": "a", "Version": "1", "License": licence}]))
    assert (found == []) is allowed
