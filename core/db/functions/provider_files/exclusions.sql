-- exclusion_reason: why an excluded provider is out of assignment, in words for staff.
create function payops.exclusion_reason(p_provider text) returns text
language sql stable
set search_path = '' as $$
  select format(
    'Excluded from federal health care programs since %s (%s on the OIG''s list).', min(l.excluded_on),
    string_agg(distinct l.exclusion_type, ', ')
  )
  from payops.listed_exclusions as l where l.provider_id = p_provider and l.status = 'excluded'
$$;

-- exclude_provider: takes the provider out of assignment because of their listed exclusions, from the first exclusion's
-- day on. The first time this opens an incident, which says how many consultations must move and how many were assigned
-- since that day.
create function payops.exclude_provider(p_actor text, p_actor_role text, p_provider text, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  subject constant payops.providers := payops.provider_named(p_provider);
  since constant date := (
    select min(l.excluded_on) from payops.listed_exclusions as l where l.provider_id = p_provider and l.status = 'excluded'
  );
begin
  if payops.block_assignment(
    p_actor, p_actor_role, p_provider, 'excluded', since, payops.exclusion_reason(p_provider), p_now
  ) then
    perform payops.record_incident(
      'provider_excluded', subject.name, format('%s is on the OIG''s list of excluded individuals.', subject.name), p_now,
      'error', jsonb_build_object(
        'provider', subject.id, 'excluded_on', since, 'open_consultations', subject.pending,
        'assigned_since', (select count(*) from payops.assigned_since(p_provider, since) as a)
      )
    );
  end if;
end
$$;

-- put_listed_exclusion: stores one row of the list that is or may be about this provider, once, and acts on it: matched
-- by NPI, the provider is excluded; by name alone, a person must decide. A person's decision stays. Returns the
-- outcome.
create function payops.put_listed_exclusion(p_actor text, p_actor_role text, p_row jsonb, p_now timestamptz) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  given payops.listed_exclusions := jsonb_populate_record(null::payops.listed_exclusions, p_row);
  subject payops.providers := payops.provider_named(given.provider_id);
  known payops.listed_exclusions;
  outcome text;
begin
  perform payops.lock_provider(subject.id);
  select l.* into known from payops.listed_exclusions as l
  where l.provider_id = subject.id and l.excluded_on = given.excluded_on and l.exclusion_type = given.exclusion_type;
  if known.id is null and given.reinstated_on is null then
    outcome := case given.matched_by when 'npi' then 'excluded' else 'candidate' end;
    insert into payops.listed_exclusions (
      provider_id, listed_name, listed_npi, exclusion_type, excluded_on, waived_on, waiver_state, matched_by, status,
      first_seen_at, last_seen_at
    )
    values (
      subject.id, given.listed_name, given.listed_npi, given.exclusion_type, given.excluded_on, given.waived_on,
      given.waiver_state, given.matched_by, outcome, p_now, p_now
    );
    if outcome = 'candidate' then
      perform payops.record_incident(
        'exclusion_candidate', subject.name,
        format('%s may be on the OIG''s list of excluded individuals.', subject.name), p_now, 'warning',
        jsonb_build_object('provider', subject.id, 'excluded_on', given.excluded_on)
      );
    end if;
  elsif known.id is null then
    outcome := 'reinstated_before';
  else
    update payops.listed_exclusions set
      status = case when status = 'candidate' and given.matched_by = 'npi' then 'excluded' else status end,
      matched_by = case when given.matched_by = 'npi' then 'npi' else matched_by end,
      listed_name = given.listed_name, listed_npi = given.listed_npi, waived_on = given.waived_on,
      waiver_state = given.waiver_state, last_seen_at = p_now, unlisted_at = null,
      reinstated_on = coalesce(given.reinstated_on, reinstated_on)
    where id = known.id;
    outcome := case
      when given.reinstated_on is not null then 'reinstated'
      when known.status = 'candidate' and given.matched_by = 'npi' then 'excluded'
      when known.status = 'excluded' then 'still_excluded'
      when known.status = 'candidate' then 'still_candidate'
      when known.status = 'returned' then 'still_listed'
      else known.status
    end;
  end if;
  if outcome in ('excluded', 'still_excluded') then
    perform payops.exclude_provider(p_actor, p_actor_role, subject.id, p_now);
  end if;
  return jsonb_build_object(
    'provider_id', subject.id, 'name', subject.name, 'excluded_on', given.excluded_on, 'outcome', outcome,
    'open_consultations', subject.pending,
    'assigned_since', (select count(*) from payops.assigned_since(subject.id, given.excluded_on) as a)
  );
end
$$;

-- note_unlisted: marks the stored exclusions that a full list no longer has. Returns an outcome for each that was
-- listed until now. That alone lifts no block.
create function payops.note_unlisted(p_rows jsonb, p_now timestamptz) returns setof jsonb
language sql
set search_path = '' as $$
  with gone as (
    update payops.listed_exclusions as l set unlisted_at = p_now
    where l.status in ('candidate', 'excluded') and l.unlisted_at is null and not exists (
      select from jsonb_array_elements(p_rows) as r (one)
      where r.one ->> 'provider_id' = l.provider_id and (r.one ->> 'excluded_on')::date = l.excluded_on
        and r.one ->> 'exclusion_type' = l.exclusion_type
    )
    returning l.*
  )
  select jsonb_build_object(
    'provider_id', g.provider_id, 'name', p.name, 'excluded_on', g.excluded_on, 'outcome', 'unlisted',
    'open_consultations', p.pending,
    'assigned_since', (select count(*) from payops.assigned_since(g.provider_id, g.excluded_on) as a)
  )
  from gone as g inner join payops.providers as p on g.provider_id = p.id
$$;

-- import_exclusions: stores the rows of the list that concern our providers and acts on them, all or none. Returns one
-- outcome for each. A full list that is much shorter than the last one is refused. A trial changes nothing.
create function payops_api.import_exclusions(
  p_actor text, p_actor_role text, p_file jsonb, p_rows jsonb, p_now timestamptz, p_trial boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  listed jsonb;
  outcomes jsonb[] := '{}';
  before constant bigint := (
    select i.rows_read from payops.registry_imports as i
    where i.kind = 'exclusions' and i.is_full order by i.id desc limit 1
  );
begin
  if (p_file ->> 'is_full')::boolean and before >= 10000 and (p_file ->> 'rows')::bigint < before * 0.9 then
    perform payops.refuse('cut_off', format(
      'This list has %s rows and the last full one had %s: it looks cut off. Download it again, or import it as a supplement.',
      p_file ->> 'rows', before
    ));
  end if;
  begin
    for listed in
      select r.one from jsonb_array_elements(p_rows) with ordinality as r (one, place)
      order by r.one ->> 'provider_id', r.place
    loop
      outcomes := outcomes || (
        payops.put_listed_exclusion(p_actor, p_actor_role, listed, p_now) || jsonb_build_object('line', listed -> 'line')
      );
    end loop;
    if (p_file ->> 'is_full')::boolean then
      outcomes := outcomes || array(select u.one from payops.note_unlisted(p_rows, p_now) as u (one));
    end if;
    if p_trial then
      raise exception using errcode = 'PT001', message = 'only a trial';
    end if;
    perform payops.record_registry_import(p_actor, p_actor_role, 'exclusions', p_file, to_jsonb(outcomes), p_now);
  exception
    when sqlstate 'PT001' then null;
  end;
  return to_jsonb(outcomes);
end
$$;

-- decide_exclusion: records whether the row of the list with the provider's name is about them: if so they are
-- excluded, else the row is dismissed and not asked about again.
create function payops_api.decide_exclusion(
  p_actor text, p_actor_role text, p_id bigint, p_is_theirs boolean, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  decided payops.listed_exclusions;
begin
  perform payops.require_reason(p_reason);
  update payops.listed_exclusions set
    status = case when p_is_theirs then 'excluded' else 'dismissed' end,
    decided_at = p_now, decided_by = p_actor, decision_reason = btrim(p_reason)
  where id = p_id and status = 'candidate'
  returning * into decided;
  if not found then
    perform payops.refuse('decided_before', 'Somebody has already decided this, so nothing was changed.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:exclusion:' || decided.status, 'exclusion:' || p_id, p_now,
    jsonb_build_object('status', 'candidate'),
    jsonb_build_object('status', decided.status, 'provider_id', decided.provider_id), p_reason
  );
  if p_is_theirs then
    perform payops.exclude_provider(p_actor, p_actor_role, decided.provider_id, p_now);
  end if;
  return to_jsonb(decided);
end
$$;

-- listed_exclusions: the rows of the list that concern our providers and are not dismissed, undecided ones first; for
-- one provider if given, then including dismissed ones.
create function payops_api.listed_exclusions(p_provider text default null) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(l) || jsonb_build_object('name', p.name, 'npi', p.npi)
    order by l.status <> 'candidate', l.excluded_on desc, l.id
  ), '[]')
  from payops.listed_exclusions as l
  inner join payops.providers as p on l.provider_id = p.id
  where case when p_provider is null then l.status in ('candidate', 'excluded') else l.provider_id = p_provider end
$$;
