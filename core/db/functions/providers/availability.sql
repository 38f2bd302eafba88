-- rewrite_availability: makes each of these providers available in exactly the states and specialties that their
-- licences and specialties allow, while they are on duty by their schedule. The caller holds their locks. Providers are
-- looked up one at a time, so that the cost grows only with their number.
create function payops.rewrite_availability(variadic p_providers text[]) returns void
language sql
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  delete from payops.availability where provider_id in (select unnest(p_providers));
  insert into payops.availability
    (provider_id, licence_id, specialty, state, load, capacity, idle_since, valid_from, valid_until)
  select
    p.id, l.licence_id, s.code, l.market, p.pending::double precision / coalesce(d.capacity, p.capacity),
    coalesce(d.capacity, p.capacity), coalesce(p.last_assigned_at, '-infinity'),
    greatest(l.valid_from, d.settled_from), least(l.valid_until, d.settled_until)
  from (select distinct unnest(p_providers) as id) as asked
  inner join payops.providers as p on asked.id = p.id
  cross join lateral (
    -- a privilege counts under its home licence, so that a compact's states are one row
    select
      coalesce(n.home_licence_id, n.id) as licence_id,
      case when n.home_licence_id is null then n.state else 'compact:' || n.compact end as market,
      min(n.valid_from) as valid_from, max(n.valid_until) as valid_until
    from payops.licences as n
    where n.provider_id = p.id and n.status = 'active' and n.awaiting is distinct from 'licence'
      and n.valid_from < n.valid_until
    group by 1, 2
  ) as l
  left join payops.provider_schedules as d on p.id = d.provider_id
  cross join unnest(p.specialties) as s (code)
  where payops.may_be_assigned(p) and d.on_duty is not false;
  select payops.lower_search_cursors(p_providers)
$$;

-- change_pending: changes the provider's number of open consultations by `p_more`. Takes the provider's lock.
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
    perform payops.lower_search_cursors(array[p_provider]);
  end if;
end
$$;

-- is_available: whether this provider can take a consultation in this state now.
create function payops.is_available(p_provider text, p_state text, p_now timestamptz) returns boolean
language plpgsql
set search_path = '' as $$
declare
  markets constant text[] := payops.markets_of(p_state);
begin
  return exists (
    select from payops.availability as a
    where a.provider_id = p_provider and a.state = any(markets) and a.load < 1 and payops.holds_in(a, p_state, p_now)
  );
end
$$;
