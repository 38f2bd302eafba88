-- rewrite_openings: the provider is offered for exactly what their licences and specialties allow. The caller holds
-- the provider's lock.
create function payops.rewrite_openings(p_provider text) returns void
language sql
set search_path = '' as $$
  delete from payops.openings where provider_id = p_provider;
  insert into payops.openings
    (provider_id, licence_id, specialty, state, load, capacity, idle_since, valid_from, valid_until)
  select
    p.id, l.id, s.code, l.state, p.pending::double precision / p.capacity, p.capacity,
    coalesce(p.last_assigned_at, '-infinity'), l.valid_from, l.valid_until
  from payops.providers as p
  inner join payops.licences as l on p.id = l.provider_id and l.status = 'active'
  cross join unnest(p.specialties) as s (code)
  where p.id = p_provider and p.active;
  select payops.lower_fronts(p_provider)
$$;

-- front_of: where the search in this state for this specialty begins; null where it begins at the start.
create function payops.front_of(p_state text, p_specialty text) returns payops.fronts
language sql stable
set search_path = '' as $$
  select f.* from payops.fronts as f
  where f.state = p_state and f.specialty = p_specialty
  order by f.load, f.idle_since
  limit 1
$$;

-- lower_fronts: no search begins behind a place that this provider has now. Until this commits nobody moves the fronts
-- of these states, since they would not see it.
create function payops.lower_fronts(p_provider text) returns void
language plpgsql
set search_path = '' as $$
begin
  perform pg_advisory_xact_lock_shared(7209116, hashtext(s.state))
  from (select distinct o.state from payops.openings as o where o.provider_id = p_provider order by o.state) as s;
  insert into payops.fronts (state, specialty, load, idle_since)
  select o.state, o.specialty, o.load, o.idle_since
  from payops.openings as o
  cross join lateral payops.front_of(o.state, o.specialty) as f
  where o.provider_id = p_provider and (o.load, o.idle_since) < (f.load, f.idle_since);
end
$$;

-- move_front: the next searches begin at the first place that is taken now, if it is long ago that they were told so,
-- and nobody is about to take one before it. Now and then it is looked for from the very start, so that a front which
-- is wrong, for whatever reason, does not stay so. The last thing that a transaction does: whoever gets room waits for
-- it to end, and may hold what it would wait for.
create function payops.move_front(p_state text, p_specialty text) returns void
language plpgsql
set search_path = '' as $$
declare
  known payops.fronts;
begin
  if exists (
    select from payops.fronts as f
    where f.state = p_state and f.specialty = p_specialty and f.moved_at > clock_timestamp() - interval '2 seconds'
  ) or not pg_try_advisory_xact_lock(7209116, hashtext(p_state)) then
    return;
  end if;
  if random() > 0.02 then
    known := payops.front_of(p_state, p_specialty);
  end if;
  delete from payops.fronts as f where f.state = p_state and f.specialty = p_specialty;
  insert into payops.fronts (state, specialty, load, idle_since, moved_at)
  select p_state, p_specialty, coalesce(first.load, 1), coalesce(first.idle_since, 'infinity'), clock_timestamp()
  from (select) as one
  left join lateral (
    select o.load, o.idle_since
    from payops.openings as o
    where o.state = p_state and o.specialty = p_specialty and o.load < 1
      and (o.load, o.idle_since) >= (coalesce(known.load, 0), coalesce(known.idle_since, '-infinity'))
    order by o.load, o.idle_since, o.provider_id
    limit 1
  ) as first on true;
end
$$;

-- change_pending: the provider has so many consultations more, or fewer, wherever they are offered. Takes the
-- provider's lock.
create function payops.change_pending(p_provider text, p_more integer, p_assigned_at timestamptz default null)
returns void
language plpgsql
set search_path = '' as $$
declare
  changed payops.providers;
