"""Each setting that is refused, in the words a person needs, and never with a secret's value."""

import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.settings import PaymentMode, Settings, SettingsError, load_settings

LIVE, TEST = "sk_live_51SecretValue", "sk_test_51SecretValue"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "STRIPE_SECRET_KEY": LIVE,
    "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
    "DATABASE_URL": "postgresql://payops:hunter2@db.example.com/payops",
    "COOKIE_KEY": "k" * 32,
    "PUBLIC_BASE_URL": "https://console.example.com",
    "API_BASE_URL": "https://api.example.com",
}


def load(**env: str) -> Settings:
    return load_settings(env, env_file=None)


def refused(**env: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as error:
        load(**env)
    lines = [str(problem) for problem in error.value.problems]
    assert str(error.value).splitlines() == lines
    return {problem.variable: str(problem) for problem in error.value.problems}


@pytest.mark.parametrize(
    ("env", "mode"),
    [
        ({}, PaymentMode.SANDBOX),
        ({"STRIPE_SECRET_KEY": TEST}, PaymentMode.DEVELOPMENT),
        ({"STRIPE_SECRET_KEY": "rk_test_5"}, PaymentMode.DEVELOPMENT),
        ({"STRIPE_SECRET_KEY": TEST, "PAYMENT_MODE": "sandbox"}, PaymentMode.SANDBOX),
        ({"ENVIRONMENT": "staging", "STRIPE_SECRET_KEY": TEST}, PaymentMode.DEVELOPMENT),
        (PRODUCTION, PaymentMode.PRODUCTION),
        (PRODUCTION | {"STRIPE_SECRET_KEY": "rk_live_5"}, PaymentMode.PRODUCTION),
    ],
)
def test_the_payment_mode_is_told_or_detected(env, mode):
    assert load(**env).payment_mode is mode


@pytest.mark.parametrize(
    ("env", "variable", "words"),
    [
        ({"STRIPE_SECRET_KEY": LIVE}, "STRIPE_SECRET_KEY", "live key outside of production"),
        ({"STRIPE_SECRET_KEY": LIVE, "PAYMENT_MODE": "sandbox"}, "STRIPE_SECRET_KEY", "live key outside"),
        ({"STRIPE_SECRET_KEY": "hello"}, "STRIPE_SECRET_KEY", "starts with sk_"),
        ({"PAYMENT_MODE": "development"}, "STRIPE_SECRET_KEY", "not a test key"),
        ({"ENVIRONMENT": "staging"}, "PAYMENT_MODE", "cannot be derived"),
        ({"ENVIRONMENT": "prod"}, "ENVIRONMENT", "development, staging or production"),
        ({"COOKIE_KEY": "short"}, "COOKIE_KEY", "shorter than 32 bytes"),
        ({"BUSINESS_TIMEZONE": "Mars/Olympus"}, "BUSINESS_TIMEZONE", "America/New_York"),
        ({"RATE_LIMIT_PER_MINUTE": "many"}, "RATE_LIMIT_PER_MINUTE", "whole number"),
        ({"REFUND_LIMIT": "-1"}, "REFUND_LIMIT", "amount"),
        ({"SESSION_HOURS": "0"}, "SESSION_HOURS", "above 0"),
        ({"PUBLIC_BASE_URL": "console"}, "PUBLIC_BASE_URL", "address"),
        ({"PUBLIC_BASE_URL": "http://me:pw@host"}, "PUBLIC_BASE_URL", "address"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL", "postgresql://"),
        ({"DATABASE_URL": "postgresql://u:p@h:port/db"}, "DATABASE_URL", "port that is not a number"),
        ({"DATABASE_URL": "postgresql://u:p@h:5432,h2:x/db"}, "DATABASE_URL", "port that is not a number"),
        ({"SESSION_HOURS": "99999"}, "SESSION_HOURS", "at most 8760"),
        ({"SUPABASE_URL": "https://x.supabase.co"}, "SUPABASE_SECRET_KEY", "missing"),
        ({"STRIPE_WEBHOOK_SECRETS": "whsec_good_enough,nope"}, "STRIPE_WEBHOOK_SECRETS", "whsec_"),
        ({"INTAKE_WEBHOOK_SECRETS": "whsec_not*base64!"}, "INTAKE_WEBHOOK_SECRETS", "base64"),
        ({"SUPABASE_JWT_ISSUER": "http://id.example.com"}, "SUPABASE_JWT_ISSUER", "https"),
        ({"STRIPE_PUBLISHABLE_KEY": "pk_live_1"}, "STRIPE_PUBLISHABLE_KEY", "same mode"),
        (PRODUCTION | {"STRIPE_SECRET_KEY": TEST}, "STRIPE_SECRET_KEY", "not a live key"),
        (PRODUCTION | {"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY", "not a live key"),
        (PRODUCTION | {"STRIPE_WEBHOOK_SECRETS": ""}, "STRIPE_WEBHOOK_SECRETS", "missing"),
        (PRODUCTION | {"DATABASE_URL": ""}, "DATABASE_URL", "missing"),
        (PRODUCTION | {"COOKIE_KEY": ""}, "COOKIE_KEY", "missing"),
        (PRODUCTION | {"PUBLIC_BASE_URL": "http://c.example.com"}, "PUBLIC_BASE_URL", "https"),
        (PRODUCTION | {"API_BASE_URL": "http://a.example.com"}, "API_BASE_URL", "https"),
        (PRODUCTION | {"STRIPE_API_BASE": "https://x.example.com"}, "STRIPE_API_BASE", "live key"),
        (PRODUCTION | {"ENVIRONMENT": "staging", "PAYMENT_MODE": "production"}, "ENVIRONMENT", "production too"),
    ],
)
def test_a_wrong_combination_is_explained_in_one_line(env, variable, words):
    problems = refused(**env)
    assert list(problems) == [variable]
    assert words in problems[variable]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("STRIPE_WEBHOOK_SECRETS", "whsec_0123456789abcdef whsec_fedcba9876543210", "space"),
        ("STRIPE_WEBHOOK_SECRETS", '["whsec_0123456789abcdef"]', "JSON"),
        ("STRIPE_WEBHOOK_SECRETS", "'whsec_0123456789abcdef'", "quotes"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_\twhsec_0123456789abcdef", "space"),
        ("INTAKE_WEBHOOK_SECRETS", "whsec_MDEyMzQ1Njc4OWFi whsec_MDEyMzQ1Njc4OWFi", "space"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_0123456789abcdef;whsec_fedcba9876543210", "semicolon"),
        ("API_TOKENS", "first-long-token;second-long-token", "semicolon"),
        ("INTAKE_WEBHOOK_SECRETS", "v1", "whsec_"),
        ("API_TOKENS", "x", "openssl rand"),
        ("API_TOKENS", "a-long-enough-token,x", "openssl rand"),
        ("API_TOKENS", '["a-long-enough-token"]', "JSON"),
        ("API_TOKENS", "first-token second-token", "space"),
        ("STRIPE_SECRET_KEY", "sk_test_1 sk_test_2", "exactly one"),
        ("SUPABASE_SECRET_KEY", "one two", "exactly one"),
        ("CORS_ORIGINS", "https://shop.example.com/app", "path"),
        ("CORS_ORIGINS", "store.example.org", "http://"),
        ("CORS_ORIGINS", "*", "http://"),
        ("CORS_ORIGINS", "https://shop.example.com?x=1", "more than an origin"),
        ("CORS_ORIGINS", "https://me@shop.example.com", "more than an origin"),
        ("CORS_ORIGINS", "https://a.example.com https://b.example.com", "space"),
        ("CORS_ORIGINS", "ftp://shop.example.com", "http://"),
        ("CHECKOUT_RETURN_ORIGINS", "https://shop.example.com:port", "not an origin"),
        ("CHECKOUT_RETURN_ORIGINS", "https://", "host"),
        ("ALLOWED_HOSTS", "https://pay.example.com", "Leave out the scheme"),
        ("ALLOWED_HOSTS", "pay.example.com/x", "Leave out the scheme"),
        ("ALLOWED_HOSTS", "pay.example.com:8000", "Leave out the scheme"),
        ("ALLOWED_HOSTS", "pay.*.com", "not a host name"),
        ("ALERT_URLS", "hello", "Apprise"),
        ("ALERT_URLS", "slack://", "Apprise"),
        ("SENTRY_DSN", "https://sentry.example.com", "DSN"),
        ("PUBLIC_BASE_URL", "https://pay.example.com?x=1", "query"),
        ("API_BASE_URL", "https://a b", "address"),
        ("API_BASE_URL", "https://a:port", "address"),
    ],
)
def test_an_invalid_value_is_refused_with_its_remedy(variable, value, words):
    given = {variable: value}
    if variable == "SUPABASE_SECRET_KEY":
        given["SUPABASE_URL"] = "https://x.supabase.co"
    said = refused(**given)[variable]
    assert words in said
    assert len(value) < 10 or value not in said


def test_pasted_values_are_understood():
    supabase = load(
        INTAKE_WEBHOOK_SECRETS="v1,whsec_MDEyMzQ1Njc4OWFi|v1,whsec_YWJjZGVmZ2hpamts, whsec_MDEyMzQ1Njc4OWFi"
    )
    assert [secret.get_secret_value() for secret in supabase.intake_webhook_secrets] == [
        "whsec_MDEyMzQ1Njc4OWFi",
        "whsec_YWJjZGVmZ2hpamts",
        "whsec_MDEyMzQ1Njc4OWFi",
    ]
    origins = load(CORS_ORIGINS="https://Shop.example.com/, http://localhost:3000").cors_origins
    assert origins == ("https://shop.example.com", "http://localhost:3000")
    assert load(ALLOWED_HOSTS="Pay.example.com, *.shop.example, [::1]").allowed_hosts == (
        "pay.example.com",
        "*.shop.example",
        "[::1]",
    )


def test_alert_addresses_are_split_as_apprise_splits_them():
    found = load(
        ALERT_URLS="mailto://u:p@example.com?to=a@example.org,b@example.org, json://localhost/x,\njson://localhost/y"
    )
    assert [each.get_secret_value() for each in found.alert_urls] == [
        "mailto://u:p@example.com?to=a@example.org,b@example.org",
        "json://localhost/x",
        "json://localhost/y",
    ]


def test_all_problems_are_listed_at_once():
    broken = {"RATE_LIMIT_PER_MINUTE": "many", "COOKIE_KEY": "short", "STRIPE_SECRET_KEY": LIVE, "DATABASE_URL": "x"}
    assert set(refused(**broken)) == set(broken)


def test_the_replaced_systems_names_are_taken_and_ours_win_with_a_warning():
    old = load(STRIPE_WEBHOOK_SECRET="whsec_from_the_old_one")
    assert old.stripe_webhook_secrets[0].get_secret_value() == "whsec_from_the_old_one"
    both = load(STRIPE_WEBHOOK_SECRET="whsec_from_the_old_one", STRIPE_WEBHOOK_SECRETS="whsec_from_the_new")
    assert both.stripe_webhook_secrets[0].get_secret_value() == "whsec_from_the_new"
    assert "STRIPE_WEBHOOK_SECRET and STRIPE_WEBHOOK_SECRETS differ" in both.warnings[0]
    assert "whsec_from" not in both.warnings[0]


def test_the_replaced_systems_emergency_switch_suspends_payments():
    switched = load(**PRODUCTION, REACT_APP_PAYMENT_MODE="sandbox")
    assert (switched.payment_mode, switched.payments_suspended) == (PaymentMode.PRODUCTION, True)


def test_no_secret_is_printed_or_raised():
    secrets = (LIVE, "whsec_0123456789abcdef", "hunter2", "k" * 32)
    shown = repr(load(**PRODUCTION)) + str(load(**PRODUCTION))
    with pytest.raises(SettingsError) as error:
        load(**PRODUCTION | {"PUBLIC_BASE_URL": "http://c", "RATE_LIMIT_PER_MINUTE": LIVE})
    shown += "".join(traceback.format_exception(error.value))
    assert not [secret for secret in secrets if secret in shown]


@given(st.dictionaries(st.sampled_from([n.upper() for n in Settings.model_fields if n != "warnings"]), st.text()))
@example({"DATA_DIR": "a name\0of none"})
def test_any_settings_load_or_are_explained(env):
    try:
        load(**env)
    except SettingsError as error:
        assert error.problems


def test_the_defaults_are_those_of_a_laptop():
    settings = load()
    assert (settings.database_kind, settings.refund_limit_minor) == ("embedded", 20_000)
    assert settings.allowed_hosts == ("localhost", "127.0.0.1")


def test_a_folder_that_cannot_be_written_to_and_a_file_that_is_no_text_are_named(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    for folder in (taken, taken / "below"):
        assert refused(DATA_DIR=str(folder)) == {
            "DATA_DIR": "DATA_DIR: is not a folder that can be written to. Name one that can."
        }
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"COOKIE_KEY=\xff")
    with pytest.raises(SettingsError, match="^.env: is not UTF-8 text. Save it as UTF-8.$"):
        load_settings({}, env_file=env_file)


def test_the_console_alone_exits_with_2_and_explains_the_settings():
    ran = subprocess.run(
        [sys.executable, "-m", "uvicorn", "streamlit_app:app", "--port", "0"],
        capture_output=True,
        text=True,
        env={"LOG_LEVEL": "loud", "PATH": "/usr/bin"},
        cwd=Path(__file__).parents[1],
        timeout=100,
    )
    assert ran.returncode == 2
    assert "LOG_LEVEL: is invalid. Use DEBUG, INFO, WARNING or ERROR." in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_command_with_wrong_settings_ends_with_2_and_no_traceback(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", "from core.cli import app; app()", "migrate"],
        env={"COOKIE_KEY": "short", "STRIPE_SECRET_KEY": LIVE, "PYTHONPATH": ":".join(sys.path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert [line.split(":")[0] for line in ran.stderr.splitlines()] == ["STRIPE_SECRET_KEY", "COOKIE_KEY"]


def test_in_production_nothing_of_the_sandbox_is_imported(tmp_path):
    script = """
import sys
from core import services
from core.api import app
from core.settings import load_settings
services.start(load_settings()).close()
print(sorted(name for name in sys.modules if name.startswith("core.sandbox")))
"""
    environment = PRODUCTION | {"DATABASE_URL": "postgresql://127.0.0.1:1/x", "PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["[]"]), ran.stderr


def test_the_example_names_every_setting_and_loads(tmp_path):
    example = Path(__file__).parent.parent / ".env.example"
    named = set(re.findall(r"^#?([A-Z_]+)=", example.read_text(), re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields if name != "warnings"}
    assert load_settings({}, env_file=example) == load()
