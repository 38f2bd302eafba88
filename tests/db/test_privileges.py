"""Least privilege: who may do what in a database that was set up as Supabase sets one up."""

from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from core.db.deploy import deploy
from tests.conftest import APP_PASSWORD

DATABASE = "payops_as_supabase"
# What Supabase does before anything of ours is there: its roles, and default privileges for all that comes after.
AS_SUPABASE = """
do $$ begin
  create role anon nologin noinherit;
  create role authenticated nologin noinherit;
  create role service_role nologin noinherit bypassrls;
  create role authenticator login noinherit password 'of-the-tests-alone';
  grant anon, authenticated, service_role to authenticator;
exception when duplicate_object then null; end $$;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges grant usage on schemas to anon, authenticated, service_role;
alter default privileges grant all on tables to anon, authenticated, service_role;
alter default privileges grant all on functions to anon, authenticated, service_role;
alter default privileges grant all on sequences to anon, authenticated, service_role;
"""
OUTSIDERS = ["anon", "authenticated"]
OBJECTS = """
select c.oid::regclass::text, c.relkind::text from pg_class as c
where c.relnamespace in ('payops'::regnamespace, 'payops_api'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'S')
"""
ROUTINES = """
select p.oid::regprocedure::text, p.oid::regproc::text, p.pronamespace = 'payops_api'::regnamespace
from pg_proc as p where p.pronamespace in ('payops'::regnamespace, 'payops_api'::regnamespace)
"""
# Some that change nothing and need nothing, to see that calling them works.
ROUTINES_WITHOUT_ARGUMENTS = ("schema_fingerprint", "list_users", "flags", "audit_chain_state")
TABLE_RIGHTS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
SEQUENCE_RIGHTS = ("usage", "select", "update")


@pytest.fixture(scope="module")
def supabase(server):
    """The owner's connection to a database deployed where Supabase's roles and default privileges were first."""
    with psycopg.connect(server.owner_conninfo, autocommit=True) as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)")  # a run that was killed left it
        admin.execute(f"create database {DATABASE}")
        conninfo = make_conninfo(server.owner_conninfo, dbname=DATABASE)
        with psycopg.connect(conninfo, autocommit=True) as owner:
            owner.execute(AS_SUPABASE)
            deploy(conninfo)
            yield owner
        admin.execute(f"drop database {DATABASE}")
        admin.execute("drop role anon, authenticated, service_role, authenticator")


def rights_of(owner, role, objects):
    """Each right on each object that this role has."""
    return [
        (name, right)
        for name, kind in objects
        for right in (SEQUENCE_RIGHTS if kind == "S" else TABLE_RIGHTS)
        if owner.execute(
            f"select has_{'sequence' if kind == 'S' else 'table'}_privilege(%s, %s, %s)", (role, name, right)
        ).fetchone()[0]
    ]


def routines_of(owner, role):
    return {
        signature
        for signature, _, _ in owner.execute(ROUTINES).fetchall()
        if owner.execute("select has_function_privilege(%s, %s, 'execute')", (role, signature)).fetchone()[0]
    }


@contextmanager
def connected(owner, role):
    """As PostgREST comes in: by its own login, and then as the role of the token; the app has a login of its own."""
    login = role if role == "payops_app" else "authenticator"
    conninfo = make_conninfo(owner.info.dsn, user=login, password=APP_PASSWORD)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if login != role:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        yield connection


def refused(connection, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
    return True


def tries(objects):
    """A statement of each kind on each table and sequence."""
    for name, kind in objects:
        if kind == "S":
            yield from (f"select nextval('{name}')", f"select last_value from {name}")
        else:
            yield from (f"select from {name} limit 1", f"insert into {name} default values")
            yield from (f"delete from {name}", f"truncate {name}")


@pytest.mark.parametrize("role", OUTSIDERS)
def test_outside_roles_have_no_rights_at_all(supabase, role):
    objects = supabase.execute(OBJECTS).fetchall()
    assert len(objects) > 20
    assert rights_of(supabase, role, objects) == []
    assert routines_of(supabase, role) == set()
    for schema in ("payops", "payops_api"):
        assert supabase.execute("select has_schema_privilege(%s, %s, 'usage, create')", (role, schema)).fetchone() == (
            False,
        )


@pytest.mark.parametrize("role", OUTSIDERS)
def test_outside_roles_are_refused_at_every_table_function_and_sequence(supabase, role):
    with connected(supabase, role) as outsider:
        for statement in tries(supabase.execute(OBJECTS).fetchall()):
            assert refused(outsider, statement)
        for _, name, _ in supabase.execute(ROUTINES).fetchall():
            assert refused(outsider, f"select {name}()")
        for statement in ("create table payops.mine ()", "create function payops_api.mine() returns int return 1"):
            assert refused(outsider, statement)


@pytest.mark.parametrize("role", ["payops_app", "service_role"])
def test_the_app_may_call_each_public_function_and_touch_nothing_else(supabase, role):
    objects = supabase.execute(OBJECTS).fetchall()
    assert rights_of(supabase, role, objects) == []
    public = {signature for signature, _, is_public in supabase.execute(ROUTINES).fetchall() if is_public}
    assert routines_of(supabase, role) == public
    with connected(supabase, role) as app:
        for statement in tries(objects):
            assert refused(app, statement)
        for statement in ("create table payops.mine ()", "create table payops_api.mine ()", "drop schema payops_api"):
            assert refused(app, statement)
        for signature in ROUTINES_WITHOUT_ARGUMENTS:
            assert app.execute(f"select payops_api.{signature}()").fetchone()


def test_the_app_owns_nothing_and_cannot_become_somebody_else(supabase):
    with connected(supabase, "payops_app") as app:
        for role in ("anon", "service_role", "authenticator", supabase.info.user):
            assert refused(app, sql.SQL("set role {}").format(sql.Identifier(role)))
    owned = supabase.execute(
        "select count(*) from pg_shdepend where refobjid = 'payops_app'::regrole and deptype = 'o'"
    ).fetchone()
    assert owned == (0,)
    assert supabase.execute(
        "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = 'payops_app'"
    ).fetchone() == (False, False, False, False)


def test_every_table_has_row_security_and_every_function_a_fixed_search_path(supabase):
    assert (
        supabase.execute(
            "select relname from pg_class where relnamespace = 'payops'::regnamespace"
            " and relkind in ('r', 'p') and not relrowsecurity"
        ).fetchall()
        == []
    )
    assert (
        supabase.execute(
            "select oid::regproc::text from pg_proc where pronamespace = 'payops_api'::regnamespace"
            " and not coalesce(proconfig::text like '%search_path=%', false)"
        ).fetchall()
        == []
    )


def test_a_second_deploy_keeps_outsiders_out(supabase):
    supabase.execute("update payops.deployment set fingerprint = 'older'")
    deploy(supabase.info.dsn)
    assert routines_of(supabase, "anon") == set()
