-- membership: when this state takes part in this compact; null where it never does, or where nobody verified that it does.
create function payops.membership(p_compact text, p_state text) returns tstzrange
language sql stable
set search_path = '' as $$
  select tstzrange(
    payops.start_of_day_in(m.state, m.effective_on), coalesce(payops.start_of_day_in(m.state, m.ends_on + 1), 'infinity')
  )
  from payops.compact_members as m
  where m.compact = p_compact and m.state = p_state and m.verified_on is not null
$$;

-- days_of: the time of a licence with these days in this state.
create function payops.days_of(p_state text, p_issued_on date, p_expires_on date) returns tstzrange
language sql stable
set search_path = '' as $$
  select tstzrange(
    coalesce(payops.start_of_day_in(p_state, p_issued_on), '-infinity'),
    coalesce(payops.start_of_day_in(p_state, p_expires_on + 1), 'infinity')
  )
$$;

-- privilege_time: when the holder of this home licence may see patients in another member state: while the licence holds
-- and both states take part. The licence ends there with its last day in either state, whichever ends first. Null where
-- nothing follows from it.
create function payops.privilege_time(p_home payops.licences, p_state text) returns tstzrange
language sql stable
set search_path = '' as $$
  select
    tstzrange(p_home.valid_from, p_home.valid_until) * payops.days_of(p_state, null, p_home.expires_on)
    * payops.membership(p_home.compact, p_home.state) * payops.membership(p_home.compact, p_state)
  where p_home.kind = 'full' and p_home.status = 'active' and p_home.awaiting is null and p_home.state <> p_state
    and p_home.valid_from < p_home.valid_until
$$;

-- derived_time: when a licence that somebody entered is valid: in its days, and where it rests on a rule, only while that
-- rule and the home licence hold. Empty where it never is, and where nobody verified the rule.
create function payops.derived_time(p_licence payops.licences) returns tstzrange
language sql stable
set search_path = '' as $$
  select case p_licence.kind
    when 'compact_privilege' then coalesce(own.days * (
      select payops.privilege_time(h, p_licence.state) from payops.licences as h
      where h.provider_id = p_licence.provider_id and h.compact = p_licence.compact and h.kind = 'full'
        and h.status = 'active'
    ), 'empty')
    when 'telehealth_registration' then coalesce(own.days * (
      select payops.days_of(r.state, r.effective_on, r.ends_on) from payops.telehealth_registrations as r
      where r.state = p_licence.state and r.verified_on is not null
    ), 'empty')
    else own.days
  end
  from payops.days_of(p_licence.state, p_licence.issued_on, p_licence.expires_on) as own (days)
$$;

-- derive_licences: each licence of this provider is valid while it and what it rests on hold, and the privileges that
-- follow from a home licence are exactly there. The caller holds the provider's lock.
create function payops.derive_licences(p_provider text, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  if exists (
    select from payops.licences as l
    where l.provider_id = p_provider and (l.compact is not null or l.kind = 'telehealth_registration')
  ) then
    update payops.licences as l set valid_from = t.valid_from, valid_until = t.valid_until
    from payops.licences as k
    cross join lateral (
      select
        case when isempty(d.time) then '-infinity' else lower(d.time) end as valid_from,
        case when isempty(d.time) then '-infinity' else upper(d.time) end as valid_until
      from payops.derived_time(k) as d (time)
    ) as t
    where k.id = l.id and l.provider_id = p_provider and l.home_licence_id is null
      and l.kind in ('compact_privilege', 'telehealth_registration');
    perform payops.derive_privileges(p_provider);
  end if;
  perform payops.record_licence_versions(p_provider, p_now);
end
$$;

-- derive_privileges: the privileges of this provider are those that follow from their home licences as they are now, and
-- from memberships that somebody has verified at their source.
create function payops.derive_privileges(p_provider text) returns void
language sql
set search_path = '' as $$
  with following as (
    select h.id, m.state, h.compact, h.expires_on, lower(t.time) as valid_from, upper(t.time) as valid_until
    from payops.licences as h
    inner join payops.compacts as c on h.compact = c.code and c.grants = 'every_member'
    inner join payops.compact_members as m on h.compact = m.compact
    cross join lateral payops.privilege_time(h, m.state) as t (time)
    where h.provider_id = p_provider and h.kind = 'full' and not isempty(t.time)
  ),
  gone as (
    delete from payops.licences as l
    where l.provider_id = p_provider and l.home_licence_id is not null and not exists (
      select from following as f where f.id = l.home_licence_id and f.state = l.state
    )
  )
  insert into payops.licences
    (provider_id, state, status, expires_on, valid_from, valid_until, kind, compact, home_licence_id)
  select p_provider, f.state, 'active', f.expires_on, f.valid_from, f.valid_until, 'compact_privilege', f.compact, f.id
  from following as f
  on conflict (home_licence_id, state) where home_licence_id is not null do update set
    expires_on = excluded.expires_on, valid_from = excluded.valid_from, valid_until = excluded.valid_until,
    compact = excluded.compact
$$;
