-- business_day: the day of the business a moment falls on.
create function payops.business_day(p_moment timestamptz) returns date
language sql stable parallel safe
set search_path = '' as $$
  select (p_moment at time zone (select timezone from payops.business))::date
$$;

-- refuse: ends the call with this code and sentence; nothing was changed.
create function payops.refuse(p_code text, p_sentence text) returns void
language plpgsql
set search_path = '' as $$
begin
  raise exception using errcode = 'P0001', message = p_code, hint = p_sentence;
end
$$;

-- require_reason: refuses if no reason is given.
create function payops.require_reason(p_reason text) returns void
language plpgsql
set search_path = '' as $$
begin
  if coalesce(btrim(p_reason), '') = '' then
    perform payops.refuse('reason_missing', 'Enter a reason for the audit log.');
  end if;
end
$$;

-- require_reason: the same, for an action that is refused before it calls anything else.
create function payops_api.require_reason(p_reason text) returns jsonb
language sql security definer
set search_path = '' as $$
  select 'true'::jsonb from payops.require_reason(p_reason)
$$;

-- commit_later: this transaction's commit does not wait for the disk. If the database crashes, its writes may be lost,
-- which the callers accept.
create function payops.commit_later() returns void
language sql
set search_path = '' as $$ select set_config('synchronous_commit', 'off', true) $$;

-- record_audit: writes to the audit log that the actor did this, in the same transaction as the action.
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

-- cause_of: the text without the IDs and numbers in it, so that the same problem with two objects counts as one cause.
-- IP addresses stay: a sender is a cause.
create function payops.cause_of(p_text text) returns text
language sql immutable parallel safe
set search_path = '' as $$
  select btrim(regexp_replace(
    regexp_replace(
      regexp_replace(
        regexp_replace(left(p_text, 500), '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', '#', 'gi'),
        '\m(acct|ch|cons|cs|cus|dp|du|evt|file|il|in|ii|issfr|line|mandate|pi|pm|po|price|prod|promo|prov|prv|py|pyr|re|req|'
        || 'seti|si|src|sub|tok|txn)_(test_|live_)?[A-Za-z0-9]*[0-9][A-Za-z0-9_]*', '\1_#', 'g'
      ),
      '\m(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\M', '#', 'gi'
    ),
    '(?<![\w.:-])[0-9]+(?![\w.:-])', '#', 'g'
  ))
$$;

-- record_incident: counts another occurrence of the incident of this kind and cause, with its hour and a sample, and
-- returns its ID. An incident that was resolved before this occurrence opens again. A late report, of something from
-- before the incident was resolved, is counted but does not open it.
create function payops.record_incident(
  p_kind text, p_fingerprint text, p_title text, p_now timestamptz,
  p_severity text default 'error', p_sample jsonb default '{}', p_request_id text default null,
  p_occurrences bigint default 1
) returns bigint
language plpgsql
set search_path = '' as $$
declare
  cause constant text := payops.cause_of(p_fingerprint);
  content constant jsonb := coalesce(p_sample, '{}');
  incident bigint;
begin
  update payops.incidents as i set
    occurrences = i.occurrences + p_occurrences,
    last_seen = greatest(i.last_seen, p_now),
    sample = content, request_id = coalesce(p_request_id, i.request_id), title = p_title, severity = p_severity,
    resolved_at = case when i.resolved_at >= p_now then i.resolved_at end,
    reopened_at = case when i.resolved_at < p_now then p_now else i.reopened_at end,
    reopenings = i.reopenings + (i.resolved_at < p_now)::integer,
    owner = case when i.resolved_at >= p_now then i.owner end,
    taken_at = case when i.resolved_at >= p_now then i.taken_at end
  where i.resolved_at is not null and i.id = (
    select l.id from payops.incidents as l
    where l.kind = p_kind and l.fingerprint = cause
    order by l.id desc
    limit 1
  )
  returning i.id into incident;
  if incident is null then
    insert into payops.incidents as i
      (kind, fingerprint, title, severity, first_seen, last_seen, sample, request_id, occurrences)
    values (p_kind, cause, p_title, p_severity, p_now, p_now, content, p_request_id, p_occurrences)
    on conflict (kind, fingerprint) where resolved_at is null do update set
      occurrences = i.occurrences + excluded.occurrences,
      last_seen = greatest(i.last_seen, excluded.last_seen),
      first_seen = least(i.first_seen, excluded.first_seen),
      sample = excluded.sample,
      request_id = coalesce(excluded.request_id, i.request_id)
    returning i.id into incident;
  end if;
  insert into payops.incident_hours as h (incident_id, hour, occurrences)
  values (incident, date_trunc('hour', p_now), p_occurrences)
  on conflict (incident_id, hour) do update set occurrences = h.occurrences + excluded.occurrences;
  if content <> '{}' then
    insert into payops.incident_samples as s (incident_id, sample_md5, sample, request_id, seen_at, occurrences)
    values (incident, md5(content::text), content, p_request_id, p_now, p_occurrences)
    on conflict (incident_id, sample_md5) do update set
      seen_at = greatest(s.seen_at, excluded.seen_at), occurrences = s.occurrences + excluded.occurrences,
      request_id = coalesce(excluded.request_id, s.request_id);
  end if;
  return incident;
end
$$;

-- schema_fingerprint: which version of the SQL files is deployed, since when, and which versions were deployed before.
create function payops_api.schema_fingerprint() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object('fingerprint', fingerprint, 'deployed_at', deployed_at, 'earlier', earlier)
  from payops.deployment
$$;

-- audit: writes an action that changed no row of ours (a sign-in, a refusal, a request to Stripe) to the audit log.
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
