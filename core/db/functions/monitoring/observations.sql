-- Times and counts by business day: how they are kept exact, and how percentiles are computed from them.

-- time_bucket: the bucket of a time in milliseconds. Each bucket ends 4 % above its start, so that a time read from a
-- bucket is within 2 % of the true one, or within 0.01 ms. Postgres inlines this and the next function.
create function payops.time_bucket(p_ms double precision) returns smallint
language sql immutable
return floor(ln(least(greatest(p_ms, 0.01), 1e12)) / ln(1.04::double precision))::smallint;

-- time_of_bucket: the time in milliseconds that stands for a bucket.
create function payops.time_of_bucket(p_bucket smallint) returns double precision
language sql immutable
return 1.04::double precision ^ (p_bucket + 0.5);

-- event_measures: what one handled event adds to the counts. Postgres inlines it too.
create function payops.event_measures(
  p_created timestamptz, p_received_at timestamptz, p_came_by text, p_handled_at timestamptz, p_attempts integer
)
returns table (measure text, bucket smallint)
language sql immutable
begin atomic
  select m.measure, m.bucket
  from (
    values
      ('event', 0::smallint, true),
      (
        'webhook_delay', payops.time_bucket(extract(epoch from p_received_at - p_created)::double precision * 1000),
        p_came_by = 'webhook'
      ),
      (
        'webhook_handling', payops.time_bucket(extract(epoch from p_handled_at - p_received_at)::double precision * 1000),
        p_came_by = 'webhook' and p_attempts = 1
      )
  ) as m (measure, bucket, counts)
  where m.counts;
end;

-- day_start: the moment at which a business day begins. The planner sees it as a constant.
create function payops.day_start(p_day date) returns timestamptz
language sql stable parallel safe
set search_path = '' as $$
  select p_day::timestamp at time zone b.timezone from payops.business as b
$$;

-- observed_times: each time of a measure between two moments, in milliseconds, from the rows themselves; for webhooks
-- only those of some types and of one or several outcomes (`failed,dead`), if given.
create function payops.observed_times(
  p_measure text, p_from timestamptz, p_to timestamptz, p_types text[] default null, p_outcome text default null
)
returns setof double precision
language sql stable rows 2000
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  select
    case p_measure
      when 'webhook_delay' then greatest(extract(epoch from e.received_at - e.created)::double precision * 1000, 0)
      else extract(epoch from h.handled_at - e.received_at)::double precision * 1000
    end
  from payops.events as e
  inner join payops.event_handlings as h on e.id = h.event_id
  where p_measure in ('webhook_delay', 'webhook_handling') and p_types is null
    and e.received_at >= p_from and e.received_at < p_to
    and e.came_by = 'webhook' and (p_measure = 'webhook_delay' or h.attempts = 1)
    and (p_outcome is null or h.outcome = any(string_to_array(p_outcome, ',')))
  union all
  select
    case p_measure
      when 'webhook_delay' then greatest(extract(epoch from e.received_at - e.created)::double precision * 1000, 0)
      else extract(epoch from h.handled_at - e.received_at)::double precision * 1000
    end
  from unnest(p_types) as t (type)
  inner join payops.events as e on t.type = e.type and e.received_at >= p_from and e.received_at < p_to
  inner join payops.event_handlings as h on e.id = h.event_id
  where p_measure in ('webhook_delay', 'webhook_handling') and e.came_by = 'webhook'
    and (p_measure = 'webhook_delay' or h.attempts = 1) and (p_outcome is null or h.outcome = any(string_to_array(p_outcome, ',')))
  union all
  select c.own_ms from payops.api_calls as c
  where p_measure = 'api_own' and c.at >= p_from and c.at < p_to
  union all
  select c.duration_ms from payops.stripe_calls as c
  where p_measure = 'stripe_call' and c.at >= p_from and c.at < p_to
    and (starts_with(c.operation, 'post ') or starts_with(c.operation, 'delete '))
  union all
  select d.took_us / 1000.0 from payops.assignment_decisions as d
  where p_measure = 'assignment' and d.at >= p_from and d.at < p_to and d.kind = 'intake'
$$;

