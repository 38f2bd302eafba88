-- Figures about the events received between two times, and their last hour minute by minute.

-- inbox_figures: the events received between two times: their number by outcome and type, their delay, the time of the
-- first attempt, and how many are still not applied; of one type or family, outcome, object or event if given. Whole
-- business days are read from their sums, the hours before and after them from the events.
create function payops_api.inbox_figures(
  p_since timestamptz, p_until timestamptz, p_type text default null, p_outcome text default null,
  p_object_id text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  types constant text[] := payops.event_types(p_type);
begin
  if not pg_is_in_recovery() then
    perform payops.refresh_observations();
  end if;
  if p_object_id is not null then
    return payops.inbox_figures_of_object(p_since, p_until, types, p_outcome, p_object_id)
      || jsonb_build_object('unapplied', payops.unapplied_events(types, p_outcome, p_object_id));
  end if;
  return payops.inbox_figures_of_days(p_since, p_until, types, p_outcome)
    || jsonb_build_object('unapplied', payops.unapplied_events(types, p_outcome, null));
end
$$;

-- unapplied_events: how many events are not applied yet, and when the oldest of them arrived.
create function payops.unapplied_events(p_types text[], p_outcome text, p_object_id text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('events', count(*), 'oldest', min(e.received_at))
  from payops.event_handlings as h
  inner join payops.events as e on h.event_id = e.id
  where h.outcome in ('failed', 'dead') and (p_types is null or e.type = any(p_types))
    and (p_outcome is null or h.outcome = any(string_to_array(p_outcome, ',')))
    and (p_object_id is null or e.object_id = p_object_id or e.id = p_object_id)
$$;

-- inbox_figures_of_object: the same for the events of one object, or for one event, from the events themselves.
create function payops.inbox_figures_of_object(
  p_since timestamptz, p_until timestamptz, p_types text[], p_outcome text, p_object_id text
) returns jsonb
language sql stable
set search_path = '' as $$
  with came as materialized (
    select
      e.type, h.outcome,
      case when e.came_by = 'webhook' then
        greatest(extract(epoch from e.received_at - e.created)::double precision * 1000, 0) end as delay_ms,
      case when h.attempts = 1 and e.came_by = 'webhook' then
        extract(epoch from h.handled_at - e.received_at)::double precision * 1000 end as handling_ms
    from payops.events as e
    inner join payops.event_handlings as h on e.id = h.event_id
    where (e.object_id = p_object_id or e.id = p_object_id) and e.received_at >= p_since and e.received_at < p_until
      and (p_types is null or e.type = any(p_types)) and (p_outcome is null or h.outcome = any(string_to_array(p_outcome, ',')))
  ),
  times as (
    select
      percentile_cont(array[0.5, 0.95]) within group (order by delay_ms) as delay, count(delay_ms) as delays,
      percentile_cont(array[0.5, 0.95]) within group (order by handling_ms) as handling, count(handling_ms) as handlings
    from came
  )
  select payops.inbox_counts((
    select jsonb_agg(to_jsonb(k)) from (select type, outcome, count(*) as n from came group by type, outcome) as k
  )) || jsonb_build_object(
    'delay', jsonb_build_object('p50_ms', t.delay[1], 'p95_ms', t.delay[2], 'n', t.delays),
    'handling', jsonb_build_object('p50_ms', t.handling[1], 'p95_ms', t.handling[2], 'n', t.handlings)
  )
  from times as t
$$;

-- inbox_counts: the number of events in all and by outcome, and their types.
create function payops.inbox_counts(p_kinds jsonb) returns jsonb
language sql immutable
set search_path = '' as $$
  with kinds as (
    select k.type, k.outcome, k.n from jsonb_to_recordset(p_kinds) as k (type text, outcome text, n bigint)
  )
  select jsonb_build_object(
    'events', (select coalesce(sum(k.n), 0) from kinds as k),
    'outcomes', (
      select coalesce(jsonb_object_agg(o.outcome, o.n), '{}')
      from (select k.outcome, sum(k.n) as n from kinds as k group by k.outcome) as o
    ),
    'types', (select coalesce(jsonb_agg(distinct k.type order by k.type), '[]') from kinds as k)
  )
$$;

-- whole_days_between: the first and last business day that lie wholly between two moments, and the rest of the span
-- before and after them. A day that has not ended counts as whole if no event arrived after the end of the span.
create function payops.whole_days_between(
  p_since timestamptz, p_until timestamptz, out first_day date, out last_day date, out edges tstzrange[]
)
language plpgsql stable
set search_path = '' as $$
declare
  newest constant timestamptz := coalesce((select max(e.received_at) from payops.events as e), '-infinity');
begin
  first_day := payops.business_day(p_since);
  if payops.day_start(first_day) < p_since then
    first_day := first_day + 1;
  end if;
  last_day := payops.business_day(p_until) - case when p_until > newest then 0 else 1 end;
  if last_day < first_day then
    edges := array[tstzrange(p_since, greatest(p_since, p_until))];
  else
    edges := array[
      tstzrange(p_since, payops.day_start(first_day)),
      tstzrange(payops.day_start(last_day + 1), greatest(p_until, payops.day_start(last_day + 1)))
    ];
  end if;
end
$$;

-- events_counted: how many events of each type and outcome were received on these days and between these moments.
create function payops.events_counted(
  p_first date, p_last date, p_edges tstzrange[], p_types text[], p_outcome text
)
returns table (type text, outcome text, n bigint)
language sql stable
set search_path = '' as $$
  with stale as (select payops.stale_days_between(p_first, p_last) as days),
  read as (
    select d.type, d.outcome, d.observations
    from stale
    inner join payops.daily_observations as d
      on d.measure = 'event' and d.type = any(coalesce(p_types, payops.known_event_types()))
      and d.outcome = any(case when p_outcome is null then payops.event_outcomes() else string_to_array(p_outcome, ',') end)
      and d.day between p_first and p_last and d.day <> all(stale.days)
    union all
    select o.type, o.outcome, o.observations
    from (
      select payops.day_start(d) as starts, payops.day_start(d + 1) as ends from stale, unnest(stale.days) as d
      union all
      select lower(e), upper(e) from unnest(p_edges) as e
    ) as m
    cross join lateral payops.observations_between(m.starts, m.ends) as o
    where o.measure = 'event' and (p_types is null or o.type = any(p_types))
      and (p_outcome is null or o.outcome = any(string_to_array(p_outcome, ',')))
  )
  select r.type, r.outcome, sum(r.observations)::bigint
  from read as r
  group by r.type, r.outcome
  having sum(r.observations) > 0
$$;

-- times_between: the median, the 95th percentile and the number of a measure's times; exact for up to 2,000 events,
-- within 2 % for more.
create function payops.times_between(
  p_measure text, p_since timestamptz, p_until timestamptz, p_types text[], p_outcome text, p_events bigint
) returns jsonb
language plpgsql stable
set search_path = '' as $$
declare
  days record;
begin
  if p_events = 0 then
    return '{"p50_ms": null, "p95_ms": null, "n": 0}';
  elsif p_events <= 2000 then
    return (
      select jsonb_build_object(
        'p50_ms', percentile_cont(0.5) within group (order by o.ms),
        'p95_ms', percentile_cont(0.95) within group (order by o.ms), 'n', count(*)
      )
      from payops.observed_times(p_measure, p_since, p_until, p_types, p_outcome) as o (ms)
    );
  end if;
  select d.* into days from payops.whole_days_between(p_since, p_until) as d;
  return (
    select payops.percentiles_of(array_agg(c.bucket), array_agg(c.observations))
    from payops.counted_buckets(p_measure, days.first_day, days.last_day, p_types, p_outcome, days.edges) as c
  );
end
$$;

-- inbox_figures_of_days: the same for all events between two times, or for some types or one outcome.
create function payops.inbox_figures_of_days(
  p_since timestamptz, p_until timestamptz, p_types text[], p_outcome text
) returns jsonb
language plpgsql stable
set search_path = '' as $$
declare
  days record;
  counts jsonb;
begin
  select d.* into days from payops.whole_days_between(p_since, p_until) as d;
  if not p_types && payops.known_event_types() then
    days.edges := '{}'; -- nothing has to be read for a type that never arrived
  end if;
  select payops.inbox_counts(jsonb_agg(to_jsonb(k))) into counts
  from payops.events_counted(days.first_day, days.last_day, days.edges, p_types, p_outcome) as k;
  return counts || jsonb_build_object(
    'delay', payops.times_between('webhook_delay', p_since, p_until, p_types, p_outcome, (counts ->> 'events')::bigint),
    'handling',
    payops.times_between('webhook_handling', p_since, p_until, p_types, p_outcome, (counts ->> 'events')::bigint)
  );
end
$$;

-- inbox_pulse: the events of each of the last 60 minutes, and how many of them were neither applied nor ignored.
create function payops_api.inbox_pulse(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  if not pg_is_in_recovery() then
    perform payops.refresh_observations();
  end if;
  return (
    select jsonb_agg(
      jsonb_build_object('minute', m.minute, 'events', coalesce(c.events, 0), 'spoiled', coalesce(c.unapplied, 0))
      order by m.minute
    )
    from generate_series(
      date_trunc('minute', p_now) - interval '59 minutes', date_trunc('minute', p_now), interval '1 minute'
    ) as m (minute)
    left join payops.event_minutes as c on m.minute = c.minute
  );
end
$$;
