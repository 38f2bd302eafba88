-- registry_subjects: the providers that the files are searched for, active or not: ID, name and NPI.
create function payops_api.registry_subjects() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'npi', p.npi) order by p.id), '[]')
  from payops.providers as p
$$;

-- record_registry_import: records the import of this file, with the number of each outcome and an audit entry.
create function payops.record_registry_import(
  p_actor text, p_actor_role text, p_kind text, p_file jsonb, p_outcomes jsonb, p_now timestamptz
) returns void
language plpgsql
set search_path = '' as $$
declare
  counts constant jsonb := (
    select coalesce(jsonb_object_agg(o.outcome, o.times), '{}')
    from (
      select i.item ->> 'outcome' as outcome, count(*) as times
      from jsonb_array_elements(p_outcomes) as i (item) group by 1
    ) as o
  );
begin
  insert into payops.registry_imports (kind, file_name, is_full, rows_read, outcomes, imported_at, imported_by)
  values (
    p_kind, p_file ->> 'name', (p_file ->> 'is_full')::boolean, (p_file ->> 'rows')::bigint, counts, p_now, p_actor
  );
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:' || p_kind || ':imported', 'file:' || p_kind, p_now, null, p_file || counts
  );
end
$$;

-- registry_imports: the latest import of each kind of file: its name, rows and outcomes, when it was and by whom.
create function payops_api.registry_imports() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(n) order by n.kind), '[]')
  from (
    select distinct on (i.kind) i.kind, i.file_name, i.is_full, i.rows_read, i.outcomes, i.imported_at, i.imported_by
    from payops.registry_imports as i
    order by i.kind, i.id desc
  ) as n
$$;

-- unscreened_providers: how many providers were added after the last import of the exclusion list, and so were not
-- screened against it.
create function payops_api.unscreened_providers() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(count(*))
  from payops.providers as p
  where p.created_at > (select max(i.imported_at) from payops.registry_imports as i where i.kind = 'exclusions')
$$;

-- assigned_since: the consultations that were assigned to this provider on this business day or later, newest first, at
-- most 1,000: when, in which state, and the outcome of each.
create function payops.assigned_since(p_provider text, p_since date)
returns table (
  consultation_id text, assigned_at timestamptz, state text, specialty text, order_id text, status text, is_theirs boolean
)
language sql stable
set search_path = '' as $$
  select c.id, d.at, c.state, c.specialty, c.order_id, c.status, c.provider_id is not distinct from p_provider
  from (
    select a.consultation_id, min(a.at) as at
    from payops.assignment_decisions as a
    where a.provider_id = p_provider and a.at >= p_since - interval '1 day' and payops.business_day(a.at) >= p_since
    group by a.consultation_id
  ) as d
  inner join payops.consultations as c on d.consultation_id = c.id
  order by d.at desc, c.id
  limit 1000
$$;

-- blocked_providers: the providers out of assignment: why, since which day, what the list says of a reinstatement, how
-- many open consultations must move, and how many were assigned since that day.
create function payops_api.blocked_providers() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', p.id, 'name', p.name, 'npi', p.npi, 'reason', b.reason, 'kind', b.kind, 'since', b.since,
    'blocked_at', b.blocked_at, 'open_consultations', p.pending,
    'assigned_since', (select count(*) from payops.assigned_since(p.id, b.since) as a),
    'reinstated_on', e.reinstated_on, 'unlisted_at', e.unlisted_at
  ) order by p.pending desc, b.blocked_at desc, p.id), '[]')
  from payops.assignment_blocks as b
  inner join payops.providers as p on b.provider_id = p.id
  left join lateral (
    select max(l.reinstated_on) as reinstated_on, max(l.unlisted_at) as unlisted_at
    from payops.listed_exclusions as l
    where l.provider_id = p.id and l.status = 'excluded' and b.kind = 'excluded'
    having bool_and(l.reinstated_on is not null or l.unlisted_at is not null)
  ) as e on true
  where b.lifted_at is null
$$;

-- assigned_since_block: the consultations that were assigned to this provider since the day from which they are
-- blocked.
create function payops_api.assigned_since_block(p_provider text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(a) order by a.assigned_at desc, a.consultation_id), '[]')
  from (
    select min(b.since) as since from payops.assignment_blocks as b
    where b.provider_id = p_provider and b.lifted_at is null
  ) as f
  cross join lateral payops.assigned_since(p_provider, f.since) as a
$$;

-- return_provider: lifts every block of this provider, who may be assigned again, for the reason given.
create function payops_api.return_provider(
  p_actor text, p_actor_role text, p_provider text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  kind text;
  lifted integer := 0;
begin
  perform payops.require_reason(p_reason);
  perform payops.lock_provider(p_provider);
  update payops.listed_exclusions set
    status = 'returned', decided_at = p_now, decided_by = p_actor, decision_reason = btrim(p_reason)
  where provider_id = p_provider and status = 'excluded';
  foreach kind in array array['excluded', 'npi_deactivated'] loop
    lifted := lifted + payops.lift_block(p_actor, p_actor_role, p_provider, kind, btrim(p_reason), p_now)::integer;
  end loop;
  if lifted = 0 then
    perform payops.refuse('not_blocked', 'Nothing keeps this provider out of assignment.');
  end if;
  return to_jsonb(lifted);
end
$$;
