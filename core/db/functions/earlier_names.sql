-- Functions under the names by which the version before calls them: they stay until no process of it runs.

-- move_misplaced: reassign_from_ineligible.
create function payops_api.move_misplaced(
  p_actor text, p_actor_role text, p_reason text, p_now timestamptz, p_provider text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops_api.reassign_from_ineligible(p_actor, p_actor_role, p_reason, p_now, p_provider)
$$;

-- set_network_line: set_network_limit.
create function payops_api.set_network_line(
  p_network text, p_line text, p_ratio double precision, p_events integer, p_since date, p_source text,
  p_actor text, p_role text, p_now timestamptz
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops_api.set_network_limit(
    p_network, p_line, p_ratio, p_events, p_since, p_source, p_actor, p_role, p_now
  )
$$;

-- network_standing: network_counts, with the limits as lines.
create function payops_api.network_standing(p_day date, p_currency text) returns jsonb
language sql security definer
set search_path = '' as $$
  select jsonb_agg(n.counts || jsonb_build_object(
    'everywhere', n.counts -> 'all_currencies',
    'lines', (
      select coalesce(jsonb_agg(l.one || jsonb_build_object('line', l.one -> 'level')), '[]')
      from jsonb_array_elements(n.counts -> 'limits') as l (one)
    )
  ))
  from jsonb_array_elements(payops_api.network_counts(p_day, p_currency)) as n (counts)
$$;

-- expiring_licences: the first of list_expiring_licences.
create function payops_api.expiring_licences(p_days integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops_api.list_expiring_licences(p_days, p_now) -> 'items'
$$;
