-- The phases of a subscription with their start and end, from the events and answers recorded about it.

-- recorded_states: the recorded states of these subscriptions, the last one of each second in the mirror's order. A
-- state counts from its second, an end from the moment it names. If two events of one second have no known order,
-- Stripe's answer to a refetch counts from that second.
create function payops.recorded_states(p_ids text[])
returns table (
  subscription_id text, place bigint, starts_at timestamptz, told_at timestamptz, told_by text, created timestamptz,
  state jsonb, previous jsonb
)
language sql stable
set search_path = '' as $$
  with last_of_second as (
    select distinct on (s.subscription_id, s.as_of)
      s.subscription_id, s.as_of, s.event_id, s.created, s.state, s.previous,
      count(*) over (partition by s.subscription_id, s.as_of) > 1 as tied
    from payops.subscription_snapshots as s
    inner join payops.subscriptions as present on s.subscription_id = present.id
    where s.subscription_id = any(p_ids)
    order by s.subscription_id, s.as_of, s.state_rank desc, s.event_id desc
  ),
  in_order as (
    select
      s.*, row_number() over following as place, lag(s.as_of) over following as before,
      lag(s.tied) over following as after_a_tie
    from last_of_second as s
    window following as (partition by s.subscription_id order by s.as_of)
  )
  select
    s.subscription_id, s.place,
    case
      when s.event_id = 'fetch' and s.after_a_tie then s.before
      when s.state ->> 'ended_at' is not null
        then greatest(s.before, least(s.as_of, (s.state ->> 'ended_at')::timestamptz))
      else s.as_of
    end,
    s.as_of, s.event_id, s.created, s.state, s.previous
  from in_order as s
$$;

-- earlier_states: the states of these subscriptions before their first recorded one, derived from it: on trial, then
-- active. When one became unpaid or paused is not recorded: it counts from the event that says so, or else from its
-- current period.
create function payops.earlier_states(p_ids text[])
returns table (
  subscription_id text, starts_at timestamptz, status text, pause_behavior text, state jsonb
)
language sql stable
set search_path = '' as $$
  with first_told as (
    select
      t.subscription_id, t.starts_at as until, coalesce(t.previous, t.state) as state,
      t.told_by = 'fetch' or t.previous is not null as is_old, t.created
    from payops.recorded_states(p_ids) as t
    where t.place = 1
  ),
  known as (
    select
      f.*, f.state ->> 'status' as status,
      least(coalesce((f.state ->> 'start_date')::timestamptz, f.created), f.until) as begins,
      (f.state ->> 'trial_end')::timestamptz as trial_ends
    from first_told as f
  ),
  dated as (
    select
      k.*, coalesce((k.state ->> 'trial_start')::timestamptz, k.begins) as trial_starts,
      case
        when k.is_old
          then least(greatest((k.state ->> 'current_period_start')::timestamptz, k.begins), k.until)
        else k.until
      end as stopped
    from known as k
  )
  select distinct on (d.subscription_id, at.moment)
    d.subscription_id, at.moment,
    case
      when d.status in ('incomplete', 'incomplete_expired') then d.status
      when at.moment >= d.trial_starts and at.moment < d.trial_ends then 'trialing'
      -- a trial that ended with the subscription, or within the day, was never paid for
      when d.status = 'canceled' and at.moment >= d.trial_ends and d.until <= d.trial_ends + interval '1 day'
        then 'trialing'
      when d.status = 'paused' and at.moment >= d.trial_ends then 'paused'
      when d.status in ('unpaid', 'paused') and at.moment >= d.stopped then d.status
      when d.status = 'past_due' then 'past_due'
      else 'active'
    end,
    case when at.moment >= d.stopped then d.state ->> 'pause_behavior' end,
    d.state
  from dated as d
  cross join unnest(array[d.begins, d.trial_starts, d.trial_ends, d.stopped]) as at (moment)
  where at.moment >= d.begins and at.moment < d.until
  order by d.subscription_id, at.moment
$$;

-- subscription_phases: the phases of these subscriptions without gaps. After the end of a trial, the subscription
-- counts as paid unless another state was recorded since.
create function payops.subscription_phases(p_ids text[])
returns table (
  subscription_id text, starts_at timestamptz, ends_at timestamptz, told_at timestamptz, status text,
  pause_behavior text, state jsonb
)
language sql stable
set search_path = '' as $$
  with said as (
    select t.subscription_id, t.place, t.starts_at, t.told_at, t.state ->> 'status' as status,
      t.state ->> 'pause_behavior' as pause_behavior, t.state
    from payops.recorded_states(p_ids) as t
    union all
    select e.subscription_id, 0, e.starts_at, '-infinity', e.status, e.pause_behavior, e.state
    from payops.earlier_states(p_ids) as e
  ),
  in_order as (
    select
      s.*, lead(s.starts_at, 1, 'infinity') over following as ends_at, lead(s.status) over following as next_status,
      case when s.status = 'trialing' then (s.state ->> 'trial_end')::timestamptz end as trial_ends
    from said as s
    window following as (partition by s.subscription_id order by s.starts_at, s.place)
  ),
  split as (
    select
      o.*, case
        when o.trial_ends > o.starts_at and o.trial_ends < o.ends_at
          and coalesce(o.next_status, 'active') in ('active', 'past_due') then o.trial_ends
      end as paid_from
    from in_order as o
  )
  select s.subscription_id, s.starts_at, coalesce(s.paid_from, s.ends_at), s.told_at, s.status, s.pause_behavior, s.state
  from split as s
  where s.starts_at < s.ends_at
  union all
  select s.subscription_id, s.paid_from, s.ends_at, s.told_at, 'active', s.pause_behavior, s.state
  from split as s
  where s.paid_from is not null
