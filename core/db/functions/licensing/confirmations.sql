-- open_states: the states in which this provider holds a licence that is or will be valid, once for each licence.
create function payops.open_states(p_provider text, p_now timestamptz) returns text[]
language plpgsql stable
set search_path = '' as $$
begin
  return array(
    select o.state
    from (select l.* from payops.licences as l where l.provider_id = p_provider offset 0) as o -- by the provider's index
    where o.status = 'active' and o.awaiting is distinct from 'licence' and o.valid_until > p_now
  );
end
$$;

-- await_confirmation: if a second person must confirm, each licence of this provider that would open a state waits for
-- that, and so do the privileges of a licence that has become a home licence.
create function payops.await_confirmation(p_provider text, p_open_before text[], p_actor text, p_now timestamptz)
returns void
language sql
set search_path = '' as $$
  update payops.licences set awaiting = null
  where provider_id = p_provider and awaiting is not null and (
    status <> 'active' or awaiting = 'privileges' and compact is null
  );
  update payops.licences as l set
    entered_by = p_actor, awaiting = case when l.state = any(p_open_before) then 'privileges' else 'licence' end
  from payops.licensing_policy as y
  where y.second_person and l.provider_id = p_provider and l.home_licence_id is null and l.status = 'active'
    and l.awaiting is distinct from 'licence' and l.valid_until > p_now
    and (
      l.state <> all (p_open_before)
      or l.kind = 'full' and l.compact is not null and not exists (
        select from payops.licence_versions as v
        where v.licence_id = l.id and v.until = 'infinity' and v.facts ->> 'compact' = l.compact
      )
    )
$$;