-- observations_between: the counts of the rows between two moments, in the form in which changes of the day's sums are
-- recorded.
create function payops.observations_between(p_from timestamptz, p_to timestamptz)
returns table (minute timestamptz, measure text, type text, outcome text, bucket smallint, observations bigint)
language sql stable
set search_path = '' as $$
  select date_trunc('minute', e.received_at), m.measure, e.type, h.outcome, m.bucket, count(*)
  from payops.events as e
  inner join payops.event_handlings as h on e.id = h.event_id
  cross join lateral payops.event_measures(e.created, e.received_at, e.came_by, h.handled_at, h.attempts) as m
  where e.received_at >= p_from and e.received_at < p_to
  group by 1, 2, 3, 4, 5
  union all
  select date_trunc('minute', o.at), o.measure, '', '', o.bucket, count(*)
  from (
    select c.at, 'api_own' as measure, payops.time_bucket(c.own_ms) as bucket
    from payops.api_calls as c where c.at >= p_from and c.at < p_to
    union all
    select c.at, 'stripe_call', payops.time_bucket(c.duration_ms)
    from payops.stripe_calls as c
    where c.at >= p_from and c.at < p_to and (starts_with(c.operation, 'post ') or starts_with(c.operation, 'delete '))
    union all
    select d.at, 'assignment', payops.time_bucket(d.took_us / 1000.0)
    from payops.assignment_decisions as d where d.at >= p_from and d.at < p_to and d.kind = 'intake'
    union all
    select c.received_at, 'consultation', 0::smallint
    from payops.consultations as c where c.received_at >= p_from and c.received_at < p_to
    union all
    select c.received_at, 'assigned_at_once', 0::smallint
    from payops.consultations as c
    where c.received_at >= p_from and c.received_at < p_to and c.first_answer ->> 'status' = 'assigned'
  ) as o
  group by 1, 2, 5
$$;

-- refresh_observations: brings the sums by day up to date, except for stale days, of which the newest `p_days` are
-- counted again. Returns how many days. Recorded changes and rows are read at one moment, so that nothing is counted
-- twice.
create function payops.refresh_observations(p_days integer default 0) returns integer
language plpgsql
set search_path = '' as $$
declare
  days date[] := '{}';
  zone text := (select b.timezone from payops.business as b);
begin
  if pg_is_in_recovery() or not exists (select from payops.observation_changes)
    and (p_days = 0 or not exists (select from payops.stale_observation_days)) then
    return 0;
  end if;
  perform pg_advisory_xact_lock(payops.advisory_lock('count observations'));
  if p_days > 0 then
    with taken as (
      delete from payops.stale_observation_days
      where day in (select distinct s.day from payops.stale_observation_days as s order by s.day desc limit p_days)
      returning day
    )
    select coalesce(array_agg(distinct t.day) filter (where payops.rows_are_stored(t.day)), '{}') into days
    from taken as t;
    delete from payops.daily_observations where day = any(days);
    delete from payops.event_minutes
    where minute >= any(array(select payops.day_start(d) from unnest(days) as d))
      and (minute at time zone zone)::date = any(days);
  end if;
  with taken as (
    delete from payops.observation_changes returning minute, measure, type, outcome, bucket, observations
  ),
  changes as (
    select t.minute, (t.minute at time zone zone)::date as day, t.measure, t.type, t.outcome, t.bucket,
      t.observations::bigint as observations
    from taken as t
    where (t.minute at time zone zone)::date <> all(days)
    union all
    select o.minute, d.day, o.measure, o.type, o.outcome, o.bucket, o.observations
    from unnest(days) as d (day)
    cross join lateral payops.observations_between(payops.day_start(d.day), payops.day_start(d.day + 1)) as o
  ),
  minutes as (
    insert into payops.event_minutes as m (minute, events, unapplied)
    select
      c.minute, sum(c.observations),
      coalesce(sum(c.observations) filter (where c.outcome in ('quarantined', 'failed', 'dead')), 0)
    from changes as c
    where c.measure = 'event'
    group by c.minute
    on conflict (minute) do update set
      events = m.events + excluded.events, unapplied = m.unapplied + excluded.unapplied
  )
  insert into payops.daily_observations as d (measure, type, outcome, day, bucket, observations)
  select c.measure, k.type, k.outcome, c.day, c.bucket, sum(c.observations)
  from changes as c
  cross join lateral (
    select c.type, c.outcome
    union
    select '', ''
  ) as k
  group by c.measure, k.type, k.outcome, c.day, c.bucket
  having sum(c.observations) <> 0
  on conflict (measure, type, outcome, day, bucket) do update set observations = d.observations + excluded.observations;
  delete from payops.event_minutes as m
  where m.minute < (select max(n.minute) - interval '2 days' from payops.event_minutes as n);
  return cardinality(days);
end
$$;

-- rows_are_stored: whether the rows that a day is counted from are still stored; a day whose rows were deleted keeps
-- its sums.
create function payops.rows_are_stored(p_day date) returns boolean
language sql stable
set search_path = '' as $$
  select not exists (select from payops.retention_runs as r where r.deleted_before > payops.day_start(p_day))
$$;

-- stale_days_between: the stale days of a period; their figures are read from the rows.
create function payops.stale_days_between(p_since date, p_until date) returns date[]
language sql stable
set search_path = '' as $$
  select array(
    select distinct s.day from payops.stale_observation_days as s where s.day between p_since and p_until
  )
$$;

