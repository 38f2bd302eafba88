-- An incident has an owner and may be silenced; it opens again when it happens again; its trend and its latest samples
-- are kept. Processes report that they are alive.
alter table payops.incidents
  add column owner text,
  add column taken_at timestamptz,
  add column silenced_until timestamptz,
  add column silenced_by text,
  add column silence_reason text,
  add column reopened_at timestamptz,
  add column reopenings integer not null default 0;
create index incidents_cause on payops.incidents (kind, fingerprint, id desc);

-- How often an incident occurred in each hour; kept for 30 days.
create table payops.incident_hours (
  incident_id bigint not null references payops.incidents (id) on delete cascade,
  hour timestamptz not null,
  occurrences bigint not null,
  primary key (incident_id, hour)
);

-- What an incident was about, each distinct sample once; the newest 50 are kept.
create table payops.incident_samples (
  incident_id bigint not null references payops.incidents (id) on delete cascade,
  sample_md5 text not null,
  sample jsonb not null,
  request_id text,
  seen_at timestamptz not null,
  occurrences bigint not null,
  primary key (incident_id, sample_md5)
);
create index incident_samples_newest on payops.incident_samples (incident_id, seen_at desc);

-- Each running process, with the state of its connection pool; a row that is no longer renewed is a process that ended.
create table payops.process_heartbeats (
  process text not null,
  kind text not null,
  at timestamptz not null,
  started_at timestamptz not null,
  pool jsonb not null default '{}',
  primary key (process)
);
create index process_heartbeats_at on payops.process_heartbeats (at);

-- A failed refund: those that failed for the same reason are one incident.
create or replace function payops.notice_failed_refund() returns trigger language plpgsql
set search_path = '' as $$
begin
  if new.as_of > now() - interval '14 days' then
    perform payops.record_incident(
      'refund_failed', coalesce(new.failure_reason, 'no reason given'),
      'A refund failed after it was made: the customer does not have the money.', new.as_of,
      'error', jsonb_build_object(
        'refund', new.id, 'payment', new.payment_intent_id, 'failure_reason', new.failure_reason,
        'amount_minor', new.amount_minor, 'currency', new.currency
      )
    );
  end if;
  return null;
end
$$;

-- Alerts: the rules that admins changed, what fires and fired, the messages about it, and their delivery to each target.

-- What a rule's measure says at one moment about one of its subjects.
create type payops.observation as (
  at timestamptz, key text, value double precision, observations bigint, fires boolean, clears boolean, facts jsonb
);

-- A rule that is not here is as it comes with payops.
create table payops.alert_rules (
  name text primary key,
  enabled boolean not null,
  threshold double precision not null,
  window_minutes integer not null check (window_minutes > 0),
  minimum integer not null check (minimum > 0),
  changed_by text not null,
  changed_at timestamptz not null
);

-- `key` is what of the rule's subject fires: a dispute, a state, a decline code; empty where there is only one.
create table payops.alerts (
  id bigint generated always as identity primary key,
  rule text not null,
  key text not null,
  severity text not null check (severity in ('warning', 'error', 'critical')),
  sentence text not null,
  value double precision,
  observations bigint,
  firing_since timestamptz not null,
  last_fired_at timestamptz not null,
  resolved_at timestamptz,
  last_told_at timestamptz,
  told_of boolean not null default false,
  acknowledged_at timestamptz,
  acknowledged_by text,
  silenced_until timestamptz,
  silenced_by text,
  silence_reason text
);
create unique index alerts_firing on payops.alerts (rule, key) where resolved_at is null;
create index alerts_firing_since on payops.alerts (firing_since desc);

create table payops.alert_messages (
  id bigint generated always as identity primary key,
  rule text not null,
  kind text not null check (kind in ('firing', 'reminder', 'resolved', 'test')),
  alert_ids bigint[] not null,
  severity text not null,
  title text not null,
  body text not null,
  written_at timestamptz not null
);
create index alert_messages_written on payops.alert_messages (written_at desc);
create index alert_messages_alerts on payops.alert_messages using gin (alert_ids);

-- Each message to each target, which is known by its fingerprint: its address may hold a password.
create table payops.alert_deliveries (
  message_id bigint not null references payops.alert_messages (id) on delete cascade,
  target text not null,
  state text not null default 'due' check (state in ('due', 'sent', 'given_up')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  sent_at timestamptz,
  problem text,
  primary key (message_id, target)
);
create index alert_deliveries_due on payops.alert_deliveries (next_attempt_at) where state = 'due';

create index payment_facts_first_attempt on payops.payment_facts (first_attempt_at) where first_attempt_at is not null;
create index events_came_by_webhook on payops.events (received_at desc) where came_by = 'webhook';

-- The country of the card's issuer stands with each payment's facts, so that failures by country are counted like others.
alter table payops.payment_facts add column card_country text;
-- Enough for the four weeks that an alert compares with; older payments get theirs when they are counted again.
insert into payops.stale_payments (payment_intent_id)
select f.payment_intent_id from payops.payment_facts as f where f.first_attempt_at > now() - interval '60 days';

-- Since when a process has reported without a gap: after an outage of the database nobody's silence means anything yet.
alter table payops.process_heartbeats add column steady_since timestamptz not null default now();
