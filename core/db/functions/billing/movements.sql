-- The movements of recurring revenue in a period, customer by customer, and the customers behind each movement.

-- customer_movements: each customer's monthly revenue just before two moments, and the name of the movement between
-- them. Only customers who had revenue before the later moment.
create function payops.customer_movements(p_starts timestamptz, p_ends timestamptz, p_currency text)
returns table (customer_id text, before_minor bigint, after_minor bigint, movement text)
language sql stable rows 50000
set search_path = '' as $$
  with moved as (
    select
      h.customer_id,
      coalesce(sum(h.monthly_minor) filter (where h.starts_at < p_starts and h.ends_at >= p_starts), 0)::bigint as before,
      coalesce(sum(h.monthly_minor) filter (where h.ends_at >= p_ends), 0)::bigint as after,
      min(h.starts_at) < p_starts as known
    from payops.subscription_history as h
    where h.currency = p_currency and h.monthly_minor > 0 and h.starts_at < p_ends and h.customer_id is not null
    group by h.customer_id
  )
  select
    m.customer_id, m.before, m.after,
    case
      when m.before = 0 and m.after = 0 then 'none'
      when m.before = 0 and not m.known then 'new'
      when m.before = 0 then 'reactivated'
      when m.after = 0 then 'churned'
      when m.after > m.before then 'expansion'
      when m.after < m.before then 'contraction'
      else 'same'
    end
  from moved as m
$$;

-- period_moments: when a period of business days starts and ends, at most a moment after now.
create function payops.period_moments(
  p_since date, p_until date, p_now timestamptz, out starts timestamptz, out ends timestamptz
)
language sql stable
set search_path = '' as $$
  select
    p_since::timestamp at time zone b.timezone,
    least((p_until + 1)::timestamp at time zone b.timezone, p_now + interval '1 microsecond')
  from payops.business as b
$$;

