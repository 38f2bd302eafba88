-- provider_as_json: the fields of a provider that callers get, with licences and when each ends; `updated_at` says
-- which version an edit is based on.
create function payops.provider_as_json(p_provider payops.providers) returns jsonb
language sql stable
set search_path = '' as $$
  select to_jsonb(p_provider) || jsonb_build_object(
    'licences', payops.licences_as_json(p_provider.id), 'validity', payops.validity_as_json(p_provider.id)
  )
$$;

-- provider_facts: the fields of a provider that staff edit, for the history of changes.
create function payops.provider_facts(p_id text) returns jsonb
language sql stable
set search_path = '' as $$
  select
    to_jsonb(p) - array['id', 'pending', 'blocked_reason', 'last_assigned_at', 'created_at', 'updated_at']
    || jsonb_build_object('licences', payops.licences_as_json(p.id))
  from payops.providers as p
  where p.id = p_id
$$;

-- list_providers: at most 1,000 providers by ID, after this ID and with this text in their name, e-mail or NPI if given.
create function payops_api.list_providers(
  p_search text default null, p_after text default null, p_limit integer default 1000
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.provider_as_json(found) order by found.id), '[]')
  from (
    select p.* from payops.providers as p
    where (p_after is null or p.id > p_after)
      and (p_search is null or strpos(lower(concat_ws(' ', p.name, p.email, p.npi)), lower(p_search)) > 0)
    order by p.id
    limit least(p_limit, 1000)
  ) as found
$$;

-- provider_history: every change of this provider, newest first: when, who, why, before and after.
create function payops_api.provider_history(p_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', a.at, 'actor', a.actor, 'action', a.action, 'reason', a.reason, 'before', a.before, 'after', a.after
  ) order by a.id desc), '[]')
  from payops.audit_log as a
  where a.subject = 'provider:' || p_id
$$;

-- known_provider: the ID of the existing provider that this document is about, by ID or else by NPI; null for a new
-- provider.
create function payops.known_provider(p_document jsonb) returns text
language sql stable
set search_path = '' as $$
  select coalesce(
    (select p.id from payops.providers as p where p.id = p_document ->> 'id'),
    (select p.id from payops.providers as p where p.npi = p_document ->> 'npi')
  )
$$;

-- known_specialties: these specialties, each once and sorted; raises a foreign key violation if one is not in the
-- directory.
create function payops.known_specialties(p_codes jsonb) returns text[]
language plpgsql stable
set search_path = '' as $$
declare
  codes constant text[] := array(
    select distinct s.code from jsonb_array_elements_text(p_codes) as s (code) order by s.code
  );
begin
  if not codes <@ array(select s.code from payops.specialties as s) then
    raise foreign_key_violation;
  end if;
  return codes;
end
$$;

-- merged_licences: the given licences, each completed with what is known about it, in the order of `licences_as_json`,
-- so that another order is no change. A licence without the field `number` stands for all of its state.
create function payops.merged_licences(p_known jsonb, p_given jsonb) returns jsonb
language sql immutable
set search_path = '' as $$
  select coalesce(jsonb_agg(m.licence order by m.licence ->> 'state', m.licence ->> 'number'), '[]')
  from jsonb_array_elements(p_given) as g (licence)
  left join jsonb_array_elements(p_known) as k (licence)
    on g.licence ->> 'state' = k.licence ->> 'state'
    and (not g.licence ? 'number' or g.licence ->> 'number' is not distinct from k.licence ->> 'number')
  cross join lateral (select coalesce(k.licence, '{}') || g.licence) as m (licence)
$$;

-- refuse_provider: refuses the document as no valid provider; `directory.problems_of` says what is wrong, field by
-- field, before anything gets here.
create function payops.refuse_provider() returns void
language sql
set search_path = '' as $$
  select payops.refuse('bad_provider', 'This is not a valid provider, so nothing was changed.')
$$;