begin
  update payops.providers set pending = pending + p_more, last_assigned_at = coalesce(p_assigned_at, last_assigned_at)
  where id = p_provider
  returning * into changed;
  update payops.openings set
    load = changed.pending::double precision / changed.capacity,
    idle_since = coalesce(changed.last_assigned_at, '-infinity')
  where provider_id = p_provider;
  if p_more < 0 then
    perform payops.lower_fronts(p_provider);
  end if;
end
$$;

-- is_open: whether this provider can take a consultation of this state at this moment.
create function payops.is_open(p_provider text, p_state text, p_now timestamptz) returns boolean
language sql
set search_path = '' as $$
  select exists (
    select from payops.openings
    where provider_id = p_provider and state = p_state and load < 1 and valid_from <= p_now and valid_until > p_now
  )
$$;

-- next_in_order: the first providers open in this state for one of these specialties, in the order of choice.
create function payops.next_in_order(
  p_state text, p_specialties text[], p_declined_by text[], p_now timestamptz, p_limit integer
) returns table (provider_id text, load double precision, capacity integer)
language sql stable
set search_path = '' as $$
  select o.provider_id, o.load, o.capacity
  from unnest(p_specialties) as s (code)
  left join lateral payops.front_of(p_state, s.code) as f on true
  cross join lateral (
    select i.provider_id, i.load, i.capacity, i.idle_since
    from payops.openings as i
    where i.state = p_state and i.specialty = s.code and i.load < 1
      and (i.load, i.idle_since) >= (coalesce(f.load, 0), coalesce(f.idle_since, '-infinity'))
      and i.valid_from <= p_now and i.valid_until > p_now and i.provider_id <> all (p_declined_by)
    order by i.load, i.idle_since, i.provider_id
    limit p_limit
  ) as o
  order by o.load, o.idle_since, o.provider_id
$$;

-- first_free: the first provider in the order of choice whom nobody else is choosing at this moment, locked; or whom to
-- wait for; or neither, where nobody is open. `stale` says that they are no longer offered so: look again. `first` are
-- the first in order, free or not, as `considered` keeps those who fit so well.
--
-- Somebody being chosen, or chosen a moment ago, is passed over for a provider who is no more loaded than they will be,
-- so that the choice is the one that would follow theirs. If that leaves only more loaded ones, it is better to wait.
create function payops.first_free(
  p_state text, p_specialties text[], p_tier integer, p_declined_by text[], p_now timestamptz, p_may_wait boolean,
  out provider_id text, out wait_for text, out stale boolean, out first jsonb
)
language plpgsql
set search_path = '' as $$
declare
  fits constant text := payops.fit_in_words(p_tier);
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
    from payops.next_in_order(p_state, p_specialties, p_declined_by, p_now, looked_at) as n;
    exit when ids is null;
    select p.id, c.load into provider_id, taken_at
    from (
      select
        n.id, n.load, n.place,
        min(n.load + 1.0 / n.capacity) over (order by n.place rows between unbounded preceding and 1 preceding) as passed
      from unnest(ids, loads, capacities) with ordinality as n (id, load, capacity, place)
    ) as c
    inner join payops.providers as p on c.id = p.id
    where p.pending::double precision / p.capacity = c.load and (c.load > c.passed and p_may_wait) is not true
    order by c.place
    limit 1
    for update of p skip locked;
    exit when found or cardinality(ids) < looked_at or p_may_wait and loads[looked_at] > loads[1];
  end loop;
  select jsonb_agg(jsonb_build_object(
    'provider_id', n.id, 'eligible', true, 'tier', p_tier, 'why', fits, 'pending', round(n.load * n.capacity)::integer,
    'capacity', n.capacity
  ) order by n.place) into first
  from unnest(ids, loads, capacities) with ordinality as n (id, load, capacity, place)
  where (n.place <= 5 or n.id = first_free.provider_id) and n.place = array_position(ids, n.id); -- each once
  if provider_id is null then
    wait_for := ids[1];
  else
    stale := not exists (
      select from payops.openings as o
      where o.provider_id = first_free.provider_id and o.state = p_state and o.specialty = any(p_specialties)
        and o.load = taken_at and o.valid_from <= p_now and o.valid_until > p_now
    );
  end if;
