-- privileges_of: the states in which this provider may see patients by a compact because of a home licence, and when:
-- while the licence is valid and both states are members. A privilege ends with its last day in either state, whichever
-- comes first. A membership counts only if somebody has verified it at its source.
create function payops.privileges_of(p_provider text) returns table (
  home_licence_id bigint, compact text, state text, expires_on date, valid tstzrange
)
language plpgsql stable
set search_path = '' as $$
begin
  return query
  select
    h.id, h.compact, m.state, h.expires_on,
    tstzrange(h.valid_from, h.valid_until) * payops.days_in(t.zone, null, h.expires_on)
    * payops.days_in(o.zone, own.effective_on, own.ends_on) * payops.days_in(t.zone, m.effective_on, m.ends_on)
  from payops.licences as h
  inner join payops.compact_members as own
    on h.compact = own.compact and h.state = own.state and own.verified_on is not null
  inner join payops.states as o on h.state = o.code
  inner join payops.compact_members as m on h.compact = m.compact and h.state <> m.state and m.verified_on is not null
  inner join payops.states as t on m.state = t.code
  where h.provider_id = p_provider and h.kind = 'full' and h.status = 'active' and h.awaiting is null
    and h.valid_from < h.valid_until;
end
$$;

-- derive_licences: makes each licence of these providers valid while it and what it depends on are valid, and stores
-- exactly the privileges derived from each home licence. The caller holds the providers' locks. Everything is looked up
-- by provider, also if the tables were empty when the plans were made.
create function payops.derive_licences(p_providers text[], p_now timestamptz) returns void
language plpgsql
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
declare
  provider text;
begin
  foreach provider in array p_providers loop
    if exists (
      select from payops.licences as l
      where l.provider_id = provider and (l.compact is not null or l.kind = 'telehealth_registration')
    ) then
      perform payops.derive_entered(provider);
      perform payops.derive_privileges(provider);
    end if;
    perform payops.record_licence_versions(provider, p_now);
  end loop;
end
$$;

-- derive_entered: makes each privilege and registration that staff entered for this provider valid on its days, and
-- only while the rule and the home licence that it depends on are; never if nobody verified the rule.
create function payops.derive_entered(p_provider text) returns void
language plpgsql
set search_path = '' as $$
begin
  update payops.licences as l set valid_from = t.valid_from, valid_until = t.valid_until
  from (
    select
      n.id, case when isempty(n.valid) then '-infinity' else lower(n.valid) end as valid_from,
      case when isempty(n.valid) then '-infinity' else upper(n.valid) end as valid_until
    from (
      select k.id, payops.days_in(s.zone, k.issued_on, k.expires_on) * coalesce(p.valid, r.valid, 'empty') as valid
      from payops.licences as k
      inner join payops.states as s on k.state = s.code
      left join payops.privileges_of(p_provider) as p
        on k.kind = 'compact_privilege' and k.compact = p.compact and k.state = p.state
      left join lateral (
        select payops.days_in(s.zone, g.effective_on, g.ends_on) as valid
        from payops.telehealth_registrations as g
        where k.kind = 'telehealth_registration' and g.state = k.state and g.verified_on is not null
      ) as r on true
      where k.provider_id = p_provider and k.home_licence_id is null
        and k.kind in ('compact_privilege', 'telehealth_registration')
    ) as n
  ) as t
  where l.id = t.id and (l.valid_from <> t.valid_from or l.valid_until <> t.valid_until);
end
$$;

-- derive_privileges: stores exactly the privileges that this provider's present home licences give.
create function payops.derive_privileges(p_provider text) returns void
language plpgsql
set search_path = '' as $$
begin
  with following as (
    select p.*
    from payops.privileges_of(p_provider) as p
    inner join payops.compacts as c on p.compact = c.code and c.grants = 'every_member'
    where not isempty(p.valid)
  ),
  gone as (
    delete from payops.licences as l
    where l.provider_id = p_provider and l.home_licence_id is not null and not exists (
      select from following as f where f.home_licence_id = l.home_licence_id and f.state = l.state
    )
  )
  insert into payops.licences as l
    (provider_id, state, status, expires_on, valid_from, valid_until, kind, compact, home_licence_id)
  select
    p_provider, f.state, 'active', f.expires_on, lower(f.valid), upper(f.valid), 'compact_privilege', f.compact,
    f.home_licence_id
  from following as f
  on conflict (home_licence_id, state) where home_licence_id is not null do update set
    expires_on = excluded.expires_on, valid_from = excluded.valid_from, valid_until = excluded.valid_until,
    compact = excluded.compact
  where (l.expires_on, l.valid_from, l.valid_until, l.compact)
    is distinct from (excluded.expires_on, excluded.valid_from, excluded.valid_until, excluded.compact);
end
$$;