$$;

-- discount_terms: the recurring discounts of these subscriptions and their customers, with start, end and amount. A
-- customer has one at a time: a new one replaces it.
create function payops.discount_terms(p_ids text[])
returns table (subscription_id text, terms jsonb)
language sql stable
set search_path = '' as $$
  with subscribed as (
    select s.id, s.customer_id from payops.subscriptions as s where s.id = any(p_ids)
  ),
  listed as (
    select distinct s.subscription_id, l.id
    from payops.subscription_snapshots as s
    cross join unnest(array[s.state, s.previous]) as said (state)
    cross join lateral (
      select d from jsonb_array_elements_text(coalesce(nullif(said.state -> 'discounts', 'null'), '[]')) as d
      union all
      select d
      from jsonb_array_elements(said.state -> 'items') as i
      cross join jsonb_array_elements_text(coalesce(nullif(i -> 'discounts', 'null'), '[]')) as d
    ) as l (id)
    where s.subscription_id = any(p_ids)
  ),
  theirs as (
    select l.subscription_id, d.id, false as of_the_customer, null::timestamptz as replaced_at
    from listed as l
    inner join payops.discounts as d on l.id = d.id
    union
    select d.subscription_id, d.id, false, null
    from payops.discounts as d
    where d.subscription_id = any(p_ids) and not d.of_one_invoice
    union
    select s.id, d.id, true, d.replaced_at
    from (
      select c.id, c.customer_id, lead(c.starts_at) over (partition by c.customer_id order by c.starts_at, c.id) as replaced_at
      from payops.discounts as c
      where c.customer_id in (select u.customer_id from subscribed as u)
        and c.subscription_id is null and c.subscription_item_id is null and not c.of_one_invoice
    ) as d
    inner join subscribed as s on d.customer_id = s.customer_id
    where d.id not in (select l.id from listed as l)
  )
  select t.subscription_id, jsonb_agg(jsonb_build_object(
    'id', d.id, 'of_the_customer', t.of_the_customer, 'item', d.subscription_item_id, 'starts_at', d.starts_at,
    'ends_at', least(
      coalesce(d.ends_at, case c.duration
        when 'repeating' then (d.starts_at at time zone 'UTC' + make_interval(months => c.duration_in_months)) at time zone 'UTC'
      end),
      d.deleted_at, t.replaced_at
    ),
    'percent', c.percent_off, 'amounts', c.amounts_off, 'products', p.products
  ))
  from theirs as t
  inner join payops.discounts as d on t.id = d.id
  inner join payops.coupons as c on d.coupon_id = c.id
  left join payops.coupon_products as p on c.id = p.id
  where c.duration in ('forever', 'repeating')
  group by t.subscription_id
$$;

-- discounts_at: the discounts of a subscription that apply at a moment, in the order of application: the items' own,
-- then the subscription's, and the customer's only if the subscription has none. The list in the subscription's last
-- recorded state is authoritative; discounts that began later are added.
create function payops.discounts_at(p_terms jsonb, p_state jsonb, p_told_at timestamptz, p_moment timestamptz)
returns jsonb
language sql stable
set search_path = '' as $$
  with listed as (
    select d.id, null::text as item, d.n, false as of_an_item
    from jsonb_array_elements_text(coalesce(nullif(p_state -> 'discounts', 'null'), '[]')) with ordinality as d (id, n)
    union all
    select d.id, i.item ->> 'id', 100 * i.n + d.n, true
    from jsonb_array_elements(p_state -> 'items') with ordinality as i (item, n)
    cross join jsonb_array_elements_text(coalesce(nullif(i.item -> 'discounts', 'null'), '[]')) with ordinality as d (id, n)
  ),
  holding as (
    select
      t.value - '{starts_at,ends_at,of_the_customer}'::text[] || jsonb_build_object('item', coalesce(l.item, t.value ->> 'item'))
        as terms,
      t.value ->> 'starts_at' as starts_at, l.n,
      case
        when (t.value ->> 'of_the_customer')::boolean then 2
        when l.of_an_item or l.id is null and t.value ->> 'item' is not null then 0
        else 1
      end as level
    from jsonb_array_elements(p_terms) as t
    left join listed as l on t.value ->> 'id' = l.id
    where (t.value ->> 'starts_at')::timestamptz <= p_moment
      and (t.value ->> 'ends_at' is null or (t.value ->> 'ends_at')::timestamptz > p_moment)
      and (
        l.id is not null or (t.value ->> 'of_the_customer')::boolean
        or (t.value ->> 'starts_at')::timestamptz > p_told_at
        or coalesce(p_state -> 'discounts', 'null') = 'null'
      )
  )
  select coalesce(jsonb_agg(h.terms order by h.level, h.n, h.starts_at, h.terms ->> 'id'), '[]')
  from holding as h
  where h.level < 2 or not exists (select from holding as own where own.level = 1)
$$;
