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

-- cohort_customers: the customers who first paid in the month `p_cohort` and still paid at the end of `p_month` (in the
-- current month: now), exactly those that `cohort_retention` counts, with the most revenue first: their number, their
-- total and one page of them.
create function payops_api.cohort_customers(
  p_cohort date, p_month date, p_currency text, p_now timestamptz, p_most integer, p_after integer default 0
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with moments as (
    select
      payops.month_starts(p_cohort) as joined_since,
      payops.month_starts((p_cohort + interval '1 month')::date) as joined_until,
      least(payops.month_starts((p_month + interval '1 month')::date), p_now + interval '1 microsecond') as ends
  ),
  found as (
    select n.customer_id, n.at as first_at, n.after_minor as first_minor, l.after_minor
    from moments as m
    inner join payops.revenue_changes as n
      on n.currency = p_currency and n.movement = 'new' and n.at >= m.joined_since and n.at < m.joined_until
    cross join lateral (
      select c.after_minor
      from payops.revenue_changes as c
      where c.customer_id = n.customer_id and c.currency = p_currency and c.at < m.ends
      order by c.at desc
      limit 1
    ) as l
    where l.after_minor > 0
  ),
  page as (select f.* from found as f order by f.after_minor desc, f.customer_id limit p_most offset p_after)
  select jsonb_build_object(
    'count', (select count(*) from found),
    'amount_minor', (select coalesce(sum(f.after_minor), 0) from found as f),
    'rows', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.customer_id, 'currency', p_currency, 'first_at', p.first_at, 'first_minor', p.first_minor,
        'after_minor', p.after_minor, 'patient_id', k.patient_id, 'subscription_id', s.subscription_id
      ) order by p.after_minor desc, p.customer_id), '[]')
      from page as p
      cross join moments as m
      left join payops.customers as k on p.customer_id = k.id
      left join lateral (
        select h.subscription_id
        from payops.subscription_history as h
        where h.customer_id = p.customer_id and h.currency = p_currency and h.monthly_minor > 0 and h.starts_at < m.ends
        order by h.ends_at desc, h.monthly_minor desc, h.subscription_id
        limit 1
      ) as s on true
    )
  )
$$;
