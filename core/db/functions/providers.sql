-- provider_as_json: a provider as the outside sees one, with licences, load, and the version an edit builds on.
create function payops.provider_as_json(p_provider payops.providers) returns jsonb
language sql stable
set search_path = '' as $$
  select to_jsonb(p_provider) || jsonb_build_object('licences', payops.licences_as_json(p_provider.id))
$$;

-- provider_facts: what of a provider people decide, for the record of what changed.
create function payops.provider_facts(p_id text) returns jsonb
language sql stable
set search_path = '' as $$
  select
    payops.provider_as_json(p) - array['id', 'pending', 'last_assigned_at', 'created_at', 'updated_at']
  from payops.providers as p
  where p.id = p_id
$$;

-- directory_vocabulary: the states and specialties there are.
create function payops_api.directory_vocabulary() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'states', (select jsonb_object_agg(s.code, s.name) from payops.states as s),
    'specialties', (select jsonb_agg(s.code order by s.code) from payops.specialties as s)
  )
$$;

-- add_specialty: providers may have, and patients may ask for, one specialty more.
create function payops_api.add_specialty(p_actor text, p_actor_role text, p_code text, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  if p_code !~ '^[a-z][a-z0-9_]{1,39}$' then
    perform payops.refuse('bad_specialty', 'A specialty is 2 to 40 small letters, digits or underscores.');
  end if;
  insert into payops.specialties (code) values (p_code) on conflict do nothing;
  if found then
    perform payops.record_audit(
      p_actor, p_actor_role, 'providers:specialty:added', 'specialty:' || p_code, p_now
    );
  end if;
  return to_jsonb(p_code);
end
$$;

-- list_providers: the directory by name, at most 1,000, with the id to go on after; only some ids or a part of a name
-- or e-mail, if given.
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

-- known_provider: the id of the provider this document is about, by its id or else its NPI; null where it is new.
create function payops.known_provider(p_document jsonb) returns text
language sql stable
set search_path = '' as $$
  select coalesce(
    (select p.id from payops.providers as p where p.id = p_document ->> 'id'),
    (select p.id from payops.providers as p where p.npi = p_document ->> 'npi')
  )
$$;

-- check_provider: refused, in words, where a document is none that the directory takes.
create function payops.check_provider(p_document jsonb) returns void
language plpgsql
set search_path = '' as $$
declare
  unknown text;
begin
  select s.code into unknown from jsonb_array_elements_text(p_document -> 'specialties') as s (code)
  where not exists (select from payops.specialties as k where k.code = s.code) limit 1;
  if coalesce(btrim(p_document ->> 'name'), '') = '' then
    perform payops.refuse('bad_name', 'A provider has a name.');
  elsif unknown is not null then
    perform payops.refuse('unknown_specialty', format('%s is none of the specialties there are.', unknown));
  elsif (p_document ->> 'capacity')::integer < 1 then
    perform payops.refuse('bad_capacity', 'The capacity is 1 or more.');
  elsif p_document ->> 'npi' !~ '^[0-9]{10}$' then
    perform payops.refuse('bad_npi', 'An NPI has ten digits.');
  end if;
end
$$;

-- merged_licences: the given licences, each with what is known already of the same licence. One without a number
-- means whichever there are in its state.
create function payops.merged_licences(p_known jsonb, p_given jsonb) returns jsonb
language sql immutable
set search_path = '' as $$
  select coalesce(jsonb_agg(coalesce(k.licence, '{}') || g.licence order by g.place), '[]')
  from jsonb_array_elements(p_given) with ordinality as g (licence, place)
  left join jsonb_array_elements(p_known) as k (licence)
    on g.licence ->> 'state' = k.licence ->> 'state'
    and (not g.licence ? 'number' or g.licence ->> 'number' is not distinct from k.licence ->> 'number')
$$;

-- put_provider: the directory says of one provider what the document says, unless it says so already; answers the id
-- and whether they were added, changed or unchanged. What a document leaves out stays as it was.
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
begin
  if target is null then
    target := coalesce(p_document ->> 'id', 'prov_' || replace(gen_random_uuid()::text, '-', ''));
    wanted := '{"active": true, "capacity": 20, "specialties": [], "licences": []}'::jsonb || p_document;
    perform payops.check_provider(wanted);
    insert into payops.providers (id, name, active, capacity, specialties, created_at, updated_at)
    values (target, wanted ->> 'name', false, 1, '{}', p_now, p_now);
  else
    perform from payops.providers as p where p.id = target for update;
    before := payops.provider_facts(target);
    wanted := before || p_document;
    wanted := wanted || jsonb_build_object(
      'licences', payops.merged_licences(before -> 'licences', wanted -> 'licences')
    );
    perform payops.check_provider(wanted);
  end if;
  update payops.providers set
    name = btrim(wanted ->> 'name'), email = wanted ->> 'email', npi = wanted ->> 'npi',
    active = (wanted ->> 'active')::boolean, capacity = (wanted ->> 'capacity')::integer, notes = wanted ->> 'notes',
    specialties = array(select distinct s.code from jsonb_array_elements_text(wanted -> 'specialties') as s (code) order by s.code)
  where id = target;
  if before is null or wanted -> 'licences' <> before -> 'licences' then
    perform payops.set_licences(target, wanted -> 'licences');
  end if;
  after := payops.provider_facts(target);
  if after = before then
    return jsonb_build_object('id', target, 'outcome', 'unchanged');
  end if;
  update payops.providers set updated_at = p_now where id = target;
  perform payops.rewrite_openings(target);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:provider:' || case when before is null then 'added' else 'changed' end,
    'provider:' || target, p_now, before, after, p_reason
  );
  return jsonb_build_object('id', target, 'outcome', case when before is null then 'added' else 'changed' end);
