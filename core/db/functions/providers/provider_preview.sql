-- valid_states: the states in which one of these licences is valid now.
create function payops.valid_states(p_licences jsonb, p_now timestamptz) returns text[]
language sql stable
set search_path = '' as $$
  select array(
    select distinct l ->> 'state'
    from jsonb_array_elements(p_licences) as l
    where coalesce(l ->> 'status', 'active') = 'active'
      and coalesce(payops.start_of_day_in(l ->> 'state', (l ->> 'issued_on')::date), '-infinity') <= p_now
      and coalesce(payops.start_of_day_in(l ->> 'state', (l ->> 'expires_on')::date + 1), 'infinity') > p_now
    order by 1
  )
$$;

-- others_in: how many other active providers are licensed in this state at this moment, and their free slots.
create function payops.others_in(
  p_state text, p_provider text, p_now timestamptz, out others bigint, out free_slots bigint
)
language sql stable
set search_path = '' as $$
  select count(*), coalesce(sum(greatest(p.capacity - p.pending, 0)), 0)
  from payops.providers as p
  where p.active and p.id is distinct from p_provider and exists (
    select from payops.licences as l
    where l.provider_id = p.id and l.state = p_state and payops.licence_valid(l, p_now)
  )
$$;

-- preview_provider: what happens if a provider is saved like this: open consultations that must move to others, by state
-- with the others there; states left without a provider; how many open consultations are over the capacity; and how many
-- waiting ones they could take.
create function payops_api.preview_provider(p_document jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  known payops.providers;
  before jsonb;
  wanted jsonb;
  had text[] := '{}';
  has text[] := '{}';
begin
  select p.* into known from payops.providers as p where p.id = payops.known_provider(p_document);
  before := coalesce(payops.provider_facts(known.id), '{"active": false, "capacity": 0, "licences": []}');
  wanted := before || '{"active": true, "capacity": 20}'::jsonb || case when known.id is null then '{}' else before end
    || p_document;
  if (before ->> 'active')::boolean then
    had := payops.valid_states(before -> 'licences', p_now);
  end if;
  if (wanted ->> 'active')::boolean then
    has := payops.valid_states(wanted -> 'licences', p_now);
  end if;
  return (
    with losing as (
      select c.state, count(*) as consultations
      from payops.consultations as c
      where c.provider_id = known.id and c.status = 'assigned' and c.state <> all (has)
      group by c.state
    ),
    gained as (
      select s.state, count(*) as waiting
      from unnest(has) as s (state)
      inner join payops.consultations as c on s.state = c.state and c.status = 'waiting'
      group by s.state
    ),
    room as (
      select
        (wanted ->> 'capacity')::bigint - coalesce(known.pending, 0)
        + coalesce((select sum(l.consultations) from losing as l), 0) as slots
    )
    select jsonb_build_object(
      'to_move', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'state', l.state, 'consultations', l.consultations, 'others', o.others, 'their_free_slots', o.free_slots
        ) order by l.state), '[]')
        from losing as l cross join lateral payops.others_in(l.state, known.id, p_now) as o
      ),
      'left_without', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'state', s.state,
          'demand_30_days', (
            select count(*) from payops.consultations as c
            where c.state = s.state and c.received_at > p_now - interval '30 days' and c.received_at <= p_now
          )
        ) order by s.state), '[]')
        from unnest(had) as s (state)
        cross join lateral payops.others_in(s.state, known.id, p_now) as o
        where s.state <> all (has) and o.others = 0
      ),
      'over_capacity', (select greatest(-r.slots, 0) from room as r),
      'waiting', (
        select coalesce(jsonb_agg(jsonb_build_object('state', g.state, 'waiting', g.waiting) order by g.state), '[]')
        from gained as g
      ),
      'would_take', (
        select least(greatest(r.slots, 0), coalesce((select sum(g.waiting) from gained as g), 0)) from room as r
      )
    )
  );
end
$$;
