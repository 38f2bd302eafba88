-- import_taxonomy: stores the code set of the file, whole or not at all: codes that are no longer in it are retired and
-- keep their meaning. Returns one outcome for each code. A trial changes nothing.
create function payops_api.import_taxonomy(
  p_actor text, p_actor_role text, p_file jsonb, p_codes jsonb, p_now timestamptz, p_trial boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  outcomes jsonb;
begin
  begin
    with given as (
      select g.* from jsonb_to_recordset(p_codes) as g (
        code text, name text, grouping text, classification text, specialization text, section text
      )
    )
    select coalesce(jsonb_agg(jsonb_build_object('code', x.code, 'name', x.name, 'outcome', x.outcome) order by x.code), '[]')
    into outcomes
    from (
      select
        coalesce(g.code, t.code) as code, coalesce(g.name, t.name) as name,
        case
          when t.code is null then 'added'
          when g.code is null then 'retired'
          when to_jsonb(t) = to_jsonb(g) || '{"retired": false}' then 'unchanged'
          else 'changed'
        end as outcome
      from given as g
      full join payops.taxonomy_codes as t on g.code = t.code
      where g.code is not null or not t.retired
    ) as x;
    update payops.taxonomy_codes as t set retired = true
    where not exists (select from jsonb_array_elements(p_codes) as g (one) where g.one ->> 'code' = t.code);
    insert into payops.taxonomy_codes (code, name, grouping, classification, specialization, section)
    select g.* from jsonb_to_recordset(p_codes) as g (
      code text, name text, grouping text, classification text, specialization text, section text
    )
    on conflict (code) do update set
      name = excluded.name, grouping = excluded.grouping, classification = excluded.classification,
      specialization = excluded.specialization, section = excluded.section, retired = false;
    if p_trial then
      raise exception using errcode = 'PT001', message = 'only a trial';
    end if;
    perform payops.record_registry_import(p_actor, p_actor_role, 'taxonomy', p_file, outcomes, p_now);
  exception
    when sqlstate 'PT001' then null;
  end;
  return outcomes;
end
$$;

-- taxonomy_codes: the codes that stand for one of our specialties or that a provider is registered with, or those found
-- by code or name if text is given; each with its specialties and the number of providers who have it; at most 1,000.
create function payops_api.taxonomy_codes(p_search text default null) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with used as (
    select t.one ->> 'code' as code, count(distinct e.provider_id) as providers
    from payops.nppes_entries as e cross join jsonb_array_elements(e.taxonomies) as t (one)
    group by 1
  ),
  listed as (
    select
      coalesce(c.code, u.code) as code, coalesce(c.name, '') as name, c.classification, c.specialization,
      coalesce(c.retired, false) as retired, c.code is not null as known, coalesce(u.providers, 0) as providers,
      array(select m.specialty from payops.taxonomy_specialties as m where m.code = c.code order by 1) as specialties
    from payops.taxonomy_codes as c
    full join used as u on c.code = u.code
  )
  select coalesce(jsonb_agg(to_jsonb(l) order by l.providers desc, l.name, l.code), '[]')
  from (
    select x.* from listed as x
    where case
      when p_search is null then x.providers > 0 or x.specialties <> '{}'
      else strpos(lower(x.code || ' ' || x.name), lower(p_search)) > 0
    end
    order by x.providers desc, x.name, x.code
    limit 1000
  ) as l
$$;

-- set_taxonomy_specialties: makes this taxonomy code stand for exactly these of our specialties, with an audit entry.
create function payops_api.set_taxonomy_specialties(
  p_actor text, p_actor_role text, p_code text, p_specialties jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
  wanted text[];
begin
  wanted := payops.known_specialties(p_specialties);
  perform payops.require_reason(p_reason);
  perform from payops.taxonomy_codes as c where c.code = p_code for update;
  if not found then
    perform payops.refuse('unknown_taxonomy', 'This taxonomy code is not known yet. Import the NUCC''s code set first.');
  end if;
  before := to_jsonb(array(select m.specialty from payops.taxonomy_specialties as m where m.code = p_code order by 1));
  if before = to_jsonb(wanted) then
    return before;
  end if;
  delete from payops.taxonomy_specialties where code = p_code;
  update payops.nppes_entries set to_check = true
  where not to_check and taxonomies @> jsonb_build_array(jsonb_build_object('code', p_code));
  insert into payops.taxonomy_specialties (code, specialty) select p_code, w.one from unnest(wanted) as w (one);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:taxonomy:changed', 'taxonomy:' || p_code, p_now,
    jsonb_build_object('specialties', before), jsonb_build_object('specialties', wanted), p_reason
  );
  return to_jsonb(wanted);
exception
  when foreign_key_violation then
    perform payops.refuse('bad_specialty', 'One of these is not a specialty of the directory, so nothing was changed.');
end
$$;