exception
  when unique_violation then
    perform payops.refuse('npi_taken', 'Another provider has this NPI.');
end
$$;

-- put_providers: the directory says what all these documents say, or, if one is refused or this is a trial, what it
-- said before; answers one outcome a document. Whoever waited for one of them is placed.
create function payops_api.put_providers(
  p_actor text, p_actor_role text, p_documents jsonb, p_now timestamptz, p_reason text default null,
  p_trial boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  document jsonb;
  outcome jsonb;
  outcomes jsonb := '[]';
  placed integer := 0;
begin
  begin
    for document in select d from jsonb_array_elements(p_documents) as d loop
      outcome := payops.put_provider(p_actor, p_actor_role, document, p_reason, p_now);
      outcomes := outcomes || outcome;
    end loop;
    if p_trial then
      raise exception using errcode = 'PT001', message = 'only a trial';
    end if;
    placed := payops.drain_for(
      array(select o ->> 'id' from jsonb_array_elements(outcomes) as o where o ->> 'outcome' <> 'unchanged'), p_now
    );
  exception
    when sqlstate 'PT001' then null;
  end;
  return jsonb_build_object('items', outcomes, 'placed', placed);
end
$$;
-- expiring_licences: active licences that end within so many days or have ended, soonest first, with what hangs on
-- each: open consultations there that were paid for, and the monthly revenue of those patients' subscriptions.
create function payops_api.expiring_licences(p_days integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(x) order by x.expires_on, x.provider_id, x.state), '[]')
  from (
    select
      l.provider_id, p.name, l.state, l.number, l.expires_on, l.valid_until <= p_now as expired,
      greatest(ceil(extract(epoch from l.valid_until - p_now) / 86400), 0)::integer as days_left,
      coalesce(c.open_consultations, 0) as open_consultations, coalesce(c.paid_minor, 0) as paid_minor,
      coalesce(c.monthly_minor, 0) as monthly_minor
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id
    left join lateral (
      select
        count(*) as open_consultations,
        sum((
          select sum(i.amount_received_minor) from payops.payment_intents as i
          where i.order_id = c.order_id and i.status = 'succeeded' and i.currency = 'usd'
        )) as paid_minor,
        sum((
          select sum(payops.monthly_minor(s.items))
          from payops.customers as u
          inner join payops.subscriptions as s on u.id = s.customer_id
          where u.patient_id = c.patient_id and s.status in ('active', 'past_due') and s.currency = 'usd'
        )) as monthly_minor
      from payops.consultations as c
      where c.provider_id = l.provider_id and c.state = l.state and c.status = 'assigned'
    ) as c on true
    where l.status = 'active' and p.active and l.valid_until <= p_now + make_interval(days => p_days)
    limit 1000
  ) as x
$$;

-- assignment_metrics: of the consultations received in the period, how many had a provider in the first answer, and
-- how long finding one took the database.
create function payops.assignment_metrics(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  with bounds as (
    select
      p_since::timestamp at time zone timezone as starts, (p_until + 1)::timestamp at time zone timezone as ends
    from payops.business
  )
  select jsonb_build_object(
    'assignment_success_rate', (
      select payops.rate(count(*) filter (where c.first_answer ->> 'status' = 'assigned'), count(*))
      from payops.consultations as c, bounds as b
      where c.received_at >= b.starts and c.received_at < b.ends
    ),
    'assignment_time', (
      select jsonb_build_object(
        'p50_ms', percentile_cont(0.5) within group (order by d.took_us / 1000.0),
        'p95_ms', percentile_cont(0.95) within group (order by d.took_us / 1000.0), 'n', count(*)
      )
      from payops.assignment_decisions as d, bounds as b
      where d.at >= b.starts and d.at < b.ends and d.kind = 'intake'
    )
  )
$$;

-- read_provider_table: the rows of a table with id, name, states[], specialties[] and active, by id; at most 100,000.
-- Refused for anything else, and for our own tables.
create function payops_api.read_provider_table(p_table text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  source constant regclass := to_regclass(p_table);
  answer jsonb;
begin
  if source is null then
    perform payops.refuse('no_such_table', format('There is no table %s. Name it with its schema.', p_table));
  end if;
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(t) order by t.id), ''[]'') from ('
    'select s.id::text as id, s.name::text as name, s.states::text[] as states, s.specialties::text[] as specialties,'
    ' s.active::boolean as active from %s as s order by s.id limit 100000) as t',
    source
  ) into answer;
  return answer;
exception
  when undefined_column or cannot_coerce or datatype_mismatch then
    perform payops.refuse('not_providers', format('%s has not the columns id, name, states[], specialties[], active.', p_table));
end
$$;
