-- What repairs the mirror: sweeps for events that never came, comparisons with what Stripe holds, and the jobs that run
-- once however many workers there are.

-- How an event came to us: Stripe posted it, or a sweep found it in Stripe's list.
alter table payops.events add column came_by text not null default 'webhook' check (came_by in ('webhook', 'sweep'));

-- One listing of Stripe's events, newest first; `last_id` is the place to go on from.
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

-- One comparison of the mirror with Stripe: the newest days, and some older ones, so that all are compared in turn.
-- A part is one kind of object over some days; `parts_done` is the place to go on from.
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

-- What a comparison found of one kind of object on one business day, before it healed anything.
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

-- Work that one worker at a time does: who does it, until when that holds without a sign of life, and when it was last
-- done. A row instead of a lock, since a session's lock does not come through a pooler.
create table payops.jobs (
  name text primary key,
  holder text,
  held_until timestamptz not null default '-infinity',
  done_at timestamptz
);

-- Charges and refunds whose balance transaction is still to come are found without reading the mirror.
create index charges_unbooked on payops.charges (as_of)
where status = 'succeeded' and captured and balance_transaction_id is null;
create index refunds_unbooked on payops.refunds (as_of)
where status = 'succeeded' and balance_transaction_id is null;