-- recurring_revenue: recurring revenue at a period's start and end, and each movement in between with its number of
-- customers; start + movements = end.
create function payops.recurring_revenue(p_starts timestamptz, p_ends timestamptz, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with moved as (select m.* from payops.period_movements(p_starts, p_ends, p_currency) as m),
  changed as ( -- those who already paid at the start
    select
      coalesce(sum(m.before_minor), 0) as before,
      coalesce(sum(m.customers) filter (where m.movement not in ('new', 'reactivated')), 0) as customers
    from moved as m
  )
  select payops.waterfall(jsonb_agg(jsonb_build_object(
    'movement', s.movement, 'before', s.before, 'after', s.after, 'customers', s.customers
  )))
  from (
    select m.movement, m.before_minor as before, m.after_minor as after, m.customers from moved as m where m.movement <> 'same'
    union all
    select
      'same', l.minor - c.before + coalesce(k.before_minor, 0), l.minor - c.before + coalesce(k.after_minor, 0),
      l.customers - c.customers + coalesce(k.customers, 0)
    from payops.revenue_level(p_starts, p_currency) as l
    cross join changed as c
    left join moved as k on k.movement = 'same'
  ) as s
  where s.customers <> 0
$$;

-- waterfall: start, movements and end, computed from the revenue of each movement's customers before and after.
create function payops.waterfall(p_sums jsonb) returns jsonb
language sql immutable
set search_path = '' as $$
  select jsonb_build_object(
    'start', jsonb_build_object(
      'amount_minor', coalesce(sum(s.before), 0),
      'customers', coalesce(sum(s.customers) filter (where s.movement not in ('new', 'reactivated')), 0)
    ),
    'movements', coalesce(jsonb_object_agg(s.movement, jsonb_build_object(
      'amount_minor', s.after - s.before, 'customers', s.customers
    )) filter (where s.movement <> 'same'), '{}'),
    'end', jsonb_build_object(
      'amount_minor', coalesce(sum(s.after), 0),
      'customers', coalesce(sum(s.customers) filter (where s.movement <> 'churned'), 0)
    )
  )
  from jsonb_to_recordset(p_sums) as s (movement text, before numeric, after numeric, customers bigint)
$$;

-- why_lost: why each of these customers has no revenue any more: the state of their last subscription after it (unpaid,
-- paused, free), else the reason given when the subscription was canceled.
create function payops.why_lost(p_customers text[], p_ends timestamptz, p_currency text)
returns table (customer_id text, subscription_id text, lost_at timestamptz, reason text, feedback text)
language sql stable rows 10000
set search_path = '' as $$
  with last_paid as (
    select distinct on (h.customer_id) h.customer_id, h.subscription_id, h.ends_at
    from unnest(p_customers) as k (id)
    inner join payops.subscription_history as h on k.id = h.customer_id
    where h.currency = p_currency and h.monthly_minor > 0 and h.ends_at < p_ends
    order by h.customer_id, h.ends_at desc, h.subscription_id
  )
  select
    l.customer_id, l.subscription_id, l.ends_at,
    payops.loss_reason(n.status, n.pause_behavior, s.cancellation_reason),
    case when n.status is null then s.cancellation_feedback end
  from last_paid as l
  left join payops.subscriptions as s on l.subscription_id = s.id
  left join lateral (
    select h.status, h.pause_behavior
    from payops.subscription_history as h
    where h.subscription_id = l.subscription_id and h.starts_at = l.ends_at
    order by h.item_place
    limit 1
  ) as n on true
$$;

-- movement_customers: the customers behind one movement of a period, those with the most revenue first: their number,
-- their total and one page of them. `p_why` keeps those who left for one reason: `reason` or `reason:feedback`, as in
-- `losses_by_reason`.
create function payops_api.movement_customers(
  p_movement text, p_since date, p_until date, p_currency text, p_now timestamptz, p_most integer,
  p_after integer default 0, p_why text default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with bounds as (select b.starts, b.ends from payops.period_moments(p_since, p_until, p_now) as b),
  moved as (
    select m.customer_id, m.before_minor, m.after_minor, m.movement
    from bounds as b
    cross join lateral payops.changed_customers(b.starts, b.ends, p_currency) as m
    where m.movement = p_movement and p_movement not in ('start', 'end', 'same')
    union all
    select m.customer_id, m.before_minor, m.after_minor, m.movement
    from bounds as b
    cross join lateral payops.customer_movements(b.starts, b.ends, p_currency) as m
    where p_movement in ('start', 'end', 'same') and (
      m.movement = p_movement or p_movement = 'start' and m.before_minor > 0
      or p_movement = 'end' and m.after_minor > 0
    )
  ),
  found as (
    select m.* from moved as m where p_why is null
    union all
    select m.*
    from moved as m
    inner join bounds as b on p_why is not null
    inner join lateral payops.why_lost(
      array(select k.customer_id from moved as k where k.after_minor = 0), b.ends, p_currency
    ) as w on m.customer_id = w.customer_id
    where concat_ws(':', w.reason, w.feedback) = p_why
  ),
  page as (
    select f.* from found as f
    order by abs(f.after_minor - f.before_minor) desc, f.before_minor + f.after_minor desc, f.customer_id
    limit p_most offset p_after
  )
  select jsonb_build_object(
    'count', (select count(*) from found),
    'amount_minor', (
      select coalesce(sum(case p_movement
        when 'start' then f.before_minor when 'end' then f.after_minor else f.after_minor - f.before_minor
      end), 0)
      from found as f
    ),
    'rows', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', p.customer_id, 'currency', p_currency, 'before_minor', p.before_minor, 'after_minor', p.after_minor,
        'change_minor', p.after_minor - p.before_minor, 'patient_id', k.patient_id, 'movement', p.movement,
        'reason', w.reason, 'feedback', w.feedback, 'lost_at', w.lost_at,
        'subscription_id', coalesce(w.subscription_id, s.subscription_id)
      ) order by abs(p.after_minor - p.before_minor) desc, p.before_minor + p.after_minor desc, p.customer_id), '[]')
      from page as p
      cross join bounds as b
      left join payops.customers as k on p.customer_id = k.id
      left join lateral (
        select h.subscription_id from payops.subscription_history as h
        where h.customer_id = p.customer_id and h.currency = p_currency and h.monthly_minor > 0
          and h.starts_at < b.ends
        order by h.ends_at desc, h.monthly_minor desc, h.subscription_id
        limit 1
      ) as s on p.after_minor > 0
      left join payops.why_lost(
        array(select q.customer_id from page as q where q.after_minor = 0), b.ends, p_currency
      ) as w on p.customer_id = w.customer_id
    )
  )
  from bounds
$$;
