-- What customers who changed more than once in a period come to in it, so that netting them costs the days of the period
-- and not the customers. What changes come to together is the sum, over all pairs of two of them, of what a pair adds: its
-- own net, less the nets without its first and without its last change, and again that of the changes between both. A
-- period holds a pair where it holds both its changes, and pairs are summed by the days of both.

-- block_start: where the block of so many days begins in which this day lies.
create function payops.block_start(p_day date, p_length integer) returns date
language sql immutable
return p_day - (p_day - date '0001-01-01') % p_length;

-- day_blocks: the fewest blocks of 64, 8 and single days that make up the days from the first up to the second.
create function payops.day_blocks(p_from date, p_until date) returns table (length integer, day date)
language sql immutable rows 30
set search_path = '' as $$
  select b.length, b.day
  from (
    select l.length, l.longer, payops.block_start(p_from + l.length - 1, l.length) + n * l.length as day
    from (values (1, 8), (8, 64), (64, null)) as l (length, longer)
    cross join lateral generate_series(
      0, (p_until - payops.block_start(p_from + l.length - 1, l.length)) / l.length - 1
    ) as n
  ) as b
  where b.longer is null or payops.block_start(b.day, b.longer) < p_from
    or payops.block_start(b.day, b.longer) + b.longer > p_until
$$;

-- add_change_pairs: the sums by pairs of days include those pairs of these customers' changes of which the second is at
-- the customer's moment or later, or with -1 no longer do. Without moments, all pairs.
create function payops.add_change_pairs(p_customers text[], p_since timestamptz[], p_times integer) returns void
language sql
set search_path = '' as $$
  insert into payops.change_pairs as p (
    currency, first_length, last_length, first_day, last_day, movement, customers, before_minor, after_minor
  )
  select
    d.currency, f.length, l.length, payops.block_start(d.first_day, f.length), payops.block_start(d.last_day, l.length),
    d.movement, p_times * sum(d.customers), p_times * sum(d.before_minor), p_times * sum(d.after_minor)
  from (
    select
      s.currency, (f.at at time zone b.timezone)::date as first_day, (s.at at time zone b.timezone)::date as last_day,
      m.movement, sum(m.times) as customers, sum(m.times * m.before_minor) as before_minor,
      sum(m.times * m.after_minor) as after_minor
    from unnest(p_customers, p_since) as c (customer_id, since)
    inner join payops.revenue_changes as s
      on c.customer_id = s.customer_id and s.at >= coalesce(c.since, '-infinity') and s.previous_at is not null
    inner join payops.revenue_changes as f on s.customer_id = f.customer_id and s.currency = f.currency and f.at < s.at
    cross join lateral (
      values
      (1, payops.net_movement(f.before_minor, s.after_minor, f.previous_at is not null), f.before_minor, s.after_minor),
      (-1, payops.net_movement(f.after_minor, s.after_minor, true), f.after_minor, s.after_minor),
      (-1, payops.net_movement(f.before_minor, s.before_minor, f.previous_at is not null), f.before_minor, s.before_minor),
      (
        (s.previous_at > f.at)::integer, payops.net_movement(f.after_minor, s.before_minor, true), f.after_minor,
        s.before_minor
      ),
      ((s.previous_at = f.at and f.after_minor = 0)::integer, 'returned', 0, 0)
    ) as m (times, movement, before_minor, after_minor)
    cross join payops.business as b
    where m.movement <> 'none' and m.times <> 0
    group by 1, 2, 3, 4
  ) as d
  cross join unnest(array[1, 8, 64]) as f (length)
  cross join unnest(array[1, 8, 64]) as l (length)
  group by 1, 2, 3, 4, 5, 6
  having sum(d.customers) <> 0 or sum(d.before_minor) <> 0 or sum(d.after_minor) <> 0
  on conflict (currency, first_length, last_length, first_day, last_day, movement) do update set
    customers = p.customers + excluded.customers, before_minor = p.before_minor + excluded.before_minor,
    after_minor = p.after_minor + excluded.after_minor
$$;

-- changed_blocks: the blocks of days from the first up to the second, without those before and after all changes.
create function payops.changed_blocks(p_from date, p_until date, p_currency text)
returns table (length integer, day date)
language sql stable rows 30
set search_path = '' as $$
  select b.length, b.day
  from payops.day_blocks(
    greatest(p_from, (select min(d.day) from payops.daily_movements as d where d.currency = p_currency)),
    least(p_until, (select max(d.day) + 1 from payops.daily_movements as d where d.currency = p_currency))
  ) as b
$$;

-- paired_changes: what the pairs add whose changes are both on the days from the first up to the second.
create function payops.paired_changes(p_from date, p_until date, p_currency text)
returns table (movement text, customers bigint, before_minor bigint, after_minor bigint)
language sql stable rows 10
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  with blocks as materialized (select b.length, b.day from payops.changed_blocks(p_from, p_until, p_currency) as b)
  select p.movement, sum(p.customers)::bigint, sum(p.before_minor)::bigint, sum(p.after_minor)::bigint
  from blocks as f
  inner join blocks as l on l.day + l.length > f.day
  inner join payops.change_pairs as p
    on p.currency = p_currency and f.length = p.first_length and l.length = p.last_length and f.day = p.first_day
    and l.day = p.last_day
  group by p.movement
$$;

