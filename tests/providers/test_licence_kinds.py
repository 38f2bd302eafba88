"""Kinds of licence: a privilege is valid exactly as long as its home licence and the rules it depends on."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import Refused, Unauthorised
from core.providers import directory, licensing_rules
from tests.providers.conftest import ADMIN, NOW, OPS

pytestmark = pytest.mark.usefixtures("rules")
MANY = 800  # providers
NURSE = {"specialties": ["general_practice"], "capacity": 50}


def home(state="TX", compact="NLC", **facts):
    known = {"number": f"H-{state}", "status": "active", "expires_on": "2026-12-31"}
    return {"state": state, "compact": compact} | known | facts


def test_a_multistate_licence_opens_every_member_state_and_no_other(clinic):
    clinic.put({"id": "nan", "name": "Nan", "licences": [home()]} | NURSE)
    assert clinic.ask("TX")["providerId"] == clinic.ask("AZ")["providerId"] == clinic.ask("CT")["providerId"] == "nan"
    assert clinic.ask("CA")["reason"] == "No provider is licensed in CA."
    clinic.check()


@pytest.mark.parametrize("unverified", ["TX", "AZ"])
def test_a_membership_that_nobody_verified_gives_no_privilege(clinic, unverified):
    clinic.owner.execute("update payops.compact_members set verified_on = null where state = %s", (unverified,))
    clinic.put({"id": "nan", "name": "Nan", "licences": [home("TX")]} | NURSE)
    assert clinic.ask("TX")["status"] == "assigned"  # by the home licence itself
    assert clinic.ask("AZ")["status"] == "waiting"


@pytest.mark.parametrize(
    "change",
    [
        {"status": "suspended"},
        {"status": "revoked"},
        {"expires_on": "2026-11-23"},
        {"compact": None},
    ],
)
def test_a_privilege_ends_when_its_home_licence_ends_is_suspended_or_moves(clinic, change):
    clinic.put({"id": "nan", "name": "Nan", "licences": [home()]} | NURSE)
    assert clinic.ask("AZ")["status"] == "assigned"
    clinic.put({"id": "nan", "licences": [home() | change]})
    assert clinic.ask("AZ")["status"] == "waiting"
    clinic.put({"id": "nan", "licences": [home()]})  # and it comes back with it
    assert clinic.ask("AZ")["status"] == "assigned"
    clinic.check()


def test_a_home_licence_that_moves_takes_its_privileges_along(clinic):
    clinic.put({"id": "nan", "name": "Nan", "licences": [home("TX")]} | NURSE)
    clinic.put({"id": "nan", "licences": [home("TX", None), home("AZ")]})
    held = clinic.rows("select state, compact from payops.licences where home_licence_id is null order by state")
    assert held == [("AZ", "NLC"), ("TX", None)]
    derived = {state for (state,) in clinic.rows("select state from payops.licences where home_licence_id is not null")}
    assert "UT" in derived and "AZ" not in derived and "TX" in derived


def test_a_privilege_ends_with_the_last_day_of_the_home_licence_in_the_earlier_of_two_states(clinic):
    clinic.put({"id": "nan", "name": "Nan", "licences": [home("ME")]} | NURSE)  # Eastern
    east, central = datetime(2027, 1, 1, 5, tzinfo=UTC), datetime(2027, 1, 1, 6, tzinfo=UTC)
    assert clinic.ask("WI", now=east - timedelta(seconds=1))["status"] == "assigned"
    assert clinic.ask("WI", now=east)["status"] == "waiting"  # although it is still New Year's Eve in Wisconsin
    clinic.put({"id": "nan", "licences": [home("ME", None), home("WI")]})
    assert clinic.ask("WI", now=central - timedelta(seconds=1))["status"] == "assigned"
    assert clinic.ask("VT", now=east)["status"] == "waiting"


def test_a_privilege_for_one_state_rests_on_a_home_licence(clinic):
    for state in ("TX", "AZ"):
        licensing_rules.put_member(clinic.db, ADMIN, _member("OT", state), NOW, reason="rule")
    privilege = {"state": "AZ", "number": "P1", "kind": "compact_privilege", "compact": "OT"}
    clinic.put({"id": "ola", "name": "Ola", "licences": [privilege]} | NURSE)
    asked = clinic.ask("AZ")
    assert asked["status"] == "waiting"
    clinic.put({"id": "ola", "licences": [privilege, home("TX", "OT")]})
    assert clinic.ask("AZ")["status"] == "assigned"
    clinic.put({"id": "ola", "licences": [privilege, home("TX", "OT", status="lapsed")]})
    assert clinic.ask("AZ")["status"] == "waiting"


def test_a_member_that_leaves_closes_with_its_last_day_and_one_that_joins_opens(clinic):
    clinic.put({"id": "nan", "name": "Nan", "licences": [home()]} | NURSE)
    leaving = _member("NLC", "AZ") | {"ends_on": "2026-11-24"}
    licensing_rules.put_member(clinic.db, ADMIN, leaving, NOW, reason="repealed")
    last = datetime(2026, 11, 25, 7, tzinfo=UTC) - timedelta(seconds=1)
    assert clinic.ask("AZ", now=last)["status"] == "assigned"
    assert clinic.ask("AZ", now=last + timedelta(seconds=1))["status"] == "waiting"
    waiting = clinic.ask("NY")
    licensing_rules.put_member(clinic.db, ADMIN, _member("NLC", "NY"), NOW, reason="enacted")
    assert clinic.rows(f"select status from payops.consultations where id = '{waiting['consultationId']}'") == [
        ("assigned",)
    ]
    audited = clinic.rows("select reason from payops.audit_log where action like '%member:set' order by id")
    assert audited == [("repealed",), ("enacted",)]


def test_the_medical_licensure_compact_gives_no_privileges(clinic):
    with pytest.raises(Refused, match="gives full licences"):
        directory.put(clinic.db, ADMIN, [{"name": "Doc", "licences": [home("TX", "IMLC")]}], NOW)


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ({"state": "TX", "kind": "temporary"}, "in Texas needs a last day"),
        ({"state": "TX", "kind": "telehealth_registration"}, "No rule says"),
        ({"state": "CA", "compact": "NLC"}, "California is not a member of NLC"),
        ({"state": "TX", "kind": "compact_privilege"}, "Choose the compact"),
        ({"state": "TX", "kind": "compact_privilege", "compact": "NLC"}, "follow from the home licence"),
        ({"state": "TX", "kind": "guess"}, "not a kind"),
        ({"state": "FL", "kind": "telehealth_registration", "compact": "NLC"}, "rests on no compact"),
    ],
)
def test_the_requirements_of_a_licence_kind_are_stated(clinic, licence, said):
    with pytest.raises(Refused, match=said):
        directory.put(clinic.db, ADMIN, [{"name": "Ann", "licences": [licence]}], NOW)


def test_a_provider_has_one_home_licence_of_a_compact(clinic):
    with pytest.raises(Refused, match="Two active licences"):
        directory.put(clinic.db, ADMIN, [{"name": "Ann", "licences": [home("TX"), home("AZ")]}], NOW)


def test_a_telehealth_registration_opens_its_state_and_says_what_it_does_not_allow(clinic):
    clinic.put({"id": "ann", "name": "Ann", "licences": [{"state": "FL", "kind": "telehealth_registration"}]} | NURSE)
    assert clinic.ask("FL")["status"] == "assigned"
    (held,) = directory.one(clinic.db, "ann")["validity"]
    assert "Schedule II" in held["not_allowed"] and "In-person care" in held["not_allowed"]


def test_a_registration_under_a_rule_that_nobody_verified_opens_no_state_until_an_admin_sets_it(clinic):
    clinic.owner.execute("update payops.telehealth_registrations set verified_on = null where state = 'FL'")
    clinic.put({"id": "ann", "name": "Ann", "licences": [{"state": "FL", "kind": "telehealth_registration"}]} | NURSE)
    asked = clinic.ask("FL")
    assert asked["status"] == "waiting"
    rule = {key: value for key, value in _member("", "FL").items() if key != "compact"}
    licensing_rules.put_registration(clinic.db, ADMIN, rule | {"not_allowed": "an office"}, NOW, reason="read it")
    assert clinic.rows(f"select status from payops.consultations where id = '{asked['consultationId']}'") == [
        ("assigned",)
    ]


def test_member_states_are_verified_together_and_their_privileges_open(clinic, owner):
    owner.execute("update payops.compact_members set verified_on = null where compact = 'NLC'")
    clinic.put({"id": "nan", "name": "Nan", "licences": [home()]} | NURSE)
    asked = clinic.ask("AZ")
    source = {"source": "the compact's own list", "link": "https://www.nursecompact.com", "verified_on": None}
    for wrong, said in (([], "Choose the member states"), (["TX", "CA"], "not a member")):
        with pytest.raises(Refused, match=said):
            licensing_rules.verify_members(clinic.db, ADMIN, "NLC", wrong, source, NOW, reason="list of today")
    assert asked["status"] == "waiting"
    licensing_rules.verify_members(clinic.db, ADMIN, "NLC", ["TX", "AZ"], source, NOW, reason="list of today")
    members = next(one["members"] for one in licensing_rules.load(clinic.db)["compacts"] if one["code"] == "NLC")
    verified = {one["state"]: one["verified_on"] for one in members if one["verified_on"]}
    assert verified == {"AZ": "2026-11-24", "TX": "2026-11-24"}
    assert clinic.pending() == {"nan": 1}  # who waited in Arizona
    assert clinic.ask("UT")["status"] == "waiting"
    clinic.check()


@pytest.mark.parametrize("unverified", ["TX", "AZ"])
def test_a_privilege_for_one_state_needs_both_memberships_verified(clinic, unverified):
    for state in ("TX", "AZ"):
        verified_on = None if state == unverified else "2026-11-24"
        rule = _member("OT", state) | {"verified_on": verified_on}
        licensing_rules.put_member(clinic.db, ADMIN, rule, NOW, reason="rule")
    privilege = {"state": "AZ", "number": "P1", "kind": "compact_privilege", "compact": "OT"}
    clinic.put({"id": "ola", "name": "Ola", "licences": [privilege, home("TX", "OT")]} | NURSE)
    assert clinic.ask("AZ")["status"] == "waiting"
    licensing_rules.put_member(clinic.db, ADMIN, _member("OT", unverified), NOW, reason="read it")
    assert clinic.ask("AZ")["status"] == "assigned"


def test_only_admins_change_the_rules(clinic):
    with pytest.raises(Unauthorised):
        licensing_rules.put_member(clinic.db, OPS, _member("NLC", "NY"), NOW, reason="enacted")
    with pytest.raises(Refused, match="source"):
        licensing_rules.put_member(clinic.db, ADMIN, _member("NLC", "NY") | {"source": " "}, NOW, reason="enacted")


def test_every_rule_that_comes_with_payops_names_its_source(clinic):
    rules = licensing_rules.load(clinic.db)
    assert {one["code"]: one["grants"] for one in rules["compacts"]}["IMLC"] == "full_licences"
    members = [member for one in rules["compacts"] for member in one["members"]]
    sourced = [*members, *rules["registrations"]]
    assert len(members) > 50 and all(one["source"] and one["link"] and one["effective_on"] for one in sourced)
    assert all(date.fromisoformat(one["effective_on"]) < NOW.date() for one in sourced)


def test_a_licence_written_again_in_another_order_holds_as_long_as_before(clinic):
    for state in ("TX", "AZ"):
        licensing_rules.put_member(clinic.db, ADMIN, _member("OT", state), NOW, reason="rule")
    held = [{"state": "AZ", "number": "P1", "kind": "compact_privilege", "compact": "OT"}, home("TX", "OT")]
    clinic.put({"id": "ola", "name": "Ola", "licences": held} | NURSE)
    before = directory.one(clinic.db, "ola")["validity"]
    assert {one["ends_at"] for one in before} == {"2027-01-01T06:00:00+00:00"}
    assert clinic.put({"id": "ola", "licences": held[::-1]})["items"][0]["outcome"] == "unchanged"
    assert directory.one(clinic.db, "ola")["validity"] == before
    clinic.check()


def test_many_nurses_at_once_have_what_each_has_alone(clinic):
    homes = {"nan": home("TX"), "nel": home("ME", expires_on="2026-11-30"), "nia": home("AZ", status="suspended")}
    documents = [{"id": who, "name": who, "licences": [one]} | NURSE for who, one in homes.items()]
    query = (
        "select state, valid_from, valid_until from payops.licences"
        " where provider_id = '{}' and home_licence_id is not null order by state"
    )
    alone = {}
    for document in documents:
        clinic.put(document | {"id": f"alone-{document['id']}"})
        alone[document["id"]] = clinic.rows(query.format(f"alone-{document['id']}"))
    clinic.put(*documents)
    assert {who: clinic.rows(query.format(who)) for who in homes} == alone
    assert [len(alone[who]) > 30 for who in homes] == [True, True, False]
    clinic.check()


def _member(compact, state):
    return {
        "compact": compact,
        "state": state,
        "effective_on": "2025-01-01",
        "ends_on": None,
        "source": "the act",
        "link": None,
        "verified_on": "2026-11-24",
    }


def test_what_is_read_for_a_provider_does_not_grow_with_the_directory(clinic):
    """Rows read to give 20, then 120 nurses their privileges and places, when their home licences join a compact."""
    read = "select sum(seq_tup_read + idx_tup_fetch)::bigint from pg_stat_xact_user_tables where relname = any(%s)"
    tables = (["licences", "licence_versions", "availability", "provider_schedules"],)
    nurses = [f"nurse-{n:03}" for n in range(140)]
    clinic.put(*({"id": nurse, "name": "Nan", "licences": [home(compact=None)]} | NURSE for nurse in nurses))
    clinic.owner.execute("analyze payops.licences, payops.licence_versions")
    clinic.owner.execute("update payops.licences set compact = 'NLC'")
    each = {}
    for some in (nurses[:20], nurses[20:]):
        with clinic.owner.transaction():
            ((before,),) = clinic.owner.execute(read, tables).fetchall()
            clinic.owner.execute("select payops.derive_licences(%s, %s)", (some, NOW))
            clinic.owner.execute("select payops.rewrite_availability(variadic %s)", (some,))
            ((after,),) = clinic.owner.execute(read, tables).fetchall()
        each[len(some)] = (after - before) / len(some)
    assert each[120] < 2 * each[20], each
    clinic.check()


def test_filling_a_directory_costs_as_much_for_the_last_provider_as_for_the_first(clinic, owner):
    """The plans are made while the tables are empty and known to be: no table may be read whole for each provider."""
    owner.execute("vacuum analyze payops.licence_versions, payops.licences, payops.availability, payops.providers")
    with owner.transaction(force_rollback=True):
        owner.execute(
            "insert into payops.providers (id, name, active, capacity, specialties, created_at, updated_at)"
            " select 'n' || n, 'N ' || n, true, 10, '{dermatology}', now(), now() from generate_series(1, %s) as n",
            [MANY],
        )
        owner.execute(
            "insert into payops.licences (provider_id, state, status, valid_from, valid_until, compact)"
            " select 'n' || n, 'TX', 'active', '-infinity', 'infinity', case when n %% 10 = 0 then 'NLC' end"
            " from generate_series(1, %s) as n",
            [MANY],
        )
        owner.execute("select payops.derive_licences(array(select p.id from payops.providers as p), now())")
        owner.execute("select payops.rewrite_availability(variadic array(select p.id from payops.providers as p))")
        read = dict(
            owner.execute(
                "select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
                " from pg_stat_xact_user_tables where schemaname = 'payops'"
                " and relname in ('licence_versions', 'licences', 'availability')"
            ).fetchall()
        )
    assert read.keys() == {"licence_versions", "licences", "availability"}
    assert max(read.values()) < 100 * MANY, read