-- counted_buckets: how often each bucket of a measure was observed on these business days, and in the rows between
-- further moments; for events only those of some types and of one or several outcomes (`failed,dead`), if given.
create function payops.counted_buckets(
  p_measure text, p_since date, p_until date, p_types text[] default null, p_outcome text default null,
  p_edges tstzrange[] default '{}'
)
returns table (bucket smallint, observations bigint)
language sql stable
set search_path = '' as $$
  with stale as (select payops.stale_days_between(p_since, p_until) as days),
  read as (
    select d.bucket, d.observations
    from stale
    inner join payops.daily_observations as d
      on d.measure = p_measure and d.type = '' and d.outcome = '' and d.day between p_since and p_until
      and d.day <> all(stale.days)
    where p_types is null and p_outcome is null
    union all
    select d.bucket, d.observations
    from stale
    inner join payops.daily_observations as d
      on d.measure = p_measure and d.type = any(coalesce(p_types, payops.known_event_types()))
      and d.outcome = any(case when p_outcome is null then payops.event_outcomes() else string_to_array(p_outcome, ',') end)
      and d.day between p_since and p_until and d.day <> all(stale.days)
    where p_types is not null or p_outcome is not null
    union all
    select o.bucket, o.observations
    from (
      select payops.day_start(d) as starts, payops.day_start(d + 1) as ends from stale, unnest(stale.days) as d
      union all
      select lower(e), upper(e) from unnest(p_edges) as e
    ) as m
    cross join lateral payops.observations_between(m.starts, m.ends) as o
    where o.measure = p_measure and (p_types is null or o.type = any(p_types))
      and (p_outcome is null or o.outcome = any(string_to_array(p_outcome, ',')))
  )
  select r.bucket, sum(r.observations)::bigint from read as r group by r.bucket having sum(r.observations) > 0
$$;

-- percentiles_of: the median and the 95th percentile of so many observations in each bucket, and their number.
create function payops.percentiles_of(p_buckets smallint[], p_observations bigint[]) returns jsonb
language sql immutable
set search_path = '' as $$
  with counted as (
    select b.bucket, b.n, sum(b.n) over (order by b.bucket) as up_to
    from unnest(p_buckets, p_observations) as b (bucket, n)
  ),
  whole as (select coalesce(sum(c.n), 0)::bigint as n from counted as c)
  select jsonb_build_object(
    'p50_ms', payops.time_at(w.n, 0.5, array_agg(c.bucket order by c.bucket), array_agg(c.up_to order by c.bucket)),
    'p95_ms', payops.time_at(w.n, 0.95, array_agg(c.bucket order by c.bucket), array_agg(c.up_to order by c.bucket)),
    'n', w.n
  )
  from whole as w
  left join counted as c on true
  group by w.n
$$;

-- time_at: the time at a fraction of `p_n` sorted times, interpolated between two of them as percentile_cont does.
-- `p_up_to` has the cumulative number of times up to each bucket.
create function payops.time_at(p_n bigint, p_fraction double precision, p_buckets smallint[], p_up_to numeric[])
returns double precision
language sql immutable
set search_path = '' as $$
  select lower.ms + (upper.ms - lower.ms) * (r.rank - floor(r.rank))
  from (select p_fraction * (p_n - 1) as rank where p_n > 0) as r
  cross join lateral (
    select payops.time_of_bucket(b.bucket) as ms from unnest(p_buckets, p_up_to) as b (bucket, up_to)
    where b.up_to > floor(r.rank) order by b.bucket limit 1
  ) as lower
  cross join lateral (
    select payops.time_of_bucket(b.bucket) as ms from unnest(p_buckets, p_up_to) as b (bucket, up_to)
    where b.up_to > ceil(r.rank) order by b.bucket limit 1
  ) as upper
$$;

-- times_of_days: the median, the 95th percentile and the number of a measure's times on these business days. Up to 2,000
-- are read one by one and exact; more are read from their buckets, within 2 %.
create function payops.times_of_days(p_measure text, p_since date, p_until date) returns jsonb
language plpgsql stable
set search_path = '' as $$
declare
  buckets smallint[];
  counts bigint[];
  n bigint;
  exact jsonb;
begin
  select array_agg(c.bucket), array_agg(c.observations), coalesce(sum(c.observations), 0) into buckets, counts, n
  from payops.counted_buckets(p_measure, p_since, p_until) as c;
  if n <= 2000 then
    select jsonb_build_object(
      'p50_ms', percentile_cont(0.5) within group (order by o.ms),
      'p95_ms', percentile_cont(0.95) within group (order by o.ms), 'n', count(*)
    ) into exact
    from payops.observed_times(p_measure, payops.day_start(p_since), payops.day_start(p_until + 1)) as o (ms);
    if (exact ->> 'n')::bigint = n then
      return exact;
    end if;
  end if;
  return payops.percentiles_of(buckets, counts);
end
$$;

-- counted_on_days: how often a measure that is only counted was observed on these business days.
create function payops.counted_on_days(p_measure text, p_since date, p_until date) returns bigint
language sql stable
set search_path = '' as $$
  select coalesce(sum(c.observations), 0)::bigint from payops.counted_buckets(p_measure, p_since, p_until) as c
$$;
