-- Every change of a customer's monthly revenue, derived from the history of subscriptions and summed by day, so that
-- reading a period costs only as much as changed in it. "At a moment" means just before it.

-- revenue_changes_of: every change of these customers' monthly revenue, from the history of their subscriptions.
create function payops.revenue_changes_of(p_customers text[]) returns setof payops.revenue_changes
language sql stable
set search_path = '' as $$
  select
    c.customer_id, c.currency, c.at, (c.after - c.change)::bigint, c.after::bigint,
    case
      when c.after = c.change and c.previous_at is null then 'new'
      when c.after = c.change then 'reactivated'
      when c.after = 0 then 'churned'
      when c.change > 0 then 'expansion'
      else 'contraction'
    end, c.previous_at, c.first_at, w.reason, w.feedback
  from (
    select
      d.customer_id, d.currency, d.at, d.change, sum(d.change) over following as after,
      lag(d.at) over following as previous_at, first_value(d.at) over following as first_at
    from (
      select h.customer_id, h.currency, m.at, sum(m.change) as change
      from payops.subscription_history as h
      cross join lateral (values (h.starts_at, h.monthly_minor), (h.ends_at, -h.monthly_minor)) as m (at, change)
      where h.customer_id = any(p_customers) and h.monthly_minor > 0 and m.at < 'infinity'
      group by h.customer_id, h.currency, m.at
      having sum(m.change) <> 0
    ) as d
    window following as (partition by d.customer_id, d.currency order by d.at)
  ) as c
  left join lateral payops.why_lost_at(c.customer_id, c.currency, c.at) as w on c.after = 0
$$;

-- month_starts: the moment at which a month of business days begins.
create function payops.month_starts(p_month date) returns timestamptz
language sql stable
set search_path = '' as $$
  select date_trunc('month', p_month)::timestamp at time zone b.timezone from payops.business as b
$$;

-- add_revenue_changes: adds the changes of these customers to the sums by day, month and cohort, or subtracts them with
-- -1.
create function payops.add_revenue_changes(p_customers text[], p_times integer) returns void
language sql
set search_path = '' as $$
  insert into payops.daily_movements as d (currency, day, movement, customers, before_minor, after_minor)
  select
    c.currency, payops.business_day(c.at), c.movement, p_times * count(*), p_times * sum(c.before_minor),
    p_times * sum(c.after_minor)
  from payops.revenue_changes as c
  where c.customer_id = any(p_customers)
  group by 1, 2, 3
  on conflict (currency, day, movement) do update set
    customers = d.customers + excluded.customers, before_minor = d.before_minor + excluded.before_minor,
    after_minor = d.after_minor + excluded.after_minor;
  insert into payops.monthly_movements as m (currency, month, movement, customers, before_minor, after_minor)
  select
    n.currency, n.month, k.movement, p_times * count(*), p_times * sum(n.before_minor), p_times * sum(n.after_minor)
  from (
    select
      c.currency, d.month, (array_agg(c.before_minor order by c.at))[1] as before_minor,
      (array_agg(c.after_minor order by c.at desc))[1] as after_minor, min(c.first_at) as first_at
    from payops.revenue_changes as c
    cross join lateral (select date_trunc('month', payops.business_day(c.at))::date as month) as d
    where c.customer_id = any(p_customers)
    group by c.customer_id, c.currency, d.month
  ) as n
  cross join lateral payops.net_movement(
    n.before_minor, n.after_minor, n.first_at < payops.month_starts(n.month)
  ) as k (movement)
  where k.movement <> 'none'
  group by 1, 2, 3
  on conflict (currency, month, movement) do update set
    customers = m.customers + excluded.customers, before_minor = m.before_minor + excluded.before_minor,
    after_minor = m.after_minor + excluded.after_minor;
  insert into payops.cohort_changes as k (currency, cohort, month, customers)
  select
    c.currency, date_trunc('month', payops.business_day(c.first_at))::date,
    date_trunc('month', payops.business_day(c.at))::date,
    p_times * sum(case c.movement when 'churned' then -1 else 1 end)
  from payops.revenue_changes as c
  where c.customer_id = any(p_customers) and c.movement in ('new', 'reactivated', 'churned')
  group by 1, 2, 3
  on conflict (currency, cohort, month) do update set customers = k.customers + excluded.customers
$$;

-- rebuild_revenue_changes: rebuilds the changes of these customers from the history, and corrects the sums. Nothing is
-- written for a customer whose changes stay the same.
create function payops.rebuild_revenue_changes(p_customers text[]) returns void
language plpgsql
set search_path = '' as $$
declare
  present payops.revenue_changes[] := array(select c from payops.revenue_changes_of(p_customers) as c);
  differing text[];
  since timestamptz[]; -- from when on they differ
