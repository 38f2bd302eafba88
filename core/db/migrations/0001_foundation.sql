-- What everything else stands on: the two schemas, the record of deploys, the business's timezone,
-- the audit log and the incidents.
create schema payops;
revoke all on schema payops from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'payops_app') then
    create role payops_app nologin;
  end if;
end
$$;

create table payops.migrations (
  name text primary key,
  sha256 text not null,
  applied_at timestamptz not null default now()
);

-- One row each: what is deployed, and how the business counts its days.
create table payops.deployment (
  only_row boolean primary key default true check (only_row),
  fingerprint text not null default '',
  deployed_at timestamptz not null default now()
);
insert into payops.deployment default values;

create table payops.business (
  only_row boolean primary key default true check (only_row),
  timezone text not null default 'America/New_York',
  livemode boolean not null default false
);
insert into payops.business default values;

-- Who did what to which thing, and what it was before and after; recorded in the transaction it records.
create table payops.audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  role text,
  action text not null,
  subject text not null,
  outcome text not null default 'done' check (outcome in ('done', 'refused')),
  reason text,
  before jsonb,
  after jsonb,
  request_id text
);
create index audit_log_subject on payops.audit_log (subject, id);
create index audit_log_actor on payops.audit_log (actor, id);
create index audit_log_action on payops.audit_log (action, id);

-- A thing that went wrong, once per fingerprint however often it happened.
create table payops.incidents (
  id bigint generated always as identity primary key,
  kind text not null,
  fingerprint text not null,
  title text not null,
  severity text not null default 'error' check (severity in ('info', 'warning', 'error', 'critical')),
  occurrences bigint not null default 1 check (occurrences > 0),
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  sample jsonb not null default '{}',
  request_id text,
  resolved_at timestamptz,
  resolved_by text,
  resolution text
);
-- The same thing again after it was resolved is a new incident.
create unique index incidents_open on payops.incidents (kind, fingerprint) where resolved_at is null;
create index incidents_last_seen on payops.incidents (last_seen desc);

-- What was recorded stays as it was recorded, for the tables' owner as well.
create function payops.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'append_only' using hint = 'What was recorded here is never changed or removed.';
end
$$;
create trigger audit_log_append_only
before update or delete on payops.audit_log
for each row execute function payops.refuse_change();
create trigger audit_log_no_truncate
before truncate on payops.audit_log
for each statement execute function payops.refuse_change();
