-- licence_named: this provider's licence with this state and number; refused if nobody entered such a licence.
create function payops.licence_named(p_provider text, p_state text, p_number text) returns payops.licences
language plpgsql
set search_path = '' as $$
declare
  named payops.licences;
begin
  select l.* into named from payops.licences as l
  where l.provider_id = p_provider and l.state = p_state and l.number is not distinct from nullif(p_number, '')
    and l.home_licence_id is null;
  if named.id is null then
    perform payops.refuse('no_such_licence', 'This provider has no licence with this state and number.');
  end if;
  return named;
end
$$;

-- verify_licence: records who verified this licence, when, where, and when verification is due again.
create function payops_api.verify_licence(
  p_actor text, p_actor_role text, p_provider text, p_state text, p_number text, p_source text, p_now timestamptz,
  p_link text default null, p_note text default null, p_document text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  today constant date := payops.business_day(p_now);
  due constant date := today + (select p.verification_days from payops.licensing_policy as p);
  verified payops.licences;
begin
  perform payops.lock_provider(p_provider);
  verified := payops.licence_named(p_provider, p_state, p_number);
  if coalesce(btrim(p_source), '') = '' then
    perform payops.refuse('source_missing', 'Say where the licence was verified, such as the board''s website.');
  elsif p_link !~ '^https?://' then
    perform payops.refuse('bad_link', 'A link begins with https://.');
  elsif p_document is not null and not exists (
    select from payops.licence_documents as d where d.id = p_document and d.provider_id = p_provider
  ) then
    perform payops.refuse('no_such_document', 'This provider has no document with this ID.');
  end if;
  insert into payops.licence_verifications
    (provider_id, state, number, source, link, note, document_id, verified_by, verified_at, due_on)
  values (
    p_provider, p_state, coalesce(verified.number, ''), btrim(p_source), p_link, p_note, p_document, p_actor, p_now, due
  );
  update payops.licences set verified_on = today, verified_by = p_actor where id = verified.id;
  update payops.providers set updated_at = p_now where id = p_provider;
  perform payops.record_licence_versions(p_provider, p_now);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:licence:verified', 'provider:' || p_provider, p_now, null,
    jsonb_build_object('licence', jsonb_build_object(
      'state', p_state, 'number', verified.number, 'source', btrim(p_source), 'link', p_link, 'document', p_document
    ))
  );
  return jsonb_build_object('due_on', due);
end
$$;

-- confirm_licence: records that a second person has confirmed this licence, so that it opens its state; or the
-- privileges derived from it. The user who entered it cannot confirm it.
create function payops_api.confirm_licence(
  p_actor text, p_actor_role text, p_provider text, p_state text, p_number text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  confirmed payops.licences;
begin
  perform payops.lock_provider(p_provider);
  confirmed := payops.licence_named(p_provider, p_state, p_number);
  if confirmed.awaiting is null then
    perform payops.refuse('not_awaiting', 'This licence does not wait for a confirmation.');
  elsif confirmed.entered_by = p_actor then
    perform payops.refuse('same_person', 'Whoever entered a licence cannot confirm it. Ask another admin.');
  end if;
  update payops.licences set awaiting = null where id = confirmed.id;
  update payops.providers set updated_at = p_now where id = p_provider;
  perform payops.derive_licences(array[p_provider], p_now);
  perform payops.rewrite_availability(p_provider);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:licence:confirmed', 'provider:' || p_provider, p_now,
    jsonb_build_object('entered_by', confirmed.entered_by),
    jsonb_build_object('licence', jsonb_build_object('state', p_state, 'number', confirmed.number))
  );
  return jsonb_build_object('placed', payops.drain_for(array[p_provider], p_now));
end
$$;

-- licence_proofs: every verification of this provider's licences, newest first, and their documents.
create function payops_api.licence_proofs(p_provider text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'verifications', (
      select coalesce(jsonb_agg(to_jsonb(v) order by v.id desc), '[]')
      from payops.licence_verifications as v where v.provider_id = p_provider
    ),
    'documents', (
      select coalesce(jsonb_agg(to_jsonb(d) order by d.uploaded_at desc, d.id), '[]')
      from payops.licence_documents as d where d.provider_id = p_provider
    )
  )
$$;

-- verifications_due: active licences of active providers that were never verified, or so long ago that it is due again,
-- longest due first, at most 500; and how many there are in all.
create function payops_api.verifications_due(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with due as (
    select l.provider_id, q.name, l.state, l.number, l.kind, l.verified_on, l.verified_by, l.verified_on + p.verification_days as due_on
    from payops.licences as l
    inner join payops.providers as q on l.provider_id = q.id
    cross join payops.licensing_policy as p
    where l.status = 'active' and l.home_licence_id is null and q.active and l.valid_until > p_now
      and (l.verified_on is null or l.verified_on + p.verification_days <= payops.business_day(p_now))
  )
  select jsonb_build_object('total', (select count(*) from due), 'items', (
    select coalesce(jsonb_agg(to_jsonb(d) order by d.due_on nulls first, d.name, d.state), '[]')
    from (select u.* from due as u order by u.due_on nulls first, u.name, u.state limit 500) as d
  ))
$$;

-- add_licence_document: records a document of this provider; its file is stored under the ID that is returned.
create function payops_api.add_licence_document(
  p_actor text, p_actor_role text, p_id text, p_provider text, p_name text, p_media_type text, p_size_bytes integer,
  p_sha256 text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.provider_named(p_provider);
  insert into payops.licence_documents (id, provider_id, name, media_type, size_bytes, sha256, uploaded_by, uploaded_at)
  values (p_id, p_provider, p_name, p_media_type, p_size_bytes, p_sha256, p_actor, p_now);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:document:added', 'provider:' || p_provider, p_now, null,
    jsonb_build_object('document', jsonb_build_object('id', p_id, 'name', p_name, 'sha256', p_sha256))
  );
  return 'true'::jsonb;
end
$$;

-- open_licence_document: the document's name and type; writes to the audit log that this user opened it.
create function payops_api.open_licence_document(p_actor text, p_actor_role text, p_id text, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  named payops.licence_documents;
begin
  select d.* into named from payops.licence_documents as d where d.id = p_id;
  if named.id is null then
    perform payops.refuse('no_such_document', 'There is no document with this ID.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:document:opened', 'provider:' || named.provider_id, p_now, null,
    jsonb_build_object('document', jsonb_build_object('id', p_id, 'name', named.name))
  );
  return to_jsonb(named);
end
$$;
