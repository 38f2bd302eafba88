"""One contract for every transport: what a call answers, and which error a caller gets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from core import telemetry
from core.db import Database, DatabaseFault, json_text
from core.db.via_psycopg import PsycopgDatabase
from core.db.via_supabase import SupabaseDatabase
from core.errors import Refused, Unauthorised, Unavailable
from tests.db import probes
from tests.postgrest import API_KEY, serving

PROBES = """
create or replace function payops_api.probe_echo(
  p_text text default null, p_number bigint default null, p_flag boolean default null,
  p_at timestamptz default null, p_document jsonb default null
) returns jsonb language sql security definer set search_path = '' as $$
  select jsonb_build_object('text', p_text, 'number', p_number, 'flag', p_flag, 'at', p_at, 'document', p_document)
$$;
create or replace function payops_api.probe_refuse(p_code text) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin perform payops.refuse(p_code, 'Only $5.00 is left to refund.'); return null; end $$;
create or replace function payops_api.probe_break() returns jsonb
language plpgsql security definer set search_path = '' as $$ begin return to_jsonb(1 / 0); end $$;
create or replace function payops_api.probe_stray() returns jsonb
language plpgsql security definer set search_path = '' as $$ begin return payops.no_such_function(); end $$;
create or replace function payops_api.probe_owned() returns jsonb language plpgsql security definer set search_path = ''
as $$ begin return (select to_jsonb(count(*)) from payops.staff); end $$;
create or replace function payops_api.probe_new() returns jsonb language sql security definer set search_path = ''
as $$ select to_jsonb(1) $$;
create or replace function payops_api.probe_many(p_n integer) returns jsonb
language sql security definer set search_path = '' as $$ select jsonb_agg(i) from generate_series(1, p_n) as i $$;
create or replace function payops_api.probe_fractions() returns jsonb language sql security definer set search_path = ''
as $$ select jsonb_build_object('third', 1 / 3::numeric, 'large', 123456789012345678.90, 'tenth', 0.10) $$;
"""


class InRequests:
    """Each call under the id of a request, which is sent in one pipeline with it."""

    def __init__(self, db: Database):
        self.db = db

    def call(self, function: str, /, **arguments: Any) -> Any:
        with telemetry.request("req-of-the-tests"):
            return self.db.call(function, **arguments)


@pytest.fixture(scope="module", params=["psycopg", "prepared", "in a request", "supabase"])
def transport(request, server) -> Iterator[Database]:
    with probes.added(server.owner_conninfo, PROBES):
        if request.param != "supabase":
            opened: Database = PsycopgDatabase(
                server.app_conninfo, direct=request.param != "psycopg", max_connections=1
            )
            yield InRequests(opened) if request.param == "in a request" else opened
        else:
            with serving(server.app_conninfo) as address:
                opened = SupabaseDatabase(address, API_KEY)
                yield opened
        opened.close()


def test_values_arrive_as_they_were_sent(transport):
    at = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    document = {"rows": [{"a": 1}, {"b": [None, "ü"]}]}
    answer = transport.call("probe_echo", text="o'clock", number=2**53, flag=True, at=at, document=document)
    assert (answer["text"], answer["number"], answer["flag"]) == ("o'clock", 2**53, True)
    assert datetime.fromisoformat(answer["at"]) == at
    assert answer["document"] == document


def test_a_list_is_one_document_and_never_cut(transport):
    assert transport.call("probe_many", n=5000) == list(range(1, 5001))


def test_an_omitted_argument_takes_the_functions_default(transport):
    assert transport.call("probe_echo")["text"] is None


def test_a_refusal_carries_its_code_and_its_sentence(transport):
    with pytest.raises(Refused) as refused:
        transport.call("probe_refuse", code="refund_too_large")
    assert (refused.value.code, refused.value.detail) == ("refund_too_large", "Only $5.00 is left to refund.")


def test_a_missing_right_is_unauthorised(transport):
    with pytest.raises(Unauthorised):
        transport.call("probe_refuse", code="not_allowed")


@pytest.mark.parametrize("unstorable", ["a\0b", "a\ud800b"])
def test_text_that_postgres_cannot_hold_is_the_callers_error_and_not_the_databases(transport, unstorable):
    for arguments in ({"text": unstorable}, {"document": {"name": unstorable}}, {"document": [{unstorable: 1}]}):
        with pytest.raises(Refused) as refused:
            transport.call("probe_echo", **arguments)
        assert refused.value.code == "unstorable_text" and "cannot be stored" in refused.value.detail


@pytest.mark.parametrize("function", ["probe_break", "probe_stray"])
def test_our_defects_are_not_reported_as_callers_errors(transport, function):
    with pytest.raises(DatabaseFault):
        transport.call(function)


def test_a_missing_function_asks_for_a_deploy(transport):
    for function, arguments in (("no_such_function", {}), ("probe_echo", {"of_a_later_version": 1})):
        with pytest.raises(Unavailable) as unavailable:
            transport.call(function, **arguments)
        assert unavailable.value.code == "database_not_migrated"
        assert "payops migrate" in unavailable.value.detail


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        ("revoke usage on schema payops_api from payops_app", "grant usage on schema payops_api to payops_app"),
        (
            "revoke execute on function payops_api.probe_break from public, payops_app",
            "grant execute on function payops_api.probe_break to payops_app",
        ),
        (
            "alter function payops_api.probe_owned owner to payops_app",
            "alter function payops_api.probe_owned owner to current_user",
        ),
    ],
    ids=["the schema's", "one function's", "its owner's"],
)
def test_a_missing_login_permission_asks_for_a_grant(transport, server, breaks, mends):
    function = "probe_owned" if "probe_owned" in breaks else "probe_break"
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute(breaks)
        try:
            with pytest.raises(Unavailable) as unavailable:
                transport.call(function)
        finally:
            owner.execute(mends)
    assert unavailable.value.code == "database_right_missing"
    assert "payops migrate" in unavailable.value.detail


def test_a_failed_prepare_works_once_the_permission_is_granted(transport, server):
    for _ in range(2):  # the third call would prepare it
        transport.call("probe_new")
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        for _ in range(2):
            owner.execute("revoke usage on schema payops_api from payops_app")
            try:
                for _ in range(4):
                    with pytest.raises(Unavailable):
                        transport.call("probe_new")
            finally:
                owner.execute("grant usage on schema payops_api to payops_app")
            for _ in range(4):
                assert transport.call("probe_new") == 1


@pytest.mark.parametrize(
    "given",
    [
        {"text": "a\0b"},
        {"text": "a\ud800b"},
        {"document": {"name": "a\0b"}},
        {"document": {"name": "a\ud800b"}},
        {"document": ["a\0b"]},
    ],
    ids=["NUL", "half a pair", "NUL inside", "half a pair inside", "NUL in a list"],
)
def test_a_character_that_cannot_be_stored_is_the_callers_error(transport, given):
    with pytest.raises(Refused) as refused:
        transport.call("probe_echo", **given)
    assert refused.value.code == "unstorable_text"


@pytest.mark.parametrize("at", ["infinity-and-more", "2026-13-45T00:00:00Z", "294277-01-01T00:00:00Z"])
def test_a_time_out_of_range_is_the_callers_error(transport, at):
    with pytest.raises(Refused) as refused:
        transport.call("probe_echo", at=at)
    assert refused.value.code == "out_of_range"


def test_a_time_without_a_zone_is_refused_before_it_is_sent(transport):
    with pytest.raises(ValueError, match="aware"):
        transport.call("probe_echo", at=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    "opened",
    [
        lambda: PsycopgDatabase("host=127.0.0.1 port=1 user=x dbname=x"),
        lambda: SupabaseDatabase("http://127.0.0.1:1", API_KEY),
    ],
    ids=["psycopg", "supabase"],
)
def test_an_unreachable_database_is_unavailable(opened):
    database = opened()
    with pytest.raises(Unavailable):
        database.call("schema_fingerprint")
    database.close()


def test_supabase_whose_postgres_is_away_is_unavailable():
    with serving("host=127.0.0.1 port=1 user=x dbname=x") as address:
        database = SupabaseDatabase(address, API_KEY)
        with pytest.raises(Unavailable):
            database.call("schema_fingerprint")
        database.close()


def test_every_number_is_the_one_that_the_database_wrote(transport):
    document = {"rate": 8.25, "many": [0.1, Decimal("0.10000000000000000001")], "minor": 12345678901234567890}
    answer = transport.call("probe_echo", document=document)["document"]
    assert answer["rate"] == 8.25 and answer["minor"] == 12345678901234567890
    assert [Decimal(str(number)) for number in answer["many"]] == [Decimal("0.1"), document["many"][1]]
    exact = transport.call("probe_fractions")
    assert exact == {
        "third": Decimal("0.33333333333333333333"),
        "large": Decimal("123456789012345678.90"),
        "tenth": 0.1,
    }
    assert json.loads(json_text(exact))["large"] == 123456789012345678.90
