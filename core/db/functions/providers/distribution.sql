-- state_coverage: each state with its active licensed providers today, their free slots, and its demand: the
-- consultations waiting and those received in the last 30 days.
create function payops_api.state_coverage(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with covered as (
    select l.state, count(*) as providers, sum(payops.free_slots(p, d)) as free_slots
    from (
      select distinct n.state, n.provider_id from payops.licences as n where payops.licence_valid(n, p_now)
    ) as l
    inner join payops.providers as p on l.provider_id = p.id and payops.may_be_assigned(p)
    left join payops.provider_schedules as d on p.id = d.provider_id
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

-- fair_shares: how many of the consultations assigned in the last days each provider would have got if those of each
-- state and specialty were split by capacity among the licensed providers who match best.
create function payops.fair_shares(p_days integer, p_now timestamptz)
returns table (provider_id text, fair_share double precision)
language sql stable
set search_path = '' as $$
  with asked as (
    select c.state, c.specialty, count(*) as n
    from payops.consultations as c
    where c.received_at > p_now - make_interval(days => p_days) and c.received_at <= p_now
      and c.provider_id is not null
    group by c.state, c.specialty
  ),
  fitting as (
    select
      a.state, a.specialty, a.n,
      case
        when exists (
          select from payops.availability as o
          where o.state = any(payops.markets_of(a.state)) and o.specialty = a.specialty
            and (o.state = a.state or payops.has_privilege(o.licence_id, a.state, p_now))
        )
          then array[a.specialty]
        when exists (
          select from payops.availability as o
          where o.state = any(payops.markets_of(a.state)) and o.specialty = 'general_practice'
            and (o.state = a.state or payops.has_privilege(o.licence_id, a.state, p_now))
        )
          then '{general_practice}'
        else array(select s.code from payops.specialties as s)
      end as codes
    from asked as a
  ),
  members as (
    select distinct f.state, f.specialty, f.n, p.id, p.capacity
    from fitting as f
    cross join unnest(payops.markets_of(f.state)) as m (market)
    inner join payops.availability as o on m.market = o.state and o.specialty = any(f.codes)
    inner join payops.providers as p on o.provider_id = p.id
    where payops.holds_in(o, f.state, p_now)
  ),
  split as (
    select m.id, m.n * m.capacity / (sum(m.capacity) over (partition by m.state, m.specialty))::double precision as part
    from members as m
  )
  select s.id, sum(s.part) from split as s group by s.id
$$;

-- distribution: how the consultations of the last days were distributed among providers, compared with their fair
-- share, and the share of fallbacks; at most 1,000 providers, those with most consultations first.
create function payops_api.distribution(p_days integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with assigned as (
    select c.provider_id, count(*) as n, count(*) filter (where c.match = 'fallback') as fallbacks
    from payops.consultations as c
    where c.received_at > p_now - make_interval(days => p_days) and c.received_at <= p_now
      and c.provider_id is not null
    group by c.provider_id
  ),
  shares as (
    select
      p.id, p.name, p.pending, p.capacity, coalesce(a.n, 0) as assigned, coalesce(a.fallbacks, 0) as fallbacks,
      coalesce(f.fair_share, 0) as fair_share
    from payops.providers as p
    left join assigned as a on p.id = a.provider_id
    left join payops.fair_shares(p_days, p_now) as f on p.id = f.provider_id
    where p.active or a.n > 0
  )
  select jsonb_build_object(
    'assigned', coalesce(sum(s.assigned), 0), 'fallbacks', coalesce(sum(s.fallbacks), 0),
    'items', coalesce(jsonb_agg(to_jsonb(s) - 'place' order by s.place) filter (where s.place <= 1000), '[]')
  )
  from (select h.*, row_number() over (order by h.assigned desc, h.fair_share desc, h.id) as place from shares as h) as s
$$;

-- without_provider: what happens if this provider leaves: their open consultations by state, how many other providers
-- could take them, and the free slots of those.
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
      count(p.id) as others, coalesce(sum(payops.free_slots(p, d)), 0) as free_slots
    from (
      select distinct n.state from payops.licences as n
      where n.provider_id = p_provider and payops.licence_valid(n, p_now)
      union
      select c.state from payops.consultations as c where c.provider_id = p_provider and c.status = 'assigned'
    ) as l
    left join (
      select distinct n.state, n.provider_id from payops.licences as n
      where n.provider_id <> p_provider and payops.licence_valid(n, p_now)
    ) as o on l.state = o.state
    left join payops.providers as p on o.provider_id = p.id and payops.may_be_assigned(p)
    left join payops.provider_schedules as d on p.id = d.provider_id
    group by l.state
  ) as t
$$;

-- with_licence: what happens if this provider gains a licence in this state: how many consultations wait there, for how
-- many of them this provider has capacity, how many were received there in 30 days, and how many providers are licensed
-- there already.
create function payops_api.with_licence(p_provider text, p_state text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'waiting', w.n, 'would_take', least(w.n, case when payops.may_be_assigned(p) then payops.free_slots(p, d) else 0 end),
    'demand_30_days', (
      select count(*) from payops.consultations as c
      where c.state = p_state and c.received_at > p_now - interval '30 days' and c.received_at <= p_now
    ),
    'providers', (
      select count(distinct q.id)
      from payops.licences as l
      inner join payops.providers as q on l.provider_id = q.id and payops.may_be_assigned(q)
      where l.state = p_state and payops.licence_valid(l, p_now)
    ),
    'has_it', payops.may_see(p_provider, p_state, p_now)
  )
  from payops.providers as p
  left join payops.provider_schedules as d on p.id = d.provider_id
  cross join (
    select count(*) as n from payops.consultations as c where c.state = p_state and c.status = 'waiting'
  ) as w
  where p.id = p_provider
$$;
