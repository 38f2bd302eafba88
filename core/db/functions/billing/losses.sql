-- Why a period's lost customers left, summed like the movements: by the pairs of changes that a period holds.

-- loss_reason: why a customer left: the state of their subscription after it (unpaid, paused, free), else the reason
-- given when it was canceled.
create function payops.loss_reason(p_status text, p_pause_behavior text, p_cancellation_reason text) returns text
language sql immutable
return case
  when p_status = 'unpaid' then 'unpaid'
  when p_pause_behavior is not null or p_status = 'paused' then 'paused'
  when p_status is not null then 'free'
  else coalesce(p_cancellation_reason, 'not_said')
end;

-- why_lost_at: why a customer who brings nothing from this moment on left: what came after the subscription, else what
-- was said when it was canceled.
create function payops.why_lost_at(
  p_customer_id text, p_currency text, p_moment timestamptz, out reason text, out feedback text
)
language sql stable
set search_path = '' as $$
  select
    payops.loss_reason(n.status, n.pause_behavior, s.cancellation_reason),
    case when n.status is null then s.cancellation_feedback end
  from (
    select min(h.subscription_id) as subscription_id from payops.subscription_history as h
    where h.customer_id = p_customer_id and h.currency = p_currency and h.monthly_minor > 0 and h.ends_at = p_moment
  ) as l
  left join payops.subscriptions as s on l.subscription_id = s.id
  left join lateral (
    select h.status, h.pause_behavior
    from payops.subscription_history as h
    where h.subscription_id = l.subscription_id and h.starts_at = p_moment
    order by h.item_place
    limit 1
  ) as n on true
$$;

-- add_loss_pairs: adds to the sums of losses those pairs of these customers' changes, and those changes alone, of which
-- the second is at the customer's moment or later, or with -1 takes them out. Without moments, all.
create function payops.add_loss_pairs(p_customers text[], p_since timestamptz[], p_times integer) returns void
language sql
set search_path = '' as $$
  insert into payops.loss_pairs as p (
    currency, first_length, last_length, first_day, last_day, reason, feedback, customers, amount_minor
  )
  select
    d.currency, f.length, l.length, payops.block_start(d.first_day, f.length), payops.block_start(d.last_day, l.length),
    d.reason, d.feedback, p_times * sum(d.customers), p_times * sum(d.amount_minor)
  from (
    select
      s.currency, (f.at at time zone b.timezone)::date as first_day, (s.at at time zone b.timezone)::date as last_day,
      m.reason, coalesce(m.feedback, '') as feedback, sum(m.times) as customers, sum(m.times * m.minor) as amount_minor
    from unnest(p_customers, p_since) as c (customer_id, since)
    inner join payops.revenue_changes as s
      on c.customer_id = s.customer_id and s.at >= coalesce(c.since, '-infinity')
      and (s.before_minor = 0 or s.after_minor = 0)
    inner join payops.revenue_changes as f on s.customer_id = f.customer_id and s.currency = f.currency and f.at <= s.at
    left join payops.revenue_changes as q
      on s.before_minor = 0 and s.customer_id = q.customer_id and s.currency = q.currency and s.previous_at = q.at
    cross join lateral (
      values
      ((s.after_minor = 0)::integer, f.before_minor, s.lost_reason, s.lost_feedback),
      (-(s.after_minor = 0 and f.at < s.at)::integer, f.after_minor, s.lost_reason, s.lost_feedback),
      (-(s.before_minor = 0 and f.at < s.at)::integer, f.before_minor, q.lost_reason, q.lost_feedback),
      ((s.before_minor = 0 and f.at < s.previous_at)::integer, f.after_minor, q.lost_reason, q.lost_feedback)
    ) as m (times, minor, reason, feedback)
    cross join payops.business as b
    where m.times <> 0 and m.minor > 0
    group by 1, 2, 3, 4, 5
  ) as d
  cross join unnest(array[1, 8, 64]) as f (length)
  cross join unnest(array[1, 8, 64]) as l (length)
  group by 1, 2, 3, 4, 5, 6, 7
  having sum(d.customers) <> 0 or sum(d.amount_minor) <> 0
  on conflict (currency, first_length, last_length, first_day, last_day, reason, feedback) do update set
    customers = p.customers + excluded.customers, amount_minor = p.amount_minor + excluded.amount_minor
$$;

-- lost_of: how many of these customers a period lost and what they brought, by why they left.
create function payops.lost_of(p_customers text[], p_starts timestamptz, p_ends timestamptz, p_currency text)
returns table (reason text, feedback text, customers bigint, amount_minor bigint)
language sql stable rows 10
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  select n.reason, coalesce(n.feedback, ''), count(*), sum(n.before_minor)::bigint
  from (
    select
      sum(c.before_minor) filter (where c.previous_at is null or c.previous_at < p_starts)::bigint as before_minor,
      sum(c.after_minor - c.before_minor)::bigint as change_minor,
      (array_agg(c.lost_reason order by c.at desc))[1] as reason,
      (array_agg(c.lost_feedback order by c.at desc))[1] as feedback
    from unnest(p_customers) as k (id)
    inner join payops.revenue_changes as c
      on k.id = c.customer_id and c.currency = p_currency and c.at >= p_starts and c.at < p_ends
    group by c.customer_id
  ) as n
  where n.before_minor > 0 and n.before_minor + n.change_minor = 0
  group by 1, 2
$$;

-- losses_by_reason: the period's churned customers and what they brought, by why they left.
create function payops.losses_by_reason(p_starts timestamptz, p_ends timestamptz, p_currency text) returns jsonb
language sql stable
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  with days as materialized (select w.* from payops.whole_days(p_starts, p_ends, p_currency) as w),
  blocks as materialized (
    select b.length, b.day
    from days as w
    cross join lateral payops.changed_blocks(w.first_day, w.last_day, p_currency) as b
  ),
  parts as (
    select p.reason, p.feedback, p.customers, p.amount_minor
    from blocks as f
    inner join blocks as l on l.day + l.length > f.day
    inner join payops.loss_pairs as p
      on p.currency = p_currency and f.length = p.first_length and l.length = p.last_length and f.day = p.first_day
      and l.day = p.last_day
    union all
    select n.reason, n.feedback, n.customers, n.amount_minor
    from days as w
    cross join lateral payops.lost_of(w.between_both, p_starts, p_ends, p_currency) as n
    union all
    select n.reason, n.feedback, -n.customers, -n.amount_minor
    from days as w
    cross join lateral payops.lost_of(w.between_both, w.starts, w.ends, p_currency) as n
  )
  select coalesce(jsonb_agg(to_jsonb(r) order by r.amount_minor desc, r.reason, r.feedback), '[]')
  from (
    select p.reason, nullif(p.feedback, '') as feedback, sum(p.customers)::bigint as customers,
      sum(p.amount_minor)::bigint as amount_minor
    from parts as p
    group by p.reason, p.feedback
    having sum(p.customers) <> 0
  ) as r
$$;
