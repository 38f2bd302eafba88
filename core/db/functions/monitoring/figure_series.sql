-- figure_days: a figure on each business day of the period, for its sparkline; null on a day without data.
create function payops.figure_days(p_name text, p_since date, p_until date, p_currency text)
returns table (day date, value double precision)
language sql stable
set search_path = '' as $$
  with days as (select p_since + i as day from generate_series(0, p_until - p_since) as i),
  recurring as ( -- each day's change, added to the value at the period's start
    select m.day, sum(m.after_minor - m.before_minor) as change
    from payops.daily_movements as m
    where p_name = 'mrr' and m.currency = p_currency and m.day between p_since and p_until
    group by m.day
  ),
  began as (select l.minor from payops.revenue_level(payops.day_start(p_since), p_currency) as l where p_name = 'mrr'),
  intakes as (
    select k.day, k.assigned_at_once, k.consultations from payops.intakes_of_days(p_since, p_until) as k
    where p_name = 'assignment_success_rate'
  )
  select d.day, case p_name
    when 'mrr' then (select b.minor from began as b) + sum(coalesce(r.change, 0)) over (order by d.day)
    when 'net' then coalesce((
      select sum(b.net_minor) from payops.daily_balances as b
      where b.day = d.day and b.currency = p_currency
        and payops.counted_as(b.reporting_category) in ('charge', 'refund', 'dispute', 'fee', 'tax')
    ), 0)
    when 'authorization_rate' then (
      select a.succeeded::double precision / nullif(a.reached_network, 0) from payops.daily_attempts as a
      where a.day = d.day and a.currency = p_currency
    )
    when 'assignment_success_rate' then i.assigned_at_once::double precision / nullif(i.consultations, 0)
  end
  from days as d
  left join recurring as r on d.day = r.day
  left join intakes as i on d.day = i.day
$$;

-- intakes_of_days: the number of consultations received on each business day, and how many of them were assigned at
-- once.
create function payops.intakes_of_days(p_since date, p_until date)
returns table (day date, assigned_at_once bigint, consultations bigint)
language sql stable
set search_path = '' as $$
  with stale as (select payops.stale_days_between(p_since, p_until) as days)
  select
    o.day, coalesce(sum(o.observations) filter (where o.measure = 'assigned_at_once'), 0)::bigint,
    coalesce(sum(o.observations) filter (where o.measure = 'consultation'), 0)::bigint
  from stale
  inner join payops.daily_observations as o
    on o.measure in ('assigned_at_once', 'consultation') and o.type = '' and o.outcome = ''
    and o.day between p_since and p_until and o.day <> all(stale.days)
  group by o.day
  union all
  select d, payops.counted_on_days('assigned_at_once', d, d), payops.counted_on_days('consultation', d, d)
  from stale, unnest(stale.days) as d
$$;

-- figure_series: each of these figures on each business day of the period, for their sparklines.
create function payops_api.figure_series(p_names jsonb, p_since date, p_until date, p_currency text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_object_agg(s.name, s.days), '{}')
  from (
    select n.name, (
      select jsonb_agg(f.value order by f.day) from payops.figure_days(n.name, p_since, p_until, p_currency) as f
    ) as days
    from unnest(payops.text_array(p_names)) as n (name)
  ) as s
$$;
