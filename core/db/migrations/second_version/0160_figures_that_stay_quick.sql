-- Figures whose cost follows the days looked at, however much is stored: what each committed change adds to a count is
-- noted, and added to the day's sums before they are read.

-- What changed and is not yet in the sums below. No key: noting never waits for a refresh that is running. `bucket` is
-- the length of a time (see payops.time_bucket), 0 where things are only counted.
create table payops.observation_changes (
  minute timestamptz not null,
  measure text not null,
  type text not null default '',
  outcome text not null default '',
  bucket smallint not null default 0,
  observations integer not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- How many events, calls and consultations there were on a business day, and how long they took. Type and outcome are
-- an event's; both are empty for all events together, and for everything else.
create table payops.daily_observations (
  measure text not null,
  type text not null,
  outcome text not null,
  day date not null,
  bucket smallint not null,
  observations bigint not null,
  primary key (measure, type, outcome, day, bucket)
);
-- Days to be counted again from the rows themselves.
create table payops.stale_observation_days (
  id bigint generated always as identity primary key,
  day date not null
);
-- The events of each minute, for the last two days.
create table payops.event_minutes (
  minute timestamptz primary key,
  events integer not null,
  unapplied integer not null
) with (fillfactor = 70);

create function payops.follow_event_handlings() returns trigger language plpgsql
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
begin
  insert into payops.observation_changes (minute, measure, type, outcome, bucket, observations)
  select date_trunc('minute', e.received_at), m.measure, e.type, c.outcome, m.bucket, sum(tg_argv[0]::integer)
  from changed as c
  cross join lateral ( -- `offset 0`: each by its key, whatever is known of how large the tables are
    select f.type, f.created, f.received_at, f.came_by from payops.events as f where f.id = c.event_id offset 0
  ) as e
  cross join lateral payops.event_measures(e.created, e.received_at, e.came_by, c.handled_at, c.attempts) as m
  group by 1, 2, 3, 4, 5;
  return null;
end
$$;
create trigger event_handlings_counted_added
after insert on payops.event_handlings referencing new table as changed
for each statement execute function payops.follow_event_handlings('1');
create trigger event_handlings_counted_changed
after update on payops.event_handlings referencing new table as changed
for each statement execute function payops.follow_event_handlings('1');
create trigger event_handlings_counted_left
after update on payops.event_handlings referencing old table as changed
for each statement execute function payops.follow_event_handlings('-1');

create function payops.follow_api_calls() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.observation_changes (minute, measure, bucket, observations)
  select date_trunc('minute', c.at), 'api_own', payops.time_bucket(c.own_ms), count(*) from added as c group by 1, 2, 3;
  return null;
end
$$;
create trigger api_calls_counted
after insert on payops.api_calls referencing new table as added
for each statement execute function payops.follow_api_calls();

create function payops.follow_stripe_calls() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.observation_changes (minute, measure, bucket, observations)
  select date_trunc('minute', c.at), 'stripe_call', payops.time_bucket(c.duration_ms), count(*)
  from added as c
  where starts_with(c.operation, 'post ') or starts_with(c.operation, 'delete ')
  group by 1, 2, 3;
  return null;
end
$$;
create trigger stripe_calls_counted
after insert on payops.stripe_calls referencing new table as added
for each statement execute function payops.follow_stripe_calls();

create function payops.follow_assignment_decisions() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.observation_changes (minute, measure, bucket, observations)
  select date_trunc('minute', d.at), 'assignment', payops.time_bucket(d.took_us / 1000.0), count(*)
  from added as d
  where d.kind = 'intake'
  group by 1, 2, 3;
  return null;
end
$$;
create trigger assignment_decisions_counted
after insert on payops.assignment_decisions referencing new table as added
for each statement execute function payops.follow_assignment_decisions();

create function payops.follow_first_answers() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.observation_changes (minute, measure, observations)
  select date_trunc('minute', c.received_at), m.measure, sum(tg_argv[0]::integer)
  from changed as c
  cross join lateral (
    select 'consultation' as measure
    union all
    select 'assigned_at_once' where c.first_answer ->> 'status' = 'assigned'
  ) as m
  group by 1, 2;
  return null;
end
$$;
create trigger consultations_counted_added
after insert on payops.consultations referencing new table as changed
for each statement execute function payops.follow_first_answers('1');
-- Of a change only the first answer counts, which is written once: other changes note nothing.
create function payops.follow_later_first_answers() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.observation_changes (minute, measure, observations)
  select
    date_trunc('minute', n.received_at), 'assigned_at_once',
    sum((n.first_answer ->> 'status' is not distinct from 'assigned')::integer
      - (o.first_answer ->> 'status' is not distinct from 'assigned')::integer)
  from after_change as n
  inner join before_change as o on n.id = o.id
  where n.first_answer is distinct from o.first_answer
  group by 1
  having sum((n.first_answer ->> 'status' is not distinct from 'assigned')::integer
    - (o.first_answer ->> 'status' is not distinct from 'assigned')::integer) <> 0;
  return null;
end
$$;
create trigger consultations_counted_changed
after update on payops.consultations referencing old table as before_change new table as after_change
for each statement execute function payops.follow_later_first_answers();

insert into payops.stale_observation_days (day)
select m.day
from (
  select (e.received_at at time zone b.timezone)::date as day from payops.events as e, payops.business as b
  union
  select (c.at at time zone b.timezone)::date from payops.api_calls as c, payops.business as b
  union
  select (c.at at time zone b.timezone)::date from payops.stripe_calls as c, payops.business as b
  union
  select (c.received_at at time zone b.timezone)::date from payops.consultations as c, payops.business as b
) as m
order by m.day desc;

-- Until when the old rows of each table were deleted.
create table payops.retention_runs (
  subject text primary key,
  deleted_before timestamptz not null,
  deleted bigint not null default 0
);

create index events_type on payops.events (type, received_at desc, id desc);
