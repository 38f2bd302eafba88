-- state_coverage: each state with its active licensed providers of today, their free slots, and its demand: what waits
-- and what came in the last 30 days.
create function payops_api.state_coverage(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with covered as (
    select l.state, count(distinct p.id) as providers, sum(greatest(p.capacity - p.pending, 0)) as free_slots
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id and p.active
    where l.status = 'active' and l.valid_from <= p_now and l.valid_until > p_now
    group by l.state
  ),
  waiting as (
    select c.state, count(*) as n from payops.consultations as c where c.status = 'waiting' group by c.state
  ),
  recent as (
    select c.state, count(*) as n from payops.consultations as c
    where c.received_at > p_now - interval '30 days' and c.received_at <= p_now
    group by c.state
  )
  select jsonb_agg(jsonb_build_object(
    'state', s.code, 'name', s.name, 'providers', coalesce(v.providers, 0), 'free_slots', coalesce(v.free_slots, 0),
    'waiting', coalesce(w.n, 0), 'demand_30_days', coalesce(r.n, 0)
  ) order by s.code)
  from payops.states as s
  left join covered as v on s.code = v.state
  left join waiting as w on s.code = w.state
  left join recent as r on s.code = r.state
$$;

-- distribution: how the consultations assigned in the last days were spread over the active providers, against an
-- equal share by capacity, with the share of fallbacks; at most 1,000 providers.
create function payops_api.distribution(p_days integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with assigned as (
    select c.provider_id, count(*) as n, count(*) filter (where c.match = 'fallback') as fallbacks
    from payops.consultations as c
    where c.received_at > p_now - make_interval(days => p_days) and c.provider_id is not null
    group by c.provider_id
  ),
  shares as (
    select
      p.id, p.name, p.pending, p.capacity, coalesce(a.n, 0) as assigned, coalesce(a.fallbacks, 0) as fallbacks,
      sum(coalesce(a.n, 0)) over () * p.capacity / (sum(p.capacity) over ())::double precision as fair_share
    from payops.providers as p
    left join assigned as a on p.id = a.provider_id
    where p.active or a.n > 0
  )
  select jsonb_build_object(
    'assigned', coalesce(sum(s.assigned), 0), 'fallbacks', coalesce(sum(s.fallbacks), 0),
    'items', coalesce(jsonb_agg(to_jsonb(s) order by s.assigned desc, s.id) filter (where s.place <= 1000), '[]')
  )
  from (select h.*, row_number() over (order by h.assigned desc, h.id) as place from shares as h) as s
$$;

-- without_provider: what would follow if this provider were gone: their open consultations by state, with how many
-- others there could take them and how many slots those have.
create function payops_api.without_provider(p_provider text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'state', t.state, 'open_consultations', t.open, 'others', t.others, 'their_free_slots', t.free_slots
  ) order by t.others, t.state), '[]')
  from (
    select
      l.state,
      (
        select count(*) from payops.consultations as c
        where c.provider_id = p_provider and c.state = l.state and c.status = 'assigned'
      ) as open,
      count(distinct p.id) as others, coalesce(sum(greatest(p.capacity - p.pending, 0)), 0) as free_slots
    from (
      select distinct n.state from payops.licences as n
      where n.provider_id = p_provider
      union
      select c.state from payops.consultations as c where c.provider_id = p_provider and c.status = 'assigned'
    ) as l
    left join payops.licences as o
      on l.state = o.state and o.provider_id <> p_provider and o.status = 'active' and o.valid_from <= p_now
      and o.valid_until > p_now
    left join payops.providers as p on o.provider_id = p.id and p.active
    group by l.state
  ) as t
$$;

-- with_licence: what would follow if this provider had a licence in this state too: who waits there, and how many of
-- those they have room for.
create function payops_api.with_licence(p_provider text, p_state text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'waiting', w.n, 'would_take', least(w.n, case when p.active then greatest(p.capacity - p.pending, 0) else 0 end)
  )
  from payops.providers as p
  cross join (
    select count(*) as n from payops.consultations as c where c.state = p_state and c.status = 'waiting'
  ) as w
  where p.id = p_provider
$$;

-- care_against_cash: where care and payment do not fit: paid and waiting past its time, or refunded in full and still
-- open; one row each, oldest first, at most 500.
create function payops_api.care_against_cash(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(x) order by x.received_at, x.id), '[]')
  from (
    select
      c.id, c.state, c.status, c.provider_id, c.order_id, c.received_at, i.id as payment_intent_id, i.currency,
      i.amount_received_minor, coalesce(r.refunded_minor, 0) as refunded_minor,
      case
        when coalesce(r.refunded_minor, 0) >= i.amount_received_minor then 'refunded_but_open' else 'paid_but_waiting'
      end as problem
    from payops.consultations as c
    inner join payops.payment_intents as i on c.order_id = i.order_id and i.status = 'succeeded'
    left join lateral (
      select sum(f.amount_minor) as refunded_minor from payops.refunds as f
      where f.payment_intent_id = i.id and f.status in ('succeeded', 'pending')
    ) as r on true
    where c.status in ('waiting', 'assigned') and i.amount_received_minor > 0
      and (
        coalesce(r.refunded_minor, 0) >= i.amount_received_minor
        or (c.status = 'waiting' and c.received_at <= p_now - payops.waiting_limit())
      )
    order by c.received_at, c.id
    limit 500
  ) as x
$$;