-- netted_changes: the movements of a period, counted from the changes of these customers alone.
create function payops.netted_changes(p_customers text[], p_starts timestamptz, p_ends timestamptz, p_currency text)
returns table (movement text, customers bigint, before_minor bigint, after_minor bigint)
language sql stable rows 10
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  select k.movement, count(*), sum(n.before_minor)::bigint, sum(n.before_minor + n.change_minor)::bigint
  from (
    select
      sum(c.before_minor) filter (where c.previous_at is null or c.previous_at < p_starts)::bigint as before_minor,
      sum(c.after_minor - c.before_minor)::bigint as change_minor, min(c.first_at) < p_starts as known
    from unnest(p_customers) as k (id)
    inner join payops.revenue_changes as c
      on k.id = c.customer_id and c.currency = p_currency and c.at >= p_starts and c.at < p_ends
    group by c.customer_id
  ) as n
  cross join lateral payops.net_movement(n.before_minor, n.before_minor + n.change_minor, n.known) as k (movement)
  where k.movement <> 'none'
  group by k.movement
$$;

-- whole_days: the business days that a period is read from, and the customers with a change in only one of both. If the
-- last day is not over, it is read with or without, whichever leaves fewer changes between.
create function payops.whole_days(
  p_starts timestamptz, p_ends timestamptz, p_currency text, out first_day date, out last_day date, out starts timestamptz,
  out ends timestamptz, out between_both text[]
)
language plpgsql stable
set search_path = ''
set enable_seqscan = 'off' as $$
begin
  first_day := payops.business_day(p_starts);
  last_day := payops.business_day(p_ends);
  starts := payops.day_start(first_day);
  ends := payops.day_start(last_day);
  if (
    select count(*) from payops.revenue_changes as c where c.currency = p_currency and c.at >= ends and c.at < p_ends
  ) > (
    select count(*) from payops.revenue_changes as c
    where c.currency = p_currency and c.at >= p_ends and c.at < payops.day_start(last_day + 1)
  ) then
    last_day := last_day + 1;
    ends := payops.day_start(last_day);
  end if;
  between_both := array(
    select c.customer_id from payops.revenue_changes as c
    where c.currency = p_currency and c.at >= starts and c.at < p_starts
    union
    select c.customer_id from payops.revenue_changes as c
    where c.currency = p_currency and c.at >= least(p_ends, ends) and c.at < greatest(p_ends, ends)
  );
end
$$;

-- period_movements: a period's movements, netted customer by customer. A whole month has sums of its own. Other periods
-- are read from the sums of whole days and of pairs; customers with a change between those days and the period are
-- netted again.
create function payops.period_movements(p_starts timestamptz, p_ends timestamptz, p_currency text)
returns table (movement text, customers bigint, before_minor bigint, after_minor bigint)
language plpgsql stable rows 10
set search_path = ''
set enable_seqscan = 'off' as $$
declare
  this_month date := payops.business_day(p_starts);
  days record;
begin
  if p_starts = payops.month_starts(this_month) and p_ends = payops.month_starts((this_month + interval '1 month')::date) then
    return query
    select m.movement, m.customers, m.before_minor, m.after_minor
    from payops.monthly_movements as m
    where m.currency = p_currency and m.month = this_month and m.customers <> 0;
    return;
  end if;
  select w.* into days from payops.whole_days(p_starts, p_ends, p_currency) as w;
  return query
  select s.movement, sum(s.customers)::bigint, sum(s.before_minor)::bigint, sum(s.after_minor)::bigint
  from (
    select d.movement, d.customers, d.before_minor, d.after_minor
    from payops.daily_movements as d
    where d.currency = p_currency and d.day >= days.first_day and d.day < days.last_day
    union all
    select p.movement, p.customers, p.before_minor, p.after_minor
    from payops.paired_changes(days.first_day, days.last_day, p_currency) as p
    where p.movement <> 'returned'
    union all
    select n.movement, n.customers, n.before_minor, n.after_minor
    from payops.netted_changes(days.between_both, p_starts, p_ends, p_currency) as n
    union all
    select n.movement, -n.customers, -n.before_minor, -n.after_minor
    from payops.netted_changes(days.between_both, days.starts, days.ends, p_currency) as n
  ) as s
  group by s.movement
  having sum(s.customers) <> 0;
end
$$;

-- returned_customers: how many stopped to bring something in a period and came back in it, each time of a customer counted.
create function payops.returned_customers(p_starts timestamptz, p_ends timestamptz, p_currency text) returns bigint
language sql stable
set search_path = ''
set enable_seqscan = 'off' as $$
  select (
    coalesce((
      select p.customers from payops.paired_changes(k.first_day, k.last_day, p_currency) as p where p.movement = 'returned'
    ), 0)
    + ( -- came back on the last day
      select count(*) from payops.revenue_changes as c
      where c.currency = p_currency and c.at >= payops.day_start(k.last_day) and c.at < p_ends
        and c.movement = 'reactivated' and c.previous_at >= p_starts
    )
    - ( -- stopped on the first day, but before the period
      select count(*)
      from payops.revenue_changes as s
      inner join payops.revenue_changes as c
        on s.customer_id = c.customer_id and s.currency = c.currency and s.at = c.previous_at
      where s.currency = p_currency and s.at >= payops.day_start(k.first_day) and s.at < p_starts
        and c.movement = 'reactivated' and c.at < payops.day_start(k.last_day)
    )
  )::bigint
  from (select payops.business_day(p_starts) as first_day, payops.business_day(p_ends) as last_day) as k
$$;
