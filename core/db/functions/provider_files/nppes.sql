-- plain_number: a licence number as it is compared: without case, punctuation and leading zeros.
create function payops.plain_number(p_number text) returns text
language sql immutable
return ltrim(upper(regexp_replace(p_number, '[^A-Za-z0-9]', '', 'g')), '0');

-- nppes_licences: each licence that the NPI registry lists for this provider, compared with ours: `same`; `differs`
-- from ours in that state; `number_missing` in ours; `missing`, with unknown dates; or `not_a_state`.
create function payops.nppes_licences(p_provider text)
returns table (code text, state text, number text, ours text, result text)
language sql stable
set search_path = '' as $$
  with named as (
    select t.code, coalesce(t.state_code, t.state) as state, t.state_code, t.number, min(t.place) as place
    from payops.nppes_entries as e
    cross join lateral (
      select x.*, row_number() over () as place
      from jsonb_to_recordset(e.taxonomies) as x (code text, number text, state text, state_code text)
    ) as t
    inner join payops.providers as p on e.provider_id = p.id and e.npi = p.npi
    where e.provider_id = p_provider and t.number <> '' and e.entity_type = '1' and e.name_match <> 'different'
    group by t.code, 2, t.state_code, t.number
  )
  select n.code, n.state, n.number, o.numbers, case
    when n.state_code is null then 'not_a_state'
    when o.same then 'same'
    when o.numbers is not null then 'differs'
    when o.held then 'number_missing'
    else 'missing'
  end
  from named as n
  cross join lateral (
    select
      count(*) > 0 as held, string_agg(l.number, ', ' order by l.number) as numbers,
      bool_or(payops.plain_number(l.number) = payops.plain_number(n.number)) as same
    from payops.licences as l where l.provider_id = p_provider and l.state = n.state_code
  ) as o
  order by n.place
$$;

-- registry_findings: what staff should check in this provider's entry in the NPI registry: an object for each, with its
-- `kind`. An entry about another person says nothing about this provider's taxonomies and licences.
create function payops.registry_findings(p_provider text) returns setof jsonb
language sql stable
set search_path = '' as $$
  with entry as (
    select e.*, p.specialties from payops.nppes_entries as e
    inner join payops.providers as p on e.provider_id = p.id and e.npi = p.npi
    where p.id = p_provider
  )
  select jsonb_build_object('kind', 'deactivated', 'day', e.deactivated_on) from entry as e where e.is_deactivated
  union all
  select jsonb_build_object('kind', 'organisation', 'name', e.name) from entry as e where e.entity_type = '2'
  union all
  select jsonb_build_object('kind', 'name_' || e.name_match, 'name', e.name)
  from entry as e where e.entity_type = '1' and e.name_match <> 'same'
  union all
  select jsonb_build_object('kind', 'specialty', 'specialty', s.code)
  from entry as e
  cross join unnest(e.specialties) as s (code)
  where e.entity_type = '1' and e.name_match <> 'different' and jsonb_array_length(e.taxonomies) > 0
    and exists (select from payops.taxonomy_specialties as m where m.specialty = s.code)
    and not exists (
      select from payops.taxonomy_specialties as m
      inner join jsonb_array_elements(e.taxonomies) as t (one) on m.code = t.one ->> 'code'
      where m.specialty = s.code
    )
  union all
  select distinct jsonb_build_object('kind', 'licence_' || l.result, 'state', l.state, 'number', l.number, 'ours', l.ours)
  from payops.nppes_licences(p_provider) as l where l.result <> 'same'
$$;

-- put_nppes_entry: stores the provider's entry from the file, unless ours is newer. A deactivated NPI takes the
-- provider out of assignment, with an incident; a reactivated one puts them back. Returns what was done and what to
-- check.
create function payops.put_nppes_entry(p_actor text, p_actor_role text, p_entry jsonb, p_now timestamptz) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  given payops.nppes_entries := jsonb_populate_record(null::payops.nppes_entries, p_entry);
  known payops.nppes_entries;
  subject payops.providers := payops.provider_named(p_entry ->> 'provider_id');
  outcome text;
  findings jsonb;
