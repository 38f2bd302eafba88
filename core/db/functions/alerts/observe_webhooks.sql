-- observe_webhook_backlog: at each moment, how many events had been waiting for longer than the window to be applied.
create function payops.observe_webhook_backlog(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with late as materialized (
    select
      e.received_at,
      case when h.outcome is null or h.outcome in ('failed', 'dead') then 'infinity' else h.handled_at end as until
    from payops.events as e
    left join payops.event_handlings as h on e.id = h.event_id
    where e.received_at <= (select max(m) from unnest(p_moments) as m)
      and e.received_at > (select min(m) - interval '7 days' from unnest(p_moments) as m)
      and (h.outcome is null or h.outcome in ('failed', 'dead') or h.handled_at > e.received_at + p_window)
  )
  select m.at, '', w.n, w.n, w.n >= p_threshold, w.n = 0, jsonb_build_object('oldest', w.oldest)
  from unnest(p_moments) as m (at)
  cross join lateral (
    select count(*) as n, min(l.received_at) as oldest
    from late as l where l.received_at <= m.at - p_window and l.until > m.at
  ) as w
$$;

-- webhook_silence: how long no event had arrived at this moment; null before the first event.
create function payops.webhook_silence(p_at timestamptz) returns interval
language sql stable
set search_path = '' as $$
  select p_at - e.received_at from payops.events as e
  where e.came_by = 'webhook' and e.received_at <= p_at
  order by e.received_at desc
  limit 1
$$;

-- recent_silence: the longest gap between the last 200 events, if there are at least `p_minimum` of them.
create function payops.recent_silence(p_at timestamptz, p_minimum integer) returns interval
language sql stable
set search_path = '' as $$
  select max(g.gap)
  from (
    select e.received_at - lag(e.received_at) over (order by e.received_at) as gap
    from (
      select n.received_at from payops.events as n
      where n.came_by = 'webhook' and n.received_at <= p_at
      order by n.received_at desc
      limit 200
    ) as e
  ) as g
  having count(*) >= p_minimum
$$;

-- observe_webhook_silence: at each moment, whether no event had arrived for longer than the threshold's multiple of
-- what is normal at this hour, and for longer than the window. Normal is the longest gap within an hour of the same
-- local time in the four weeks before; with less than two weeks of events, the longest gap between the last ones.
create function payops.observe_webhook_silence(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    m.at, '', extract(epoch from s.silence) / 60, 1,
    s.silence > p_window and s.silence > n.silence * p_threshold,
    s.silence <= p_window, jsonb_build_object('normal_minutes', extract(epoch from n.silence) / 60)
  from unnest(p_moments) as m (at)
  cross join payops.business as z
  cross join lateral (select payops.webhook_silence(m.at) as silence) as s
  left join lateral (
    select coalesce(w.longest, payops.recent_silence(m.at, p_minimum)) as silence
    from (
      select max(greatest(g.longest, h.ends - g.last)) as longest
      from unnest('{1,2,3,4}'::integer[]) as k (weeks)
      cross join lateral (
        select (m.at at time zone z.timezone - make_interval(weeks => k.weeks)) at time zone z.timezone as at
      ) as t
      cross join lateral (select t.at - interval '1 hour' as starts, t.at + interval '1 hour' as ends) as h
      cross join lateral (
        select max(p.at - p.before) as longest, max(p.at) as last
        from (
          select c.at, lag(c.at) over (order by c.at) as before
          from (
            (
              select e.received_at as at from payops.events as e
              where e.came_by = 'webhook' and e.received_at <= h.starts
              order by e.received_at desc
              limit 1
            )
            union all
            select e.received_at from payops.events as e
            where e.came_by = 'webhook' and e.received_at > h.starts and e.received_at <= h.ends
          ) as c
        ) as p
        having min(p.at) <= h.starts
      ) as g
      having count(*) >= 2
    ) as w
    right join (select true) as always on true
    where s.silence > p_window
  ) as n on true
$$;

-- observe_webhook_handling_slow: at each moment, the 95th percentile of the time between an event's arrival in the
-- window and its being applied. The events of all windows are read once.
create function payops.observe_webhook_handling_slow(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with handled as materialized (
    select e.received_at as at, extract(epoch from h.handled_at - e.received_at) * 1000 as ms
    from payops.events as e
    inner join payops.event_handlings as h on e.id = h.event_id
    where e.received_at > (select min(m) - p_window from unnest(p_moments) as m)
      and e.received_at <= (select max(m) from unnest(p_moments) as m)
      and e.came_by = 'webhook' and h.attempts = 1
  )
  select
    w.at, '', w.p95_ms, w.n, w.n >= p_minimum and w.p95_ms > p_threshold,
    w.n < p_minimum / 2.0 or w.p95_ms <= p_threshold * 0.8, '{}'::jsonb
  from (
    select m.at, count(h.at) as n, percentile_cont(0.95) within group (order by h.ms) as p95_ms
    from unnest(p_moments) as m (at)
    left join handled as h on h.at > m.at - p_window and h.at <= m.at
    group by m.at
  ) as w
$$;

-- observe_mirror_inaccurate: at each moment, the share of compared objects that matched Stripe in the last comparison.
create function payops.observe_mirror_inaccurate(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    m.at, '', c.accuracy, c.compared, c.accuracy < p_threshold, c.accuracy >= p_threshold,
    jsonb_build_object('wrong', c.wrong, 'healed', c.healed)
  from unnest(p_moments) as m (at)
  cross join lateral (
    select
      n.wrong, n.healed, n.equal + n.wrong as compared, n.equal::double precision / (n.equal + n.wrong) as accuracy
    from payops.comparisons as n
    where n.done_at <= m.at and n.equal + n.wrong >= p_minimum
    order by n.id desc
    limit 1
  ) as c
$$;
