-- tier_of: how well these specialties match the requested one: 1 has it, 2 has general practice, 3 has neither.
create function payops.tier_of(p_wanted text, p_specialties text[]) returns integer
language sql immutable
return case when p_wanted = any(p_specialties) then 1 when 'general_practice' = any(p_specialties) then 2 else 3 end;

-- match_description: why an eligible provider of this tier may be chosen.
create function payops.match_description(p_tier integer) returns text
language sql immutable
return case p_tier
  when 1 then 'Licensed, has the specialty and capacity.'
  when 2 then 'Licensed, general practice, has capacity.'
  else 'Licensed, another specialty, has capacity.'
end;

-- candidates_of: these providers in the order of choice, each with whether they could now take a consultation in this
-- state and of this specialty, and why or why not.
create function payops.candidates_of(
  p_state text, p_specialty text, p_now timestamptz, p_providers text[], p_declined_by text[] default '{}'
) returns table (
  provider_id text, licensed boolean, eligible boolean, tier integer, why text, pending integer, capacity integer
)
language sql stable
set search_path = '' as $$
  select
    p.id, l.licensed,
    l.licensed and payops.may_be_assigned(p) and d.on_duty is not false and p.pending < coalesce(d.capacity, p.capacity)
    and p.id <> all (p_declined_by),
    t.tier,
    case
      when l.held is null then 'No licence in ' || p_state || '.'
      when p.blocked_reason is not null then p.blocked_reason
      when not p.active then 'Deactivated.'
      when not l.licensed then l.held
      when p.id = any(p_declined_by) then 'The consultation was released from this provider before.'
      when d.on_duty is false then 'Away or outside their hours.'
      when p.pending >= coalesce(d.capacity, p.capacity) then 'At capacity.'
      else payops.match_description(t.tier)
    end,
    p.pending, coalesce(d.capacity, p.capacity)
  from unnest(p_providers) as given (id)
  inner join payops.providers as p on given.id = p.id
  left join lateral payops.duty_now(p.id, p_now) as d on true
  cross join lateral (
    select
      coalesce(bool_or(payops.licence_valid(n, p_now)), false) as licensed,
      max(case
        when n.status <> 'active' then 'Licence ' || n.status || '.'
        when n.awaiting = 'licence' then 'Licence waits for a second person''s confirmation.'
        when n.valid_until = '-infinity' and n.kind = 'compact_privilege' then 'Privilege without a valid home licence.'
        when n.valid_until = '-infinity' then 'Registration without a rule that allows it.'
        when n.valid_until <= p_now and n.home_licence_id is not null then 'Home licence expired ' || n.expires_on || '.'
        when n.valid_until <= p_now then coalesce('Licence expired ' || n.expires_on || '.', 'Its rule has ended.')
        when n.valid_from > p_now then coalesce('Licence starts ' || n.issued_on || '.', 'Its rule has not begun.')
        else ''
      end) as held
    from payops.licences as n
    where n.provider_id = p.id and n.state = p_state
  ) as l
  cross join lateral payops.tier_of(p_specialty, p.specialties) as t (tier)
  order by 3 desc, t.tier, p.pending::double precision / coalesce(nullif(d.capacity, 0), p.capacity), p.last_assigned_at nulls first, p.id
$$;

-- candidate_record: what a decision records about one candidate.
create function payops.candidate_record(
  p_provider text, p_eligible boolean, p_tier integer, p_why text, p_pending integer, p_capacity integer
) returns jsonb
language sql immutable
return jsonb_build_object(
  'provider_id', p_provider, 'eligible', p_eligible, 'tier', p_tier, 'why', p_why, 'pending', p_pending,
  'capacity', p_capacity
);

-- candidate_snapshot: what a decision records about its candidates: every provider licensed in the state, with why each
-- was eligible or not. If there are many, only the first in the order of choice, or a few if nobody is eligible.
-- `complete` says whether all are listed.
create function payops.candidate_snapshot(
  p_consultation payops.consultations, p_now timestamptz, p_first jsonb default null
) returns jsonb
language plpgsql stable
set search_path = '' as $$
declare
  most constant integer := 25;
  licensed text[] := array(
    select distinct l.provider_id from payops.licences as l
    where l.state = p_consultation.state
    order by l.provider_id
    limit most + 1
  );
  complete constant boolean := cardinality(licensed) <= most;
  one_tier constant boolean := p_first -> 0 -> 'tier' = p_first -> -1 -> 'tier';
begin
  -- If nobody of the best tier was free, providers found in the next tier may match better than that tier says.
  if not complete and one_tier and p_consultation.preferred_provider_id is null then
    return jsonb_build_object('complete', false, 'items', p_first);
  elsif not complete then
    licensed := licensed[1:6] || array(select f.item ->> 'provider_id' from jsonb_array_elements(p_first) as f (item));
  end if;
  licensed := licensed || p_consultation.preferred_provider_id;
  return jsonb_build_object('complete', complete, 'items', (
    select coalesce(
      jsonb_agg(payops.candidate_record(c.provider_id, c.eligible, c.tier, c.why, c.pending, c.capacity)), '[]'
    )
    from payops.candidates_of(
      p_consultation.state, p_consultation.specialty, p_now,
      array(select distinct a.id from unnest(licensed) as a (id) where a.id is not null), p_consultation.declined_by
    ) as c
  ));
end
$$;

-- candidates: the providers licensed in the consultation's state, in the order of choice, with why each is eligible or
-- not now, and their total number. At most so many: the first of each tier, then others by name, or those whose name
-- contains `p_search`. `selectable` says who can be chosen by hand, `overridable` who can be chosen by an admin with an
-- override.
create function payops_api.candidates(
  p_id text, p_now timestamptz, p_search text default null, p_limit integer default 100
) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  asked constant payops.consultations := payops.consultation_named(p_id);
  named text[];
begin
  named := array(
    select distinct first.provider_id
    from generate_series(1, 3) as t (tier)
    cross join lateral payops.next_in_order(
      asked.state, payops.markets_of(asked.state), payops.specialties_of_tier(t.tier, asked.specialty), asked.declined_by,
      p_now, 20
    ) as first
  ) || array(
    select l.provider_id
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id
    where l.state = asked.state
      and (p_search is null or strpos(lower(p.name), lower(p_search)) > 0)
    group by l.provider_id, p.name
    order by lower(p.name), l.provider_id
    limit p_limit
  );
  return (
    with listed as (
      select c.*, p.name, payops.may_be_assigned(p) as may_be_assigned, row_number() over () as place
      from payops.candidates_of(
        asked.state, asked.specialty, p_now, array(select distinct n.id from unnest(named) as n (id)), asked.declined_by
      ) as c
      inner join payops.providers as p on c.provider_id = p.id
    ),
    best as (
      select min(b.tier) as tier from listed as b where b.eligible
    )
    select jsonb_build_object(
      'licensed', (select count(distinct l.provider_id) from payops.licences as l where l.state = asked.state),
      'items', coalesce(jsonb_agg(
        to_jsonb(l) - array['place', 'may_be_assigned'] || jsonb_build_object(
          'has_it', l.provider_id is not distinct from asked.provider_id,
          'overridable', l.licensed and l.may_be_assigned and l.provider_id is distinct from asked.provider_id,
          'selectable',
          l.eligible and l.provider_id is distinct from asked.provider_id
          and coalesce(l.tier <= (select b.tier from best as b), false)
        )
        order by l.eligible desc, l.tier, l.place
      ) filter (where p_search is null or strpos(lower(l.name), lower(p_search)) > 0), '[]')
    )
    from listed as l
  );
end
$$;