begin
  select array_agg(d.customer_id), array_agg(d.at) into differing, since
  from (
    select coalesce(n.customer_id, o.customer_id) as customer_id, min(coalesce(n.at, o.at)) as at
    from unnest(present) as n
    full join (select c.* from payops.revenue_changes as c where c.customer_id = any(p_customers)) as o
      on n.customer_id = o.customer_id and n.currency = o.currency and n.at = o.at
    where (n.before_minor, n.after_minor, n.previous_at, n.lost_reason, n.lost_feedback)
      is distinct from (o.before_minor, o.after_minor, o.previous_at, o.lost_reason, o.lost_feedback)
    group by 1
  ) as d;
  if differing is null then
    return;
  end if;
  perform payops.add_revenue_changes(differing, -1);
  perform payops.add_change_pairs(differing, since, -1);
  perform payops.add_loss_pairs(differing, since, -1);
  delete from payops.revenue_changes where customer_id = any(differing);
  insert into payops.revenue_changes select n.* from unnest(present) as n where n.customer_id = any(differing);
  perform payops.add_revenue_changes(differing, 1);
  perform payops.add_change_pairs(differing, since, 1);
  perform payops.add_loss_pairs(differing, since, 1);
end
$$;

-- sum_revenue_changes: rebuilds the sums by day, month and cohort, and of pairs, in the current business timezone.
create function payops.sum_revenue_changes() returns void
language sql
set search_path = '' as $$
  delete from payops.daily_movements;
  delete from payops.monthly_movements;
  delete from payops.cohort_changes;
  delete from payops.change_pairs;
  delete from payops.loss_pairs;
  select
    payops.add_revenue_changes(k.customers, 1), payops.add_change_pairs(k.customers, null, 1),
    payops.add_loss_pairs(k.customers, null, 1)
  from (select array_agg(distinct c.customer_id) as customers from payops.revenue_changes as c) as k
$$;

-- revenue_level: total monthly revenue at a moment, and the number of customers who pay it.
create function payops.revenue_level(p_moment timestamptz, p_currency text, out minor bigint, out customers bigint)
language sql stable
set search_path = '' as $$
  select
    coalesce(sum(c.after_minor - c.before_minor), 0)::bigint,
    coalesce(sum(
      case when c.movement in ('new', 'reactivated') then c.customers when c.movement = 'churned' then -c.customers else 0 end
    ), 0)::bigint
  from payops.changes_between('-infinity', p_moment, p_currency) as c
$$;

-- changes_between: the changes between two moments, summed by movement: whole days from the sums by day, the hours
-- before and after them from the changes themselves.
create function payops.changes_between(p_starts timestamptz, p_ends timestamptz, p_currency text)
returns table (movement text, customers bigint, before_minor bigint, after_minor bigint)
language sql stable rows 10
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  with days as (
    select
      payops.business_day(p_starts) as first_day, payops.business_day(p_ends) as last_day,
      payops.day_start(payops.business_day(p_starts)) as first_starts,
      payops.day_start(payops.business_day(p_ends)) as last_starts
  ),
  parts as (
    select d.movement, d.customers, d.before_minor, d.after_minor
    from days as k
    inner join payops.daily_movements as d
      on d.currency = p_currency and d.day >= k.first_day and d.day < k.last_day
    union all
    select c.movement, 1, c.before_minor, c.after_minor
    from days as k
    inner join payops.revenue_changes as c on c.currency = p_currency and c.at >= k.last_starts and c.at < p_ends
    union all
    select c.movement, -1, -c.before_minor, -c.after_minor
    from days as k
    inner join payops.revenue_changes as c on c.currency = p_currency and c.at >= k.first_starts and c.at < p_starts
  )
  select p.movement, sum(p.customers)::bigint, sum(p.before_minor)::bigint, sum(p.after_minor)::bigint
  from parts as p
  where p_starts < p_ends
  group by p.movement
$$;

-- net_movement: the name of a customer's net movement between the start and the end of a period.
create function payops.net_movement(p_before bigint, p_after bigint, p_known boolean) returns text
language sql immutable
return case
  when p_before = 0 and p_after = 0 then 'none'
  when p_before = 0 and not p_known then 'new'
  when p_before = 0 then 'reactivated'
  when p_after = 0 then 'churned'
  when p_after > p_before then 'expansion'
  when p_after < p_before then 'contraction'
  else 'same'
end;

-- changed_customers: each customer whose revenue changed in a period, their revenue before and after, and the name of
-- the net movement. The revenue before is that before the first change in the period.
create function payops.changed_customers(p_starts timestamptz, p_ends timestamptz, p_currency text)
returns table (customer_id text, before_minor bigint, after_minor bigint, movement text)
language sql stable rows 1000
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  select
    m.customer_id, m.before_minor, m.before_minor + m.change_minor,
    payops.net_movement(m.before_minor, m.before_minor + m.change_minor, m.known)
  from (
    select
      c.customer_id,
      sum(c.before_minor) filter (where c.previous_at is null or c.previous_at < p_starts)::bigint as before_minor,
      sum(c.after_minor - c.before_minor)::bigint as change_minor, min(c.first_at) < p_starts as known
    from payops.revenue_changes as c
    where c.currency = p_currency and c.at >= p_starts and c.at < p_ends
    group by c.customer_id
  ) as m
$$;
