-- states_of_licence: the states where this licence, and the privileges that follow from it, let its provider see patients.
create function payops.states_of_licence(p_licence bigint) returns text[]
language sql stable
set search_path = ''
set enable_seqscan = 'off' as $$
  select array(
    select distinct l.state from payops.licences as l where l.id = p_licence or l.home_licence_id = p_licence
  )
$$;

-- patients_of: the patients whom this provider saw in these states in the last 90 days or is going to see, each once,
-- with their open consultations and the orders of those.
create function payops.patients_of(p_provider text, p_states text[], p_now timestamptz)
returns table (patient_id text, open_consultations bigint, open_orders text[])
language sql stable
set search_path = '' as $$
  select
    c.patient_id, count(*) filter (where c.status = 'assigned'),
    array_agg(distinct c.order_id) filter (where c.status = 'assigned' and c.order_id is not null)
  from (
    select a.* from payops.consultations as a
    where a.provider_id = p_provider and a.state = any(p_states) and a.status in ('assigned', 'completed')
      and a.ended_at is null
    union all
    select e.* from payops.consultations as e
    where e.provider_id = p_provider and e.state = any(p_states) and e.status in ('assigned', 'completed')
      and e.ended_at > p_now - interval '90 days'
  ) as c
  group by c.patient_id
$$;

-- licence_impact: what is affected if this provider's licence in these states ends: open consultations, what was paid
-- for them and not refunded, and the monthly subscriptions of the patients seen there, by currency.
create function payops.licence_impact(p_provider text, p_states text[], p_now timestamptz) returns jsonb
language sql stable
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  with patients as (select * from payops.patients_of(p_provider, p_states, p_now)),
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

-- last_day: the day at whose end in its state's time zone this licence ends. Postgres inlines it, like `is_within`.
create function payops.last_day(p_licence payops.licences, p_zone text) returns date
language sql stable
return (p_licence.valid_until at time zone p_zone - interval '1 microsecond')::date;

-- licences_ending: licences of active providers that end within so many days, or have ended and still have the status
-- active, soonest first, with their total number and how many have ended. With `p_last_day` only those of that day.
create function payops.licences_ending(
  p_days integer, p_now timestamptz, p_last_day date default null, p_also_ended boolean default true,
  p_skip integer default 0, p_limit integer default 500
)
returns table (
  id bigint, provider_id text, name text, state text, number text, expires_on date, ends_at timestamptz, expired boolean,
  days_left integer, of_all bigint, ended_of_all bigint
)
language sql stable rows 500
set search_path = '' as $$
  select
    l.id, l.provider_id, p.name, l.state, l.number, d.last_day, l.valid_until, l.valid_until <= p_now,
    greatest(ceil(extract(epoch from l.valid_until - p_now) / 86400), 0)::integer, count(*) over (),
    count(*) filter (where l.valid_until <= p_now) over ()
  from payops.licences as l
  inner join payops.providers as p on l.provider_id = p.id
  inner join payops.states as s on l.state = s.code
  cross join lateral payops.last_day(l, s.zone) as d (last_day)
  where l.status = 'active' and p.active and l.home_licence_id is null and l.valid_until < 'infinity'
    and l.valid_until > case
      when p_last_day is not null then (p_last_day - 1)::timestamptz when p_also_ended then '-infinity' else p_now
    end
    and l.valid_until <= case
      when p_last_day is null then p_now + make_interval(days => p_days) else (p_last_day + 3)::timestamptz
    end
    and (p_last_day is null or d.last_day = p_last_day)
  order by l.valid_until, l.provider_id, l.state, l.id
  offset p_skip limit p_limit
$$;

-- count_licence_impacts: counts what each licence that ends within 90 days affects, unless that was done recently.
-- Returns whether it was counted.
create function payops_api.count_licence_impacts(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  begun constant timestamptz := clock_timestamp();
  counted record;
begin
  if payops.counted_lately('licence_impacts', '') then
    return 'false';
  end if;
  select
    count(*) as licences, coalesce(jsonb_object_agg(
      l.id, payops.licence_impact(l.provider_id, payops.states_of_licence(l.id), p_now)
    ), '{}') as impacts
  into counted
  from payops.licences_ending(90, p_now) as l;
  perform payops.keep_count('licence_impacts', '', begun, p_now, counted.licences, counted.impacts);
  return 'true';
end
$$;

-- list_expiring_licences: a page of those licences, soonest first, each with how many others are licensed there and
-- what it affects; and the total numbers of ending and ended licences.
create function payops_api.list_expiring_licences(
  p_days integer, p_now timestamptz, p_last_day date default null, p_also_ended boolean default true,
  p_skip integer default 0, p_limit integer default 500
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with listed as materialized (
    select * from payops.licences_ending(p_days, p_now, p_last_day, p_also_ended, p_skip, p_limit)
  ),
  -- Counted once for each state, not for each licence. The array and the limit keep the planner from one look at all
  -- licences for each provider, which it chooses where it takes the tables for empty.
  licensed as materialized (
    select distinct o.state, o.provider_id
    from payops.licences as o
    cross join lateral (
      select from payops.providers as q where q.id = o.provider_id and payops.may_be_assigned(q) limit 1
    ) as q
    where o.state = any(array(select distinct x.state from listed as x)) and payops.licence_valid(o, p_now)
  ),
  numbers as materialized (select n.state, count(*) as providers from licensed as n group by n.state)
  select jsonb_build_object(
    'total', coalesce(max(x.of_all), 0), 'ended', coalesce(max(x.ended_of_all), 0),
    'items', coalesce(jsonb_agg(
      to_jsonb(x) - array['of_all', 'ended_of_all']
      || coalesce(k.impact, payops.licence_impact(x.provider_id, payops.states_of_licence(x.id), p_now))
      || jsonb_build_object('others', coalesce((
        select
          n.providers - (exists (
            select from payops.licences as o
            inner join payops.providers as q on o.provider_id = q.id and payops.may_be_assigned(q)
            where o.provider_id = x.provider_id and o.state = x.state and payops.licence_valid(o, p_now)
          ))::integer
        from numbers as n
        where n.state = x.state
      ), 0))
      order by x.ends_at, x.provider_id, x.state, x.id
    ), '[]')
  )
  from listed as x
  left join (
    select each.key as id, each.value as impact
    from payops.kept_lately('licence_impacts', '', p_now) as kept
    cross join lateral jsonb_each(kept.at_stake) as each
  ) as k on x.id::text = k.id
$$;
