-- Customer retention by the month of the first payment, and recurring revenue by month.

-- month_ends: the moments at which each of the last `p_months` months ends; for the current month, now.
create function payops.month_ends(p_months integer, p_now timestamptz) returns timestamptz[]
language sql stable
set search_path = '' as $$
  select array_agg(
    least((m + interval '1 month') at time zone b.timezone, p_now + interval '1 microsecond') order by m
  )
  from payops.business as b
  cross join generate_series(
    date_trunc('month', p_now at time zone b.timezone) - make_interval(months => p_months - 1),
    date_trunc('month', p_now at time zone b.timezone), interval '1 month'
  ) as m
$$;

-- cohort_retention: for each month of first payment (cohort): how many customers it has, and how many of them were
-- still paying at the end of that month and of each later month.
create function payops_api.cohort_retention(p_months integer, p_currency text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with months as (
    select m::date as month, n::integer
    from generate_series(
      date_trunc('month', payops.business_day(p_now)) - make_interval(months => p_months - 1),
      date_trunc('month', payops.business_day(p_now)), interval '1 month'
    ) with ordinality as s (m, n)
  ),
  changes as (
    select k.cohort, k.month, k.customers
    from payops.cohort_changes as k
    where k.currency = p_currency and k.cohort >= (select min(m.month) from months as m)
      and k.month <= (select max(m.month) from months as m)
    union all -- changes that are due later this month
    select
      date_trunc('month', payops.business_day(c.first_at))::date, date_trunc('month', payops.business_day(c.at))::date,
      case c.movement when 'churned' then 1 else -1 end
    from payops.revenue_changes as c
    where c.currency = p_currency and c.at > p_now and c.movement in ('new', 'reactivated', 'churned')
      and c.at < payops.day_start((date_trunc('month', payops.business_day(p_now)) + interval '1 month')::date)
      and c.first_at >= payops.day_start((select min(m.month) from months as m))
  ),
  sizes as ( -- each customer has exactly one first change
    select date_trunc('month', d.day)::date as cohort, sum(d.customers) as customers
    from payops.daily_movements as d
    where d.currency = p_currency and d.movement = 'new' and d.day >= (select min(m.month) from months as m)
      and d.day < payops.business_day(p_now)
    group by 1
    union all
    select date_trunc('month', payops.business_day(p_now))::date, count(*)
    from payops.revenue_changes as c
    where c.currency = p_currency and c.movement = 'new' and c.at <= p_now
      and c.at >= payops.day_start(payops.business_day(p_now))
  ),
  cohorts as (
    select s.cohort, sum(s.customers)::bigint as customers from sizes as s group by s.cohort having sum(s.customers) > 0
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'month', c.cohort, 'customers', c.customers, 'paying', (
      select jsonb_agg(
        (select coalesce(sum(k.customers), 0) from changes as k where k.cohort = c.cohort and k.month <= m.month)
        order by m.month
      )
      from months as m where m.month >= c.cohort
    )
  ) order by c.cohort), '[]')
  from cohorts as c
$$;

-- revenue_by_month: recurring revenue and its movements in each of the last `p_months` months, the current one up to
-- now; each month as `recurring_revenue` computes it.
create function payops_api.revenue_by_month(p_months integer, p_currency text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    jsonb_build_object('month', to_char(m.starts at time zone b.timezone, 'YYYY-MM-DD'))
    || payops.recurring_revenue(m.starts, m.ends, p_currency)
    order by m.starts
  ), '[]')
  from payops.business as b
  cross join (
    select e.moment as starts, lead(e.moment) over (order by e.n) as ends
    from unnest(payops.month_ends(p_months + 1, p_now)) with ordinality as e (moment, n)
  ) as m
  where m.ends is not null
$$;
