-- business_day: the day of the business a moment falls on.
create function payops.business_day(p_moment timestamptz) returns date
language sql stable parallel safe
set search_path = '' as $$
  select (p_moment at time zone (select timezone from payops.business))::date
$$;

-- refuse: the call fails with this code and sentence, and nothing was changed.
create function payops.refuse(p_code text, p_sentence text) returns void
language plpgsql
set search_path = '' as $$
begin
  raise exception using errcode = 'P0001', message = p_code, hint = p_sentence;
end
$$;

-- commit_later: this transaction's commit does not wait for the disk. If the database crashes, what it wrote may be
-- lost, which these callers accept.
create function payops.commit_later() returns void
language sql
set search_path = '' as $$ select set_config('synchronous_commit', 'off', true) $$;

-- record_audit: the audit log says that the actor did this, in the same transaction as what it records.
create function payops.record_audit(
  p_actor text, p_role text, p_action text, p_subject text, p_now timestamptz,
  p_before jsonb default null, p_after jsonb default null, p_reason text default null,
  p_request_id text default null, p_outcome text default 'done'
) returns void
language sql
set search_path = '' as $$
  insert into payops.audit_log (at, actor, role, action, subject, outcome, reason, before, after, request_id)
  values (p_now, p_actor, p_role, p_action, p_subject, p_outcome, p_reason, p_before, p_after, p_request_id)
$$;

-- record_incident: the open incident of this kind and fingerprint counts another occurrence, or is opened; its id.
create function payops.record_incident(
  p_kind text, p_fingerprint text, p_title text, p_now timestamptz,
  p_severity text default 'error', p_sample jsonb default '{}', p_request_id text default null,
  p_occurrences bigint default 1
) returns bigint
language sql
set search_path = '' as $$
  insert into payops.incidents as i
    (kind, fingerprint, title, severity, first_seen, last_seen, sample, request_id, occurrences)
  values (p_kind, p_fingerprint, p_title, p_severity, p_now, p_now, p_sample, p_request_id, p_occurrences)
  on conflict (kind, fingerprint) where resolved_at is null do update set
    occurrences = i.occurrences + excluded.occurrences,
    last_seen = greatest(i.last_seen, excluded.last_seen),
    first_seen = least(i.first_seen, excluded.first_seen),
    sample = excluded.sample,
    request_id = coalesce(excluded.request_id, i.request_id)
  returning id
$$;

-- schema_fingerprint: which version of the SQL files is deployed, and since when.
create function payops_api.schema_fingerprint() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object('fingerprint', fingerprint, 'deployed_at', deployed_at) from payops.deployment
$$;

-- audit: an action that changed no row of ours (a sign-in, a refusal, a request to Stripe) is in the audit log.
create function payops_api.audit(
  p_actor text, p_role text, p_action text, p_subject text, p_now timestamptz,
  p_outcome text default 'done', p_reason text default null, p_after jsonb default null,
  p_request_id text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.record_audit(
    p_actor, p_role, p_action, p_subject, p_now, null, p_after, p_reason, p_request_id, p_outcome
  );
  select 'true'::jsonb
$$;