end
$$;

-- choose_provider: the least loaded provider open in this state for one of these specialties is answered, and theirs
-- is the lock; nobody, where nobody is open, or where everybody is being chosen and this must not wait. `first` are the
-- first in the order of choice.
--
-- A block that ends in an exception lets go of its locks: nobody is held while waiting, so that two choices cannot wait
-- for each other.
create function payops.choose_provider(
  p_state text, p_specialties text[], p_tier integer, p_declined_by text[], p_now timestamptz, p_may_wait boolean,
  out provider_id text, out first jsonb
)
language plpgsql
set search_path = '' as $$
declare
  choice record;
begin
  loop
    begin
      choice := payops.first_free(p_state, p_specialties, p_tier, p_declined_by, p_now, p_may_wait);
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

-- tier_of: how well these specialties fit the one that is wanted, 1 being best.
create function payops.tier_of(p_wanted text, p_specialties text[]) returns integer
language sql immutable
set search_path = '' as $$
  select case when p_wanted = any(p_specialties) then 1 when 'general_practice' = any(p_specialties) then 2 else 3 end
$$;

-- fit_in_words: how somebody who is eligible fits.
create function payops.fit_in_words(p_tier integer) returns text
language sql immutable
set search_path = '' as $$
  select case p_tier
    when 1 then 'Licensed, with the specialty and room.'
    when 2 then 'Licensed, general practice, with room.'
    else 'Licensed, another specialty, with room.'
  end
$$;

-- candidates_of: who has a licence in this state, in the order of choice, each with whether they could take a
-- consultation of this specialty at this moment and why not; only these providers, if some are named.
create function payops.candidates_of(
  p_state text, p_specialty text, p_now timestamptz, p_providers text[], p_declined_by text[] default '{}'
) returns table (
  provider_id text, licensed boolean, eligible boolean, tier integer, why text, pending integer, capacity integer
)
language sql stable
set search_path = '' as $$
  select
    p.id, l.licensed, l.licensed and p.active and p.pending < p.capacity and p.id <> all (p_declined_by), t.tier,
    case
      when l.held is null then 'No licence in ' || p_state || '.'
      when not p.active then 'Deactivated.'
      when not l.licensed then l.held
      when p.id = any(p_declined_by) then 'The consultation was taken back from them.'
      when p.pending >= p.capacity then 'At capacity.'
      else payops.fit_in_words(t.tier)
    end,
    p.pending, p.capacity
  from unnest(p_providers) as given (id)
  inner join payops.providers as p on given.id = p.id
  cross join lateral (
    select
      coalesce(bool_or(n.status = 'active' and n.valid_from <= p_now and n.valid_until > p_now), false) as licensed,
      max(case
        when n.status <> 'active' then 'Licence ' || n.status || '.'
        when n.valid_until <= p_now then 'Licence expired ' || n.expires_on || '.'
        when n.valid_from > p_now then 'Licence starts ' || n.issued_on || '.'
        else ''
      end) as held
    from payops.licences as n
    where n.provider_id = p.id and n.state = p_state
  ) as l
  cross join lateral payops.tier_of(p_specialty, p.specialties) as t (tier)
  order by 3 desc, t.tier, p.pending::double precision / p.capacity, p.last_assigned_at nulls first, p.id
$$;

-- considered: what is kept of a choice: everybody licensed in the state with why each was in or out; where those are
-- many, the first in the order of choice, or some where nobody is. `complete` says that those are all.
create function payops.considered(p_consultation payops.consultations, p_now timestamptz, p_first jsonb default null)
returns jsonb
language plpgsql stable
set search_path = '' as $$
declare
  most constant integer := 25;
  looked_at text[] := array(
    select distinct l.provider_id from payops.licences as l
    where l.state = p_consultation.state
    order by l.provider_id
    limit most + 1
  );
  complete constant boolean := cardinality(looked_at) <= most;
