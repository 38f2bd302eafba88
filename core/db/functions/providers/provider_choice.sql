-- next_in_order: the first providers available in this state for one of these specialties, in the order of choice. The
-- caller has asked `markets_of` the state already.
--
-- It is in PL/pgSQL, as all that a choice calls: the plan of such a function is kept by the session, that of an SQL function
-- which is not inlined is made at each call.
create function payops.next_in_order(
  p_state text, p_markets text[], p_specialties text[], p_declined_by text[], p_now timestamptz, p_limit integer
) returns table (provider_id text, load double precision, capacity integer)
language plpgsql stable
set search_path = '' as $$
begin
  return query
  select o.provider_id, o.load, o.capacity
  from unnest(p_markets) as m (market)
  cross join unnest(p_specialties) as s (code)
  left join lateral (
    select k.load, k.idle_since
    from payops.search_cursors as k
    where k.state = m.market and k.specialty = s.code
    order by k.load, k.idle_since
    limit 1
  ) as c on true
  cross join lateral (
    select a.provider_id, a.load, a.capacity, a.idle_since
    from payops.availability as a
    where a.state = m.market and a.specialty = s.code and a.load < 1
      and (a.load, a.idle_since) >= (coalesce(c.load, 0), coalesce(c.idle_since, '-infinity'))
      and payops.is_within(a.valid_from, a.valid_until, p_now) and a.provider_id <> all (p_declined_by)
      and (m.market = p_state or exists ( -- as `holds_in` does, without a call for each row
        select from payops.licences as l
        where l.home_licence_id = a.licence_id and l.state = p_state and payops.licence_valid(l, p_now)
      ))
    order by a.load, a.idle_since, a.provider_id
    limit p_limit
  ) as o
  order by o.load, o.idle_since, o.provider_id
  limit p_limit;
end
$$;

-- first_unlocked: locks the first provider in the order of choice whom no other transaction is choosing, or names the
-- one to wait for; neither if nobody is available. `stale` says that their availability has changed since it was read,
-- so the caller looks again. `first` are the first in order, locked by others or not, as `candidate_snapshot` records
-- them.
--
-- A provider whom another transaction is choosing, or chose a moment ago, is skipped for one who has no more load than
-- they will have then, so that the result is as if the choices had been made one after the other. If only providers with
-- more load are left, it is better to wait.
create function payops.first_unlocked(
  p_state text, p_markets text[], p_specialties text[], p_tier integer, p_declined_by text[], p_now timestamptz,
  p_may_wait boolean,
  out provider_id text, out wait_for text, out stale boolean, out first jsonb
)
language plpgsql
set search_path = '' as $$
declare
  why constant text := payops.match_description(p_tier);
  ids text[];
  loads double precision[];
  capacities integer[];
  looked_at integer;
  taken_at double precision;
begin
  stale := false;
  for depth in 0..4 loop
    looked_at := 12 * (4 ^ depth)::integer;
    select array_agg(n.provider_id), array_agg(n.load), array_agg(n.capacity) into ids, loads, capacities
    from payops.next_in_order(p_state, p_markets, p_specialties, p_declined_by, p_now, looked_at) as n;
    exit when ids is null;
    select p.id, c.load into provider_id, taken_at
    from (
      select
        n.id, n.load, n.capacity, n.place,
        min(n.load + 1.0 / n.capacity) over (order by n.place rows between unbounded preceding and 1 preceding) as passed
      from unnest(ids, loads, capacities) with ordinality as n (id, load, capacity, place)
    ) as c
    inner join payops.providers as p on c.id = p.id
    where p.pending::double precision / c.capacity = c.load and (c.load > c.passed and p_may_wait) is not true
    order by c.place
    limit 1
    for update of p skip locked;
    exit when found or cardinality(ids) < looked_at or p_may_wait and loads[looked_at] > loads[1];
  end loop;
  select jsonb_agg(
    payops.candidate_record(n.id, true, p_tier, why, round(n.load * n.capacity)::integer, n.capacity) order by n.place
  ) into first
  from unnest(ids, loads, capacities) with ordinality as n (id, load, capacity, place)
  where (n.place <= 5 or n.id = first_unlocked.provider_id) and n.place = array_position(ids, n.id); -- each once
  if provider_id is null then
    wait_for := ids[1];
  else
    stale := not exists (
      select from payops.availability as a
      where a.provider_id = first_unlocked.provider_id and a.state = any(p_markets)
        and a.specialty = any(p_specialties) and a.load = taken_at and payops.holds_in(a, p_state, p_now)
    );
  end if;
