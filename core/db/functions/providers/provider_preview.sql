-- seen_states: the states in which one of this provider's licences is valid now.
create function payops.seen_states(p_provider text, p_now timestamptz) returns text[]
language sql stable
set search_path = '' as $$
  select array(
    select distinct l.state from payops.licences as l
    where l.provider_id = p_provider and payops.licence_valid(l, p_now)
    order by l.state
  )
$$;

-- states_with: the states in which a provider could see patients now with these licences and what is derived from them.
-- Changes nothing: a block that ends in an exception undoes its changes.
create function payops.states_with(p_provider text, p_licences jsonb, p_now timestamptz) returns text[]
language plpgsql
set search_path = '' as $$
declare
  target text := p_provider;
  found_in text[];
begin
  if target is null then
    insert into payops.providers (name, active, capacity, specialties, created_at, updated_at)
    values ('preview', false, 1, '{}', p_now, p_now)
    returning id into target;
  end if;
  perform payops.set_licences(target, p_licences, 'system:preview', p_now);
  perform payops.derive_licences(array[target], p_now);
  found_in := payops.seen_states(target, p_now);
  raise exception using errcode = 'PT001', message = 'only a preview';
exception
  when sqlstate 'PT001' then return found_in;
  when check_violation or foreign_key_violation or not_null_violation then
    perform payops.refuse_provider();
end
$$;

-- others_in: how many other active providers are licensed in this state at this moment, and their free slots.
create function payops.others_in(
  p_state text, p_provider text, p_now timestamptz, out others bigint, out free_slots bigint
)
language sql stable
set search_path = '' as $$
  select count(*), coalesce(sum(payops.free_slots(p, d)), 0)
  from payops.providers as p
  left join payops.provider_schedules as d on p.id = d.provider_id
  where payops.may_be_assigned(p) and p.id is distinct from p_provider and exists (
    select from payops.licences as l
    where l.provider_id = p.id and l.state = p_state and payops.licence_valid(l, p_now)
  )
$$;

-- preview_provider: what happens if a provider is saved like this: open consultations that must move to others, by
-- state with the others there; states left without a provider; how many open consultations exceed the capacity; and how
-- many waiting ones they could take.
create function payops_api.preview_provider(p_document jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
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
  if (before ->> 'active')::boolean and known.blocked_reason is null then
    had := payops.seen_states(known.id, p_now);
  end if;
  if (wanted ->> 'active')::boolean and known.blocked_reason is null then
    has := payops.states_with(
      known.id, payops.merged_licences(before -> 'licences', wanted -> 'licences'), p_now
    );
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