begin
  given.imported_at := p_now;
  given.to_check := true;
  select e.* into known from payops.nppes_entries as e where e.provider_id = subject.id and e.npi = given.npi for update;
  if known.as_of > given.as_of then
    outcome := 'older';
  elsif to_jsonb(known) - array['imported_at', 'to_check'] = to_jsonb(given) - array['imported_at', 'to_check'] then
    outcome := 'unchanged';
  else
    outcome := case when known.provider_id is null then 'added' else 'changed' end;
    delete from payops.nppes_entries where provider_id = subject.id;
    insert into payops.nppes_entries select given.*;
  end if;
  if outcome <> 'older' and given.is_deactivated then
    if payops.block_assignment(
      p_actor, p_actor_role, subject.id, 'npi_deactivated', given.deactivated_on,
      format('The NPI was deactivated on %s.', given.deactivated_on), p_now
    ) then
      outcome := 'deactivated';
      perform payops.record_incident(
        'npi_deactivated', subject.name, format('The NPI of %s is deactivated.', subject.name), p_now, 'error',
        jsonb_build_object(
          'provider', subject.id, 'deactivated_on', given.deactivated_on, 'open_consultations', subject.pending
        )
      );
    end if;
  elsif outcome <> 'older' and payops.lift_block(
    p_actor, p_actor_role, subject.id, 'npi_deactivated', 'The NPI registry lists it as active.', p_now
  ) then
    outcome := 'reactivated';
    update payops.incidents set
      resolved_at = p_now, resolved_by = p_actor, resolution = 'The NPI registry lists the NPI as active again.'
    where kind = 'npi_deactivated' and fingerprint = payops.cause_of(subject.name) and resolved_at is null;
  end if;
  findings := coalesce((select jsonb_agg(f.one) from payops.registry_findings(subject.id) as f (one)), '[]');
  update payops.nppes_entries set to_check = findings <> '[]' where provider_id = subject.id;
  return jsonb_build_object(
    'provider_id', subject.id, 'name', subject.name, 'npi', given.npi, 'outcome', outcome,
    'open_consultations', subject.pending, 'findings', findings
  );
end
$$;

-- import_nppes: stores these entries of the NPI registry and acts on them, all or none. Returns one outcome for each. A
-- trial changes nothing.
create function payops_api.import_nppes(
  p_actor text, p_actor_role text, p_file jsonb, p_entries jsonb, p_now timestamptz, p_trial boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  entry jsonb;
  outcomes jsonb[] := '{}';
begin
  begin
    for entry in select e.one from jsonb_array_elements(p_entries) as e (one) order by e.one ->> 'provider_id' loop
      outcomes := outcomes || payops.put_nppes_entry(p_actor, p_actor_role, entry, p_now);
    end loop;
    if p_trial then
      raise exception using errcode = 'PT001', message = 'only a trial';
    end if;
    perform payops.record_registry_import(p_actor, p_actor_role, 'nppes', p_file, to_jsonb(outcomes), p_now);
  exception
    when sqlstate 'PT001' then null;
  end;
  return to_jsonb(outcomes);
end
$$;

-- registry_findings: the providers whose entry in the NPI registry has something to check, by name, at most 500, and
-- their total number.
create function payops_api.registry_findings() returns jsonb
language sql stable security definer
set search_path = '' as $$
  with found as (
    select p.id, p.name, p.npi, f.findings, row_number() over (order by lower(p.name), p.id) as place
    from payops.nppes_entries as e
    inner join payops.providers as p on e.provider_id = p.id and e.npi = p.npi
    cross join lateral (
      select jsonb_agg(r.one) as findings from payops.registry_findings(p.id) as r (one)
    ) as f
    where e.to_check and f.findings is not null
  )
  select jsonb_build_object(
    'total', count(*), 'items', coalesce(jsonb_agg(to_jsonb(f) - 'place' order by f.place) filter (where f.place <= 500), '[]')
  )
  from found as f
$$;

-- registry_entry: what the NPI registry says about this provider, with the names of their taxonomies, the specialties
-- those stand for, and their licences beside ours; null if nothing was imported for their NPI.
create function payops_api.registry_entry(p_provider text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(e) || jsonb_build_object(
    'findings', coalesce((select jsonb_agg(f.one) from payops.registry_findings(p_provider) as f (one)), '[]'),
    'taxonomies', (
      select coalesce(jsonb_agg(distinct jsonb_build_object(
        'code', t.one ->> 'code', 'primary', t.one -> 'primary', 'name', c.name,
        'specialties', array(select m.specialty from payops.taxonomy_specialties as m where m.code = c.code order by 1)
      )), '[]')
      from jsonb_array_elements(e.taxonomies) as t (one)
      left join payops.taxonomy_codes as c on t.one ->> 'code' = c.code
    ),
    'licences', (select coalesce(jsonb_agg(to_jsonb(l)), '[]') from payops.nppes_licences(p_provider) as l)
  )
  from payops.nppes_entries as e
  inner join payops.providers as p on e.provider_id = p.id and e.npi = p.npi
  where p.id = p_provider
$$;