begin
  -- Where none of the best was free, some of these may fit better than those they were found among.
  if not complete and p_first -> 0 -> 'tier' = p_first -> -1 -> 'tier' and p_consultation.preferred_provider_id is null then
    return jsonb_build_object('complete', false, 'items', p_first);
  elsif not complete then
    looked_at := looked_at[1:6] || array(select f.item ->> 'provider_id' from jsonb_array_elements(p_first) as f (item));
  end if;
  looked_at := looked_at || p_consultation.preferred_provider_id;
  return jsonb_build_object('complete', complete, 'items', (
    select coalesce(jsonb_agg(to_jsonb(c) - 'licensed'), '[]')
    from payops.candidates_of(
      p_consultation.state, p_consultation.specialty, p_now,
      array(select distinct a.id from unnest(looked_at) as a (id) where a.id is not null), p_consultation.declined_by
    ) as c
  ));
end
$$;

-- why_nobody: the reason, in words, for which nobody can take a consultation of this state now.
create function payops.why_nobody(p_state text, p_now timestamptz) returns text
language sql stable
set search_path = '' as $$
  select
    case
      when not exists (select from payops.licences as l where l.state = p_state)
        then format('Nobody has a licence in %s.', p_state)
      when not exists (
        select from payops.licences as l
        where l.state = p_state and l.status = 'active' and l.valid_from <= p_now and l.valid_until > p_now
      ) then format('No licence in %s is active today.', p_state)
      when not exists (
        select from payops.licences as l
        inner join payops.providers as p on l.provider_id = p.id
        where l.state = p_state and l.status = 'active' and l.valid_from <= p_now and l.valid_until > p_now and p.active
      ) then format('Everybody licensed in %s is deactivated.', p_state)
      when exists (
        select from payops.openings as o
        where o.state = p_state and o.load < 1 and o.valid_from <= p_now and o.valid_until > p_now
      ) then format('There is room in %s, and others are just being placed: next in line.', p_state)
      else format('Everybody licensed in %s is at capacity.', p_state)
    end
$$;

-- choose_for: who this consultation goes to, with how they match and why; nobody, with the reason. They are locked.
-- `first` are the first in the order of choice, those with the specialty before the others.
create function payops.choose_for(
  p_consultation payops.consultations, p_now timestamptz, p_may_wait boolean,
  out provider_id text, out match text, out reason text, out first jsonb
)
language plpgsql
set search_path = '' as $$
declare
  state constant text := p_consultation.state;
  wanted constant text := p_consultation.specialty;
  preferred constant text := p_consultation.preferred_provider_id;
  declined constant text[] := p_consultation.declined_by;
  choice record;
begin
  if preferred is not null and preferred <> all (declined) and payops.is_open(preferred, state, p_now) then
    if p_may_wait then
      perform from payops.providers as p where p.id = preferred for update;
    else
      perform from payops.providers as p where p.id = preferred for update skip locked;
    end if;
    if found and payops.is_open(preferred, state, p_now) then
      provider_id := preferred;
      match := case when wanted = any(
        (select p.specialties from payops.providers as p where p.id = preferred)::text[]
      ) then 'specialty' else 'fallback' end;
      reason := 'The preferred provider is licensed and has room.';
      return;
    end if;
  end if;
  choice := payops.choose_provider(state, array[wanted], 1, declined, p_now, p_may_wait);
  provider_id := choice.provider_id;
  first := choice.first;
  if provider_id is not null then
    match := 'specialty';
    reason := format('Least loaded of those licensed in %s for %s.', state, payops.specialty_name(wanted));
    return;
  end if;
  match := 'fallback';
  choice := payops.choose_provider(state, array['general_practice'], 2, declined, p_now, p_may_wait);
  provider_id := choice.provider_id;
  first := coalesce(first || choice.first, first, choice.first);
  if provider_id is not null then
    reason := format(
      'Nobody is free in %s for %s: least loaded in general practice.', state, payops.specialty_name(wanted)
    );
    return;
  end if;
  choice := payops.choose_provider(
    state, array(select s.code from payops.specialties as s), 3, declined, p_now, p_may_wait
  );
  provider_id := choice.provider_id;
  first := coalesce(first || choice.first, first, choice.first);
  if provider_id is not null then
    reason := format(
      'Nobody is free in %s for %s or general practice: least loaded of all.', state, payops.specialty_name(wanted)
    );
    return;
  end if;
  match := null;
  reason := payops.why_nobody(state, p_now);
