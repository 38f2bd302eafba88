-- rewrite_availability: the provider is available in exactly the states and specialties that their licences and
-- specialties allow, while they are there by their schedule. The caller holds the provider's lock.
create function payops.rewrite_availability(p_provider text) returns void
language sql
set search_path = '' as $$
  delete from payops.availability where provider_id = p_provider;
  insert into payops.availability
    (provider_id, licence_id, specialty, state, load, capacity, idle_since, valid_from, valid_until)
  select
    p.id, l.id, s.code, l.state, p.pending::double precision / coalesce(d.capacity, p.capacity),
    coalesce(d.capacity, p.capacity), coalesce(p.last_assigned_at, '-infinity'),
    greatest(l.valid_from, d.settled_from), least(l.valid_until, d.settled_until)
  from payops.providers as p
  inner join payops.licences as l
    on p.id = l.provider_id and l.status = 'active' and l.awaiting is distinct from 'licence'
    and l.valid_from < l.valid_until
  left join payops.provider_schedules as d on p.id = d.provider_id
  cross join unnest(p.specialties) as s (code)
  where p.id = p_provider and payops.may_be_assigned(p) and d.on_duty is not false;
  select payops.lower_search_cursors(p_provider)
$$;

-- change_pending: the provider's number of open consultations has changed by `p_more`. Takes the provider's lock.
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
  update payops.availability set
    load = changed.pending::double precision / capacity,
    idle_since = coalesce(changed.last_assigned_at, '-infinity')
  where provider_id = p_provider;
  if p_more < 0 then
    perform payops.lower_search_cursors(p_provider);
  end if;
end
$$;

-- is_available: whether this provider can take a consultation in this state now.
create function payops.is_available(p_provider text, p_state text, p_now timestamptz) returns boolean
language sql
set search_path = '' as $$
  select exists (
    select from payops.availability as a
    where a.provider_id = p_provider and a.state = p_state and a.load < 1
      and payops.is_within(a.valid_from, a.valid_until, p_now)
  )
$$;
