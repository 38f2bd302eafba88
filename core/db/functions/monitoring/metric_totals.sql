-- seconds_bounds: the upper limits of the histograms' buckets, in seconds.
create function payops.seconds_bounds() returns double precision[]
language sql immutable
set search_path = '' as $$ select '{0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10}'::double precision[] $$;

-- seconds_bucket: the upper limit of the bucket that a duration falls into. Limits are searched from above, because
-- each belongs to its own bucket.
create function payops.seconds_bucket(p_seconds double precision) returns text
language sql immutable
return ('{0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,+Inf}'::text[])[
  14 - width_bucket(-p_seconds, '{-10,-5,-2.5,-1,-0.5,-0.25,-0.1,-0.05,-0.025,-0.01,-0.005,-0.0025,-0.001}'::double precision[])
];

-- count_metrics: adds what happened between two moments to the totals, once.
create function payops.count_metrics(p_since timestamptz, p_until timestamptz) returns void
language sql
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  with came as (
    select e.type, h.outcome, extract(epoch from h.handled_at - e.received_at)::double precision as seconds, h.attempts
    from payops.events as e
    inner join payops.event_handlings as h on e.id = h.event_id
    where e.received_at > p_since and e.received_at <= p_until and e.came_by = 'webhook'
  ),
  called as (
    select c.operation, coalesce(c.error, 'ok') as outcome, c.duration_ms / 1000 as seconds
    from payops.stripe_calls as c where c.at > p_since and c.at <= p_until
  ),
  decided as (
    select d.kind, d.took_us / 1000000.0 as seconds
    from payops.assignment_decisions as d where d.at > p_since and d.at <= p_until
  ),
  answered as (
    select a.operation, a.status, a.own_ms / 1000 as seconds
    from payops.api_calls as a where a.at > p_since and a.at <= p_until
  ),
  timed as (
    select 'webhook_handling_seconds' as name, '{}'::jsonb as labels, came.seconds from came where came.attempts = 1
    union all
    select 'stripe_call_seconds', jsonb_build_object('operation', called.operation), called.seconds from called
    union all
    select 'assignment_seconds', jsonb_build_object('kind', decided.kind), decided.seconds from decided
    union all
    select 'api_own_seconds', jsonb_build_object('operation', answered.operation), answered.seconds from answered
  ),
  counted as (
    select 'webhook_events' as name, jsonb_build_object('type', came.type, 'outcome', came.outcome) as labels,
      count(*)::double precision as value
    from came group by came.type, came.outcome
    union all
    select 'stripe_calls', jsonb_build_object('operation', called.operation, 'outcome', called.outcome), count(*)
    from called group by called.operation, called.outcome
    union all
    select 'api_calls', jsonb_build_object('operation', answered.operation, 'status', answered.status::text), count(*)
    from answered group by answered.operation, answered.status
    union all
    select
      timed.name || '_bucket', timed.labels || jsonb_build_object('le', payops.seconds_bucket(timed.seconds)), count(*)
    from timed group by timed.name, timed.labels, payops.seconds_bucket(timed.seconds)
    union all
    select timed.name || '_sum', timed.labels, sum(timed.seconds) from timed group by timed.name, timed.labels
  )
  insert into payops.metric_totals as t (name, labels, value)
  select counted.name, counted.labels, counted.value from counted
  on conflict (name, labels) do update set value = t.value + excluded.value
$$;

-- queue_depths: the number of items in each queue, and how long the oldest has been waiting.
create function payops.queue_depths() returns table (queue text, depth bigint, since timestamptz)
language sql stable
set search_path = '' as $$
  select 'events_to_apply', coalesce(sum(cardinality(b.ids)), 0), min(b.oldest) from payops.recorded_batches as b
  union all
  select 'events_to_retry', count(*), min(h.handled_at) from payops.event_handlings as h where h.outcome = 'failed'
  union all
  select 'events_dead', count(*), min(h.handled_at) from payops.event_handlings as h where h.outcome = 'dead'
  union all
  select 'patients_waiting', count(*), min(c.received_at) from payops.consultations as c where c.status = 'waiting'
  union all
  select 'actions_unanswered', count(*), min(a.sent_at)
  from payops.money_actions as a where a.state in ('sending', 'unknown')
  union all
  select 'refunds_awaiting_approval', count(*), min(a.requested_at)
  from payops.money_actions as a where a.state = 'awaiting_approval'
  union all
  select 'incidents_open', count(*), min(i.first_seen) from payops.incidents as i where i.resolved_at is null
$$;

-- metrics_begin: where the totals start on first use: from the very beginning, but for more than 2,000 events from the
-- newest 2,000, so that the first reading is as fast as any other.
create function payops.metrics_begin() returns timestamptz
language sql stable
set search_path = '' as $$
  select coalesce(
    (select e.received_at from payops.events as e order by e.received_at desc offset 2000 limit 1), '-infinity'
  )
$$;

-- metric_samples: the totals of everything up to a minute ago, and the queues now. The clock's row is locked, so that
-- two callers at once count nothing twice.
create function payops_api.metric_samples(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  since timestamptz;
  -- An event that is waiting to be applied is counted once it is applied.
  until timestamptz := least(p_now - interval '1 minute', payops.recorded_since() - interval '1 microsecond');
begin
  insert into payops.metric_clock default values on conflict do nothing;
  select c.counted_until into since from payops.metric_clock as c for update;
  if since = '-infinity' then
    since := payops.metrics_begin();
  end if;
  if until > since then
    perform payops.count_metrics(since, until);
    update payops.metric_clock set counted_until = until where only_row;
  end if;
  return jsonb_build_object(
    'totals', (
      select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'labels', t.labels, 'value', t.value)), '[]')
      from payops.metric_totals as t
    ),
    'bounds', (select jsonb_agg(b::text) from unnest(payops.seconds_bounds()) as b) || '["+Inf"]',
    'queues', (
      select jsonb_agg(jsonb_build_object(
        'queue', q.queue, 'depth', q.depth, 'oldest_seconds', greatest(extract(epoch from p_now - q.since), 0)
      ))
      from payops.queue_depths() as q
    ),
    'database_errors', (select coalesce(jsonb_object_agg(e.code, e.times), '{}') from payops.database_errors as e),
    'incidents', (
      select coalesce(jsonb_object_agg(i.kind, i.times), '{}')
      from (select kind, sum(occurrences) as times from payops.incidents group by kind) as i
    )
  );
end
$$;

-- record_database_errors: adds a process's database errors since its last report, by code. No answer and a late answer
-- are incidents; any other error is a defect, reported by the code that met it.
create function payops_api.record_database_errors(p_times jsonb, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.database_errors as e (code, times, last_at)
  select g.key, g.value::bigint, p_now from jsonb_each_text(p_times) as g
  on conflict (code) do update set times = e.times + excluded.times, last_at = excluded.last_at;
  select payops.record_incident(
    g.key, g.key,
    case g.key when 'database_unavailable' then 'The database did not answer.' else 'The database was too slow to answer.' end,
    p_now, case g.key when 'database_unavailable' then 'error' else 'warning' end,
    jsonb_build_object('code', g.key), p_occurrences => g.value::bigint
  )
  from jsonb_each_text(p_times) as g
  where g.key in ('database_unavailable', 'database_too_slow')
  order by g.key;
  select to_jsonb(true)
$$;
