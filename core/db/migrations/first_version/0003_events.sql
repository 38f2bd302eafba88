-- The webhook inbox, with every event of Stripe's once, and what keeps it and the mirror complete.

-- `came_by`: Stripe posted the event, or a sweep found it in Stripe's list. `received_from` is the address it was
-- posted from, null for an event that we fetched.
create table payops.events (
  id text primary key,
  type text not null,
  created timestamptz not null,
  received_at timestamptz not null,
  livemode boolean not null,
  api_version text,
  object_id text,
  payload jsonb not null,
  body_sha256 text not null,
  received_from text,
  came_by text not null default 'webhook' check (came_by in ('webhook', 'sweep'))
);
create index events_received_at on payops.events (received_at desc);
create index events_object on payops.events (object_id, created);
create trigger events_append_only
before update or delete on payops.events
for each row execute function payops.refuse_change();
create trigger events_no_truncate
before truncate on payops.events
for each statement execute function payops.refuse_change();

-- The outcome of each event, apart from the event, which never changes. It is written in the event's own
-- transaction, so it needs no foreign key.
create table payops.event_handlings (
  event_id text primary key,
  outcome text not null check (outcome in ('applied', 'ignored', 'quarantined', 'failed', 'dead')),
  attempts integer not null default 1,
  handled_at timestamptz not null,
  next_attempt_at timestamptz,
  reason text
);
create index event_handlings_due on payops.event_handlings (next_attempt_at) where outcome = 'failed';
create index event_handlings_unsettled on payops.event_handlings (outcome, handled_at)
where outcome in ('failed', 'dead', 'quarantined');

-- Each failed first attempt and each retry or replay, and who made it.
create table payops.event_attempts (
  id bigint generated always as identity primary key,
  event_id text not null,
  at timestamptz not null,
  actor text not null,
  outcome text not null,
  reason text
);
create index event_attempts_event on payops.event_attempts (event_id, id);

-- Requests that the webhook refused, and events that came again from another address, by minute; kept for 30 days.
create table payops.webhook_rejections (
  minute timestamptz not null,
  address text not null,
  reason text not null,
  times bigint not null,
  primary key (minute, address, reason)
);

-- How often each webhook secret, known by its fingerprint, verified an event on each day.
create table payops.webhook_secret_uses (
  fingerprint text not null,
  day date not null,
  times bigint not null,
  last_used_at timestamptz not null,
  primary key (fingerprint, day)
);

-- One listing of Stripe's events, newest first; `last_id` is where it resumes.
create table payops.event_sweeps (
  id bigint generated always as identity primary key,
  since timestamptz not null,
  until timestamptz not null,
  last_id text,
  listed integer not null default 0,
  found integer not null default 0,
  begun_at timestamptz not null,
  done_at timestamptz
);
create unique index event_sweeps_running on payops.event_sweeps ((true)) where done_at is null;

-- How far a backfill from `since` ('-infinity' for everything) has listed each kind of object, newest first.
create table payops.backfill_places (
  source text not null,
  since timestamptz not null,
  last_id text,
  objects integer not null,
  done boolean not null,
  at timestamptz not null,
  primary key (source, since)
);

-- One comparison of the mirror with Stripe: the newest days, and some older ones so that all are compared in turn. A
-- part is one kind of object over some days; `parts_done` is where it resumes.
create table payops.comparisons (
  id bigint generated always as identity primary key,
  since timestamptz not null,
  until timestamptz not null,
  older_since timestamptz not null,
  older_until timestamptz not null,
  days_a_part integer not null,
  parts_done integer not null default 0,
  begun_at timestamptz not null,
  done_at timestamptz,
  equal integer,
  wrong integer,
  healed integer
);
create unique index comparisons_running on payops.comparisons ((true)) where done_at is null;

-- What a comparison found for one kind of object on one business day, before it repaired anything.
create table payops.compared_days (
  comparison_id bigint not null references payops.comparisons (id) on delete cascade,
  kind text not null,
  day date not null,
  equal integer not null,
  missing integer not null,
  different integer not null,
  surplus integer not null,
  healed integer not null,
  primary key (comparison_id, kind, day)
);