-- put_provider: adds or changes one provider as the document says. Returns the ID and whether the provider was added,
-- changed or left unchanged. A field that the document omits stays as it was. The caller derives what depends on their
-- licences, and rewrites their availability.
create function payops.put_provider(
  p_actor text, p_actor_role text, p_document jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  target text := payops.known_provider(p_document);
  wanted jsonb;
  before jsonb;
  after jsonb;
  rewritten boolean := false;
begin
  if target is null then
    target := coalesce(p_document ->> 'id', 'prov_' || replace(gen_random_uuid()::text, '-', ''));
    wanted := '{"active": true, "capacity": 20, "specialties": [], "licences": []}'::jsonb || p_document;
    insert into payops.providers (id, name, active, capacity, specialties, created_at, updated_at)
    values (target, btrim(wanted ->> 'name'), false, 1, '{}', p_now, p_now);
  else
    perform from payops.providers as p where p.id = target for update;
    if p_document ? 'seen_at' and exists (
      select from payops.providers as p where p.id = target and p.updated_at <> (p_document ->> 'seen_at')::timestamptz
    ) then
      perform payops.refuse(
        'changed_meanwhile', 'Another user changed this provider in the meantime. Reload it, then make your change again.'
      );
    end if;
    before := payops.provider_facts(target);
    wanted := before || p_document;
    wanted := wanted || jsonb_build_object(
      'licences', payops.merged_licences(before -> 'licences', wanted -> 'licences')
    );
  end if;
  update payops.providers set
    name = btrim(wanted ->> 'name'), email = wanted ->> 'email', npi = wanted ->> 'npi',
    active = (wanted ->> 'active')::boolean, capacity = (wanted ->> 'capacity')::integer, notes = wanted ->> 'notes',
    specialties = payops.known_specialties(wanted -> 'specialties')
  where id = target;
  if before is null or wanted -> 'licences' <> before -> 'licences' then
    perform payops.set_licences(target, wanted -> 'licences', p_actor, p_now);
    rewritten := true;
  end if;
  after := payops.provider_facts(target);
  if after = before then
    if rewritten then
      perform payops.derive_licences(array[target], p_now);
    end if;
    return jsonb_build_object('id', target, 'outcome', 'unchanged');
  end if;
  update payops.providers set updated_at = p_now where id = target;
  update payops.nppes_entries set to_check = true where provider_id = target and not to_check;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:provider:' || case when before is null then 'added' else 'changed' end,
    'provider:' || target, p_now, before, after, p_reason
  );
  return jsonb_build_object('id', target, 'outcome', case when before is null then 'added' else 'changed' end);
exception
  when unique_violation then
    perform payops.refuse('npi_taken', 'Another provider has this NPI.');
  when check_violation or foreign_key_violation or not_null_violation then
    perform payops.refuse_provider();
end
$$;

-- put_providers: adds or changes all these providers, or none if one is refused or this is a trial. Returns one outcome
-- per document. Waiting consultations that they can take are assigned.
create function payops_api.put_providers(
  p_actor text, p_actor_role text, p_documents jsonb, p_now timestamptz, p_reason text default null,
  p_trial boolean default false
) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' as $$ -- the first plan may be made while the directory is empty
declare
  document jsonb;
  outcome jsonb;
  outcomes jsonb[] := '{}'; -- an array grows in place: a jsonb would be copied for each document
  changed text[] := '{}';
  placed integer := 0;
begin
  begin
    for document in select d from jsonb_array_elements(p_documents) as d loop
      outcome := payops.put_provider(p_actor, p_actor_role, document, p_reason, p_now);
      outcomes := array_append(outcomes, outcome);
      if outcome ->> 'outcome' <> 'unchanged' then
        changed := array_append(changed, outcome ->> 'id');
      end if;
    end loop;
    if p_trial then
      raise exception using errcode = 'PT001', message = 'only a trial';
    end if;
    perform payops.derive_licences(changed, p_now);
    perform payops.rewrite_availability(variadic changed);
    placed := payops.drain_for(changed, p_now);
  exception
    when sqlstate 'PT001' then null;
  end;
  return jsonb_build_object('items', to_jsonb(outcomes), 'placed', placed);
end
$$;

-- provider_named: the provider with this ID; refused if it does not exist.
create function payops.provider_named(p_id text) returns payops.providers
language plpgsql stable
set search_path = '' as $$
declare
  named payops.providers;
begin
  select p.* into named from payops.providers as p where p.id = p_id;
  if not found then
    perform payops.refuse('unknown_provider', 'There is no provider with this ID.');
  end if;
  return named;
end
$$;

-- lock_provider: locks the provider with this ID until the transaction ends; refused if it does not exist.
create function payops.lock_provider(p_id text) returns void
language plpgsql
set search_path = '' as $$
begin
  perform from payops.providers as p where p.id = p_id for update;
  perform payops.provider_named(p_id);
end
$$;

-- provider: one provider with licences; refused if no provider has this ID.
create function payops_api.provider(p_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.provider_as_json(payops.provider_named(p_id))
$$;
