-- patients_of: the patients whom this provider saw in this state in the last 90 days or is to see, each once, with their
-- open consultations and the orders of those.
create function payops.patients_of(p_provider text, p_state text, p_now timestamptz)
returns table (patient_id text, open_consultations bigint, open_orders text[])
language sql stable
set search_path = '' as $$
  select
    c.patient_id, count(*) filter (where c.status = 'assigned'),
    array_agg(distinct c.order_id) filter (where c.status = 'assigned' and c.order_id is not null)
  from payops.consultations as c
  where c.provider_id = p_provider and c.state = p_state and c.status in ('assigned', 'completed')
    and (c.ended_at is null or c.ended_at > p_now - interval '90 days')
  group by c.patient_id
$$;

-- licence_impact: what is affected if this provider's licence in this state ends: open consultations, what was paid for
-- them and not refunded, and the monthly subscriptions of the patients seen there, an amount a currency.
create function payops.licence_impact(p_provider text, p_state text, p_now timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  with patients as (select * from payops.patients_of(p_provider, p_state, p_now)),
  paid as (
    select m.currency, m.received_minor - m.refunded_minor as minor
    from patients as p
    cross join unnest(p.open_orders) as o (id)
    cross join lateral payops.order_totals(o.id) as m
  ),
  monthly as (
    select s.currency, payops.brings_monthly_minor(s.id, s.items) as minor
    from patients as p
    inner join payops.customers as u on p.patient_id = u.patient_id
    inner join payops.subscriptions as s on u.id = s.customer_id
    where s.status in ('active', 'past_due')
  )
  select jsonb_build_object(
    'open_consultations', (select coalesce(sum(p.open_consultations), 0) from patients as p),
    'paid', (select payops.amounts(array_agg(p.minor), array_agg(p.currency)) from paid as p),
    'monthly', (select payops.amounts(array_agg(m.minor), array_agg(m.currency)) from monthly as m)
  )
$$;

-- expiring_licences: licences of active providers that end within so many days, or have ended and still have the status
-- active; soonest first, at most 500, with how many others are licensed there and what each affects.
create function payops_api.expiring_licences(p_days integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(x) || payops.licence_impact(x.provider_id, x.state, p_now) || jsonb_build_object('others', (
      select count(distinct o.provider_id)
      from payops.licences as o
      inner join payops.providers as q on o.provider_id = q.id and q.active
      where o.state = x.state and o.provider_id <> x.provider_id and payops.licence_valid(o, p_now)
    ))
    order by x.expires_on, x.provider_id, x.state
  ), '[]')
  from (
    select
      l.id, l.provider_id, p.name, l.state, l.number, l.expires_on, l.valid_until <= p_now as expired,
      greatest(ceil(extract(epoch from l.valid_until - p_now) / 86400), 0)::integer as days_left
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id
    where l.status = 'active' and p.active and l.valid_until <= p_now + make_interval(days => p_days)
      and l.expires_on <= (p_now + make_interval(days => p_days + 1))::date
    order by l.expires_on, l.provider_id, l.state
    limit 500
  ) as x
$$;
