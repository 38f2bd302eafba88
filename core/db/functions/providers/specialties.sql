-- specialty_name: the name of a specialty within a sentence.
create function payops.specialty_name(p_code text) returns text
language plpgsql stable
set search_path = '' as $$
begin
  return lower(coalesce((select s.name from payops.specialties as s where s.code = p_code), p_code));
end
$$;

-- directory_vocabulary: the names of all states and specialties by code, the compacts with what they grant and their
-- members, and the states with telehealth registrations.
create function payops_api.directory_vocabulary() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'states', (select jsonb_object_agg(s.code, s.name) from payops.states as s),
    'specialties', (select jsonb_object_agg(s.code, s.name) from payops.specialties as s),
    'compacts', (
      select jsonb_object_agg(c.code, jsonb_build_object('grants', c.grants, 'members', (
        select coalesce(jsonb_agg(m.state order by m.state), '[]')
        from payops.compact_members as m where m.compact = c.code
      )))
      from payops.compacts as c
    ),
    'registrations', (
      select coalesce(jsonb_agg(r.state order by r.state), '[]') from payops.telehealth_registrations as r
    )
  )
$$;

-- add_specialty: adds a specialty that providers may have and patients may ask for; its code is made from its name.
create function payops_api.add_specialty(p_actor text, p_actor_role text, p_name text, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  called constant text := btrim(regexp_replace(replace(p_name, '_', ' '), '\s+', ' ', 'g'));
  coded constant text := replace(regexp_replace(lower(called), '[''&/-]', '', 'g'), ' ', '_');
begin
  if called !~ '^[A-Za-z][A-Za-z0-9 ''&/-]*$' or coded !~ '^[a-z][a-z0-9_]{1,39}$' then
    perform payops.refuse('bad_specialty', 'A specialty''s name has 2 to 40 letters, digits and spaces, and begins with a letter.');
  end if;
  insert into payops.specialties (code, name) values (coded, upper(left(called, 1)) || substr(called, 2))
  on conflict do nothing;
  if found then
    perform payops.record_audit(
      p_actor, p_actor_role, 'providers:specialty:added', 'specialty:' || coded, p_now, null,
      jsonb_build_object('name', called)
    );
  end if;
  return to_jsonb(coded);
end
$$;

-- directory_identities: every NPI in the directory with its provider's name, and the IDs of providers without an NPI by
-- name, if no other such provider has that name.
create function payops_api.directory_identities() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'npis', (select coalesce(jsonb_agg(p.npi), '[]') from payops.providers as p where p.npi is not null),
    'names_by_npi', (
      select coalesce(jsonb_object_agg(p.npi, p.name), '{}') from payops.providers as p where p.npi is not null
    ),
    'ids_by_name', (
      select coalesce(jsonb_object_agg(n.name, n.id), '{}')
      from (
        select p.name, min(p.id) as id from payops.providers as p where p.npi is null group by p.name having count(*) = 1
      ) as n
    )
  )
$$;
