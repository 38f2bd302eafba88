"""The scans find what they are there for, and leave alone what is made up."""

import json
import random

import pytest

from tests.lint.dependencies import verdict
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
def test_what_looks_like_a_secret_is_found_with_its_line(line, what):
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
def test_what_is_made_up_is_left_alone(line):
    assert list(secrets_in(line)) == []


def test_a_hole_fails_and_says_which_release_mends_it():
    hole = {"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}
    assert verdict(json.dumps({"dependencies": [hole]}), "") == (1, "a 1: X-1, mended in 2")
    assert verdict(json.dumps({"dependencies": [hole | {"vulns": []}]}), "")[0] == 0


def test_a_service_out_of_reach_is_said_and_a_defect_fails():
    code, said = verdict("", "requests.exceptions.ConnectionError: …")
    assert code == 0 and "NOT CHECKED" in said
    assert verdict("", "usage: …")[0] == 1