end
$$;

-- decided: this consultation, which nobody has, as it is to be: with a provider, who has one more now, or waiting with
-- the reason; and what was considered. Writes nothing of the consultation.
create function payops.decided(
  p_consultation payops.consultations, p_now timestamptz, p_may_wait boolean,
  out given payops.consultations, out seen jsonb
)
language plpgsql
set search_path = '' as $$
declare
  choice constant record := payops.choose_for(p_consultation, p_now, p_may_wait);
begin
  seen := payops.considered(p_consultation, p_now, choice.first);
  given := p_consultation;
  given.provider_id := choice.provider_id;
  given.match := choice.match;
  given.reason := choice.reason;
  if choice.provider_id is null then
    given.status := 'waiting';
    given.assigned_at := null;
  else
    given.status := 'assigned';
    given.assigned_at := p_now;
    perform payops.change_pending(choice.provider_id, 1, p_now);
  end if;
end
$$;

-- place: this consultation, which nobody has, has a provider, or waits with the reason; how it was decided is kept.
create function payops.place(
  p_consultation payops.consultations, p_kind text, p_actor text, p_now timestamptz, p_may_wait boolean
) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  started constant timestamptz := clock_timestamp();
  decision constant record := payops.decided(p_consultation, p_now, p_may_wait);
  given constant payops.consultations := decision.given;
begin
  if given.status = 'waiting' and p_kind = 'queue' then
    return p_consultation; -- it waits on, as before
  end if;
  update payops.consultations set
    status = given.status, provider_id = given.provider_id, match = given.match, reason = given.reason,
    assigned_at = given.assigned_at
  where id = given.id;
  perform payops.record_decision(given, p_kind, p_actor, p_now, decision.seen, started);
  return given;
end
$$;

-- record_decision: the log of decisions has this one, as the consultation now stands.
create function payops.record_decision(
  p_consultation payops.consultations, p_kind text, p_actor text, p_now timestamptz, p_candidates jsonb,
  p_started timestamptz
) returns void
language sql
set search_path = '' as $$
  insert into payops.assignment_decisions
    (consultation_id, at, kind, actor, provider_id, match, reason, candidates, took_us)
  values (
    p_consultation.id, p_now, p_kind, p_actor, p_consultation.provider_id, p_consultation.match,
    p_consultation.reason, p_candidates, (extract(epoch from clock_timestamp() - p_started) * 1000000)::integer
  )
$$;

-- drain_state: the oldest waiting consultations of this state have a provider, as far as there is room; answers how
-- many. One at a time drains a state, so that the oldest goes first, and waits for nothing else while it does.
create function payops.drain_state(p_state text, p_now timestamptz, p_limit integer default 500) returns integer
language plpgsql
set search_path = '' as $$
declare
  waiting payops.consultations;
  placed payops.consultations;
  drained integer := 0;
begin
  perform pg_advisory_xact_lock(7209115, hashtext(p_state));
  for waiting in
    select c.* from payops.consultations as c
    where c.state = p_state and c.status = 'waiting'
    order by c.received_at, c.id
    limit p_limit
    for update skip locked
  loop
    placed := payops.place(waiting, 'queue', 'system:queue', p_now, false);
    if placed.status = 'assigned' then
      drained := drained + 1;
    elsif waiting.declined_by = '{}' then
      exit; -- nobody is free in this state
    end if;
  end loop;
  return drained;
end
$$;
