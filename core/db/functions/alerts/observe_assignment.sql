-- observe_assignment_slow: at each moment, the 95th percentile of the time that choosing a provider took within the
-- window.
create function payops.observe_assignment_slow(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    m.at, '', w.p95_ms, w.n, w.n >= p_minimum and w.p95_ms > p_threshold,
    w.n < p_minimum / 2.0 or w.p95_ms <= p_threshold * 0.8, '{}'::jsonb
  from unnest(p_moments) as m (at)
  cross join lateral (
    select count(*) as n, percentile_cont(0.95) within group (order by d.took_us / 1000.0) as p95_ms
    from payops.assignment_decisions as d
    where d.at > m.at - p_window and d.at <= m.at and d.kind = 'intake'
  ) as w
$$;

-- observe_assignment_failing: at each moment, whether the share of patients in the window who got a provider at once is
-- below the threshold beyond chance.
create function payops.observe_assignment_failing(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    m.at, '', w.assigned::double precision / nullif(w.n, 0), w.n,
    w.n >= p_minimum and (payops.wilson(w.assigned, w.n, 4)).high < p_threshold,
    w.n < p_minimum / 2.0 or w.assigned >= p_threshold * w.n, jsonb_build_object('assigned', w.assigned)
  from unnest(p_moments) as m (at)
  cross join lateral (
    select count(*) as n, count(*) filter (where c.first_answer ->> 'status' = 'assigned') as assigned
    from payops.consultations as c
    where c.received_at > m.at - p_window and c.received_at <= m.at
  ) as w
$$;

-- observe_waiting_too_long: at each moment and for each state, the patients who had been waiting for longer than the
-- window.
create function payops.observe_waiting_too_long(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with late as materialized (
    select c.state, c.received_at, coalesce(c.assigned_at, c.ended_at, 'infinity') as until
    from payops.consultations as c
    where c.received_at <= (select max(m) from unnest(p_moments) as m)
      and c.received_at > (select min(m) - interval '30 days' from unnest(p_moments) as m)
      and (c.status = 'waiting' or coalesce(c.assigned_at, c.ended_at) > c.received_at + p_window)
  )
  select
    m.at, l.state, extract(epoch from m.at - min(l.received_at)) / 60, count(*), count(*) >= p_threshold, false,
    jsonb_build_object('since', min(l.received_at))
  from unnest(p_moments) as m (at)
  inner join late as l on l.received_at <= m.at - p_window and l.until > m.at
  group by m.at, l.state
$$;
