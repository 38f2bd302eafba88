-- licence_facts: the recorded facts of a licence, for its history; the state is that of its home licence, if it has
-- one. Postgres inlines it, like `is_within`.
create function payops.licence_facts(p_licence payops.licences, p_home_state text) returns jsonb
language sql stable
return jsonb_build_object(
  'state', p_licence.state, 'number', p_licence.number, 'type', p_licence.type, 'kind', p_licence.kind,
  'compact', p_licence.compact, 'home_state', p_home_state, 'status', p_licence.status,
  'issued_on', p_licence.issued_on, 'expires_on', p_licence.expires_on, 'verified_on', p_licence.verified_on,
  'verified_by', p_licence.verified_by, 'awaiting', p_licence.awaiting
);

-- record_licence_versions: ends the history of this provider's licences with their present facts.
--
-- An import of a whole directory fills tables that are empty when the plan is made, and it has to be right to the end: all
-- is looked up by the provider, and `>=` keeps the partial index of all open versions out of it.
create function payops.record_licence_versions(p_provider text, p_now timestamptz) returns void
language plpgsql
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off'
set enable_material = 'off' as $$
begin
  update payops.licence_versions as v set until = greatest(p_now, v.since)
  where v.provider_id = p_provider and v.until >= 'infinity' and not exists (
    select from payops.licences as l
    left join payops.licences as h on l.home_licence_id = h.id
    where l.id = v.licence_id and l.valid_from = v.valid_from and l.valid_until = v.valid_until
      and payops.licence_facts(l, h.state) = v.facts
  );
  insert into payops.licence_versions (licence_id, provider_id, state, facts, valid_from, valid_until, since)
  select l.id, l.provider_id, l.state, payops.licence_facts(l, h.state), l.valid_from, l.valid_until, p_now
  from payops.licences as l
  left join payops.licences as h on l.home_licence_id = h.id
  where l.provider_id = p_provider and not exists (
    select from payops.licence_versions as v
    where v.provider_id = p_provider and v.until >= 'infinity' and v.licence_id = l.id
  );
end
$$;

-- proof_of: the newest verification of this licence at this moment; null if there was none.
create function payops.proof_of(p_provider text, p_state text, p_number text, p_at timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'verified_by', v.verified_by, 'verified_at', v.verified_at, 'source', v.source, 'link', v.link, 'note', v.note,
    'document_id', v.document_id, 'due_on', v.due_on
  )
  from payops.licence_verifications as v
  where v.provider_id = p_provider and v.state = p_state and v.number = coalesce(p_number, '') and v.verified_at <= p_at
  order by v.verified_at desc, v.id desc
  limit 1
$$;

-- licences_at: this provider's licences as known at this moment, in one state if given, each with whether it was valid
-- then and its verification; those that were entered first. A derived privilege has the verification of its home licence.
create function payops.licences_at(p_provider text, p_state text, p_at timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(
    v.facts || jsonb_build_object(
      'ends_at', case when v.valid_until < 'infinity' then v.valid_until end, 'valid', g.valid,
      'proof', payops.proof_of(
        p_provider, coalesce(v.facts ->> 'home_state', v.state), coalesce(h.number, v.facts ->> 'number'), p_at
      )
    )
    order by g.valid desc, v.facts ->> 'home_state' is not null, v.state, v.facts ->> 'number', v.licence_id
  ), '[]')
  from payops.licence_versions as v
  cross join lateral (
    select
      v.facts ->> 'status' = 'active' and v.facts ->> 'awaiting' is distinct from 'licence'
      and payops.is_within(v.valid_from, v.valid_until, p_at) as valid
  ) as g
  left join lateral (
    select k.facts ->> 'number' as number from payops.licence_versions as k
    where k.provider_id = p_provider and k.state = v.facts ->> 'home_state' and k.since <= p_at and k.until > p_at
      and k.facts ->> 'compact' = v.facts ->> 'compact' and k.facts ->> 'kind' = 'full'
    limit 1
  ) as h on true
  where v.provider_id = p_provider and (p_state is null or v.state = p_state) and v.since <= p_at and v.until > p_at
$$;

-- licences_on: this provider's licences as known at the end of this business day, or now if it has not ended; each with
-- whether it was valid then and its verification.
create function payops_api.licences_on(p_provider text, p_day date, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.licences_at(
    (payops.provider_named(p_provider)).id, null,
    least(p_now, (p_day + 1)::timestamp at time zone b.timezone - interval '1 microsecond')
  )
  from payops.business as b
$$;