end
$$;

-- choose_provider: the least loaded provider available in this state for one of these specialties, locked; null if
-- nobody is available, or if all are being chosen by others and this call must not wait. `first` are the first in
-- order.
--
-- A block that ends in an exception releases its locks: nobody is locked while waiting, so that two choices cannot wait
-- for each other.
create function payops.choose_provider(
  p_state text, p_specialties text[], p_tier integer, p_declined_by text[], p_now timestamptz, p_may_wait boolean,
  out provider_id text, out first jsonb
)
language plpgsql
set search_path = '' as $$
declare
  markets constant text[] := payops.markets_of(p_state);
  choice record;
begin
  loop
    begin
      choice := payops.first_unlocked(p_state, markets, p_specialties, p_tier, p_declined_by, p_now, p_may_wait);
      first := choice.first;
      if choice.provider_id is not null and not choice.stale then
        provider_id := choice.provider_id;
        return;
      elsif choice.provider_id is null and (choice.wait_for is null or not p_may_wait) then
        return;
      end if;
      if choice.provider_id is null then
        perform from payops.providers as p where p.id = choice.wait_for for update;
      end if;
      raise exception using errcode = 'PT002';
    exception
      when sqlstate 'PT002' then null;
    end;
  end loop;
end
$$;

-- no_provider_reason: why no provider can take a consultation in this state now.
create function payops.no_provider_reason(p_state text, p_now timestamptz) returns text
language sql stable
set search_path = '' as $$
  select
    case
      when not exists (select from payops.licences as l where l.state = p_state)
        then format('No provider is licensed in %s.', p_state)
      when not exists (
        select from payops.licences as l where l.state = p_state and payops.licence_valid(l, p_now)
      ) then format('No licence in %s is valid today.', p_state)
      when not exists (
        select from payops.licences as l
        inner join payops.providers as p on l.provider_id = p.id
        where l.state = p_state and payops.licence_valid(l, p_now) and p.active
      ) then format('All providers licensed in %s are deactivated.', p_state)
      when not exists (
        select from payops.licences as l
        inner join payops.providers as p on l.provider_id = p.id
        where l.state = p_state and payops.licence_valid(l, p_now) and payops.may_be_assigned(p)
      ) then format('All active providers licensed in %s are excluded or have a deactivated NPI.', p_state)
      when not exists (
        select from payops.licences as l
        inner join payops.providers as p on l.provider_id = p.id
        left join payops.provider_schedules as d on p.id = d.provider_id
        where l.state = p_state and payops.licence_valid(l, p_now) and payops.may_be_assigned(p) and d.on_duty is not false
      ) then format('All providers licensed in %s are away or outside their hours.', p_state)
      when exists (
        select from payops.availability as a
        where a.state = any(payops.markets_of(p_state)) and a.load < 1 and payops.holds_in(a, p_state, p_now)
      ) then format('A provider in %s has capacity; consultations that came earlier are assigned first.', p_state)
      else format('All providers licensed in %s are at capacity.', p_state)
    end
$$;

-- lock_if_available: whether this provider can take this consultation now; if so, they are locked.
create function payops.lock_if_available(
  p_provider text, p_consultation payops.consultations, p_now timestamptz, p_may_wait boolean
) returns boolean
language plpgsql
set search_path = '' as $$
begin
  if p_provider is null or p_provider = any(p_consultation.declined_by)
    or not payops.is_available(p_provider, p_consultation.state, p_now) then
    return false;
  elsif p_may_wait then
    perform from payops.providers as p where p.id = p_provider for update;
  else
    perform from payops.providers as p where p.id = p_provider for update skip locked;
  end if;
  return found and payops.is_available(p_provider, p_consultation.state, p_now);
end
$$;

