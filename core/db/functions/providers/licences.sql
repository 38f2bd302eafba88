-- is_within: whether a moment is from `p_from` on and before `p_until`. Postgres inlines this and the next two functions
-- into the query, so that its indexes are used: they have no options and no declared search path, and their names are
-- bound when they are made.
create function payops.is_within(p_from timestamptz, p_until timestamptz, p_now timestamptz) returns boolean
language sql immutable
return p_from <= p_now and p_until > p_now;

-- licence_valid: whether this licence lets its provider see patients at this moment.
create function payops.licence_valid(p_licence payops.licences, p_now timestamptz) returns boolean
language sql immutable
return p_licence.status = 'active' and p_licence.awaiting is distinct from 'licence'
  and payops.is_within(p_licence.valid_from, p_licence.valid_until, p_now);

-- days_in: the time from the start of the first day to the end of the last day in this zone; open-ended on a side
-- without a day.
create function payops.days_in(p_zone text, p_first date, p_last date) returns tstzrange
language sql immutable
return tstzrange(
  coalesce(p_first::timestamp at time zone p_zone, '-infinity'),
  coalesce((p_last + 1)::timestamp at time zone p_zone, 'infinity')
);

-- licences_as_json: the licences of a provider that staff entered, by state and number.
create function payops.licences_as_json(p_provider text) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'state', state, 'number', number, 'type', type, 'status', status, 'issued_on', issued_on,
    'expires_on', expires_on, 'verified_on', verified_on, 'verified_by', verified_by, 'kind', kind, 'compact', compact,
    'awaiting', awaiting
  ) order by state, number), '[]')
  from payops.licences where provider_id = p_provider and home_licence_id is null
$$;

-- validity_as_json: when each licence of a provider ends, by state and number, including privileges derived from
-- others. `ends_at` is null for one that never ends or was never valid.
create function payops.validity_as_json(p_provider text) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'state', l.state, 'number', l.number, 'kind', l.kind, 'compact', l.compact, 'home_state', h.state,
    'starts_at', case when isfinite(l.valid_from) then l.valid_from end,
    'ends_at', case when isfinite(l.valid_until) then l.valid_until end,
    'holds', l.valid_from < l.valid_until and l.awaiting is distinct from 'licence', 'not_allowed', r.not_allowed
  ) order by l.home_licence_id nulls first, l.state, l.number), '[]')
  from payops.licences as l
  left join payops.licences as h on l.home_licence_id = h.id
  left join payops.telehealth_registrations as r on l.kind = 'telehealth_registration' and l.state = r.state
  where l.provider_id = p_provider
$$;

-- set_licences: gives the provider exactly these licences; fails if the table does not allow one. The caller holds the
-- provider's lock, and derives what depends on them (`derive_licences`).
create function payops.set_licences(p_provider text, p_licences jsonb, p_actor text, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  given record;
  open_before constant text[] := payops.open_states(p_provider, p_now);
begin
  if (
    select count(*) > count(distinct (l.state, nullif(l.number, '')))
    from jsonb_to_recordset(p_licences) as l (state text, number text)
  ) then
    raise check_violation; -- two licences of one state and number
  end if;
  delete from payops.licences as l
  where l.provider_id = p_provider and l.home_licence_id is null and not exists (
    select from jsonb_to_recordset(p_licences) as g (state text, number text)
    where g.state = l.state and nullif(g.number, '') is not distinct from l.number
  );
  update payops.licences set compact = null
  where provider_id = p_provider and kind = 'full' and compact is not null; -- the home licence may change
  for given in
    select l.*, payops.days_in(s.zone, l.issued_on, l.expires_on) as days
    from jsonb_to_recordset(p_licences) as l (
      state text, number text, type text, status text, issued_on date, expires_on date, verified_on date,
      verified_by text, kind text, compact text
    )
    left join payops.states as s on l.state = s.code
  loop
    insert into payops.licences (
      provider_id, state, number, type, status, issued_on, expires_on, verified_on, verified_by, valid_from,
      valid_until, kind, compact
    )
    values (
      p_provider, given.state, nullif(given.number, ''), given.type, coalesce(given.status, 'active'),
      given.issued_on, given.expires_on, given.verified_on, given.verified_by, lower(given.days), upper(given.days),
      coalesce(given.kind, 'full'), nullif(given.compact, '')
    )
    on conflict (provider_id, state, number) where home_licence_id is null do update set
      type = excluded.type, status = excluded.status, issued_on = excluded.issued_on, expires_on = excluded.expires_on,
      verified_on = excluded.verified_on, verified_by = excluded.verified_by, valid_from = excluded.valid_from,
      valid_until = excluded.valid_until, kind = excluded.kind, compact = excluded.compact;
  end loop;
  perform payops.await_confirmation(p_provider, open_before, p_actor, p_now);
exception
  when unique_violation then
    raise check_violation; -- two home licences of one compact; a unique violation of the caller is of the NPI
end
$$;

-- markets_of: the keys under which `availability` lists who may see patients in this state: the state itself, and each
-- compact whose home licences give privileges there.
create function payops.markets_of(p_state text) returns text[]
language plpgsql stable
set search_path = '' as $$
begin
  return p_state || array(
    select 'compact:' || m.compact
    from payops.compact_members as m
    inner join payops.compacts as c on m.compact = c.code and c.grants = 'every_member'
    where m.state = p_state and m.verified_on is not null
  );
end
$$;

-- has_privilege: whether a privilege derived from this home licence is valid in this state now.
create function payops.has_privilege(p_home_licence_id bigint, p_state text, p_now timestamptz) returns boolean
language plpgsql stable
set search_path = '' as $$
begin
  return exists (
    select from payops.licences as l
    where l.home_licence_id = p_home_licence_id and l.state = p_state and payops.licence_valid(l, p_now)
  );
end
$$;

-- holds_in: whether the licence of this row of `availability` is valid in this state now. For a compact's row, the
-- privilege itself is checked, since it may end at a different hour in each state.
create function payops.holds_in(p_row payops.availability, p_state text, p_now timestamptz) returns boolean
language sql stable
return payops.is_within(p_row.valid_from, p_row.valid_until, p_now) and (
  p_row.state = p_state or payops.has_privilege(p_row.licence_id, p_state, p_now)
);
