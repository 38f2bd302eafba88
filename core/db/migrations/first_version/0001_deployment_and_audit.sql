-- The two schemas, the record of deployments, the business's time zone, the audit log, incidents and background jobs.
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

-- Which version of the SQL files is deployed; one row.
create table payops.deployment (
  only_row boolean primary key default true check (only_row),
  fingerprint text not null default '',
  deployed_at timestamptz not null default now()
);
insert into payops.deployment default values;

-- How the business counts its days; one row.
create table payops.business (
  only_row boolean primary key default true check (only_row),
  timezone text not null default 'America/New_York',
  livemode boolean not null default false
);
insert into payops.business default values;

-- The trigger of append-only tables: the owner cannot change or remove a recorded row either.
create function payops.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'append_only' using hint = 'What was recorded here is never changed or removed.';
end
$$;

-- Who did what to which object, with its state before and after; written in the transaction that it describes.
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
create index audit_log_at on payops.audit_log (at);
create trigger audit_log_append_only
before update or delete on payops.audit_log
for each row execute function payops.refuse_change();
create trigger audit_log_no_truncate
before truncate on payops.audit_log
for each statement execute function payops.refuse_change();

-- The hash chain over the audit log: each hash covers the entry and the hash before it, so that changing or removing an
-- entry means computing every later hash again. The worker adds committed entries to it.
create table payops.audit_chain (
  position bigint primary key,
  audit_id bigint not null unique,
  hash bytea not null,
  chained_at timestamptz not null
);
create index audit_chain_chained_at on payops.audit_chain (chained_at);
create trigger audit_chain_append_only
before update or delete on payops.audit_chain
for each row execute function payops.refuse_change();
create trigger audit_chain_no_truncate
before truncate on payops.audit_chain
for each statement execute function payops.refuse_change();

-- The chain's length and last hash, how far the present verification has come, and when a full one last ended; one row.
create table payops.audit_chain_head (
  only_row boolean primary key default true check (only_row),
  position bigint not null default 0,
  hash bytea not null default ''::bytea,
  verified_position bigint not null default 0,
  verified_hash bytea not null default ''::bytea,
  round_ended_at timestamptz
);
insert into payops.audit_chain_head default values;

-- Something that went wrong: one row per kind and fingerprint, counting how often it happened.
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
-- The same problem after the incident was resolved opens a new incident.
create unique index incidents_open on payops.incidents (kind, fingerprint) where resolved_at is null;
create index incidents_last_seen on payops.incidents (last_seen desc);

-- Work that one worker at a time does: its holder, how long the claim lasts without a heartbeat, and when the work was
-- last done. A row and not a session lock, because a transaction pooler keeps no session locks.
create table payops.jobs (
  name text primary key,
  holder text,
  held_until timestamptz not null default '-infinity',
  done_at timestamptz
);