-- known_providers: the providers with the requested specialty who saw this patient or are going to, the last one first,
-- at most three; none if patients are not returned to a provider they know.
create function payops.known_providers(p_patient text, p_specialty text) returns text[]
language plpgsql stable
set search_path = '' as $$
begin
  -- Most patients are new, and need no more than this query.
  if not exists (select from payops.consultations as c where c.patient_id = p_patient)
    or not (select y.return_to_known from payops.licensing_policy as y) then
    return '{}';
  end if;
  return array(
    select c.provider_id
    from payops.consultations as c
    where c.patient_id = p_patient and c.status in ('assigned', 'completed') and c.provider_id is not null
      and exists (select from payops.providers as p where p.id = c.provider_id and p_specialty = any(p.specialties))
    group by c.provider_id
    order by max(coalesce(c.assigned_at, c.received_at)) desc, c.provider_id
    limit 3
  );
end
$$;

-- chosen_record: what a decision records about a provider who was chosen before all others, and is locked.
create function payops.chosen_record(p_provider text, p_wanted text) returns jsonb
language plpgsql stable
set search_path = '' as $$
begin
  return (
    select jsonb_build_array(payops.candidate_record(
      p.id, true, t.tier, payops.match_description(t.tier), p.pending, coalesce(d.capacity, p.capacity)
    ))
    from payops.providers as p
    left join payops.provider_schedules as d on p.id = d.provider_id
    cross join lateral payops.tier_of(p_wanted, p.specialties) as t (tier)
    where p.id = p_provider
  );
end
$$;

-- choose_for: locks the provider for this consultation and says how they match and why they were chosen; null, with the
-- reason, if nobody can be chosen. `first` are the first in the order of choice of each tier that was tried, or the one
-- chosen before all others.
create function payops.choose_for(
  p_consultation payops.consultations, p_now timestamptz, p_may_wait boolean,
  out provider_id text, out match text, out reason text, out first jsonb
)
language plpgsql
set search_path = '' as $$
declare
  state constant text := p_consultation.state;
  wanted constant text := p_consultation.specialty;
  choice record;
begin
  if p_consultation.preferred_provider_id is not null
    and payops.lock_if_available(p_consultation.preferred_provider_id, p_consultation, p_now, p_may_wait) then
    provider_id := p_consultation.preferred_provider_id;
    match := case when wanted = any(
      (select p.specialties from payops.providers as p where p.id = provider_id)::text[]
    ) then 'specialty' else 'fallback' end;
    reason := 'The preferred provider is licensed and has capacity.';
    first := payops.chosen_record(provider_id, wanted);
    return;
  end if;
  foreach provider_id in array payops.known_providers(p_consultation.patient_id, wanted) loop
    if payops.lock_if_available(provider_id, p_consultation, p_now, p_may_wait) then
      match := 'specialty';
      reason := 'The patient knows this provider, who is licensed and has capacity.';
      first := payops.chosen_record(provider_id, wanted);
      return;
    end if;
  end loop;
  provider_id := null;
  for tier in 1..3 loop
    choice := payops.choose_provider(
      state, payops.specialties_of_tier(tier, wanted), tier, p_consultation.declined_by, p_now, p_may_wait
    );
    first := coalesce(first || choice.first, first, choice.first);
    if choice.provider_id is not null then
      provider_id := choice.provider_id;
      match := case tier when 1 then 'specialty' else 'fallback' end;
      reason := format(
        case tier
          when 1 then 'The least loaded provider licensed in %s with the specialty %s.'
          when 2 then 'No provider in %s with the specialty %s is free: the least loaded in general practice.'
          else 'No provider in %s with the specialty %s or general practice is free: the least loaded of all.'
        end, state, payops.specialty_name(wanted)
      );
      return;
    end if;
  end loop;
  reason := payops.no_provider_reason(state, p_now);
end
$$;

-- specialties_of_tier: the specialties of providers in this tier: the requested one, general practice, or any.
create function payops.specialties_of_tier(p_tier integer, p_wanted text) returns text[]
language plpgsql stable
set search_path = '' as $$
begin
  if p_tier = 3 then
    return array(select s.code from payops.specialties as s);
  end if;
  return case p_tier when 1 then array[p_wanted] else '{general_practice}' end;
end
$$;
