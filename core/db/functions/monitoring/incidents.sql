-- record_incidents: each incident of the list is added to the open one of its kind and fingerprint, or opens one.
create function payops_api.record_incidents(p_incidents jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  select to_jsonb(count(
    payops.record_incident(
      i.kind, i.fingerprint, i.title, i.seen_at, i.severity, i.sample, i.request_id
    )
  ))
  from jsonb_to_recordset(p_incidents) as i (
    kind text, fingerprint text, title text, seen_at timestamptz, severity text, sample jsonb, request_id text
  )
$$;

-- list_incidents: the newest incidents first, at most 500; all of them or only those still open.
create function payops_api.list_incidents(p_open_only boolean default true, p_limit integer default 200) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(i) order by i.last_seen desc, i.id desc), '[]')
  from (
    select n.* from payops.incidents as n
    where n.resolved_at is null or not p_open_only
    order by n.last_seen desc, n.id desc
    limit least(p_limit, 500)
  ) as i
$$;

-- resolve_incident: the incident is closed with what was done about it; if it happens again, a new one is opened.
create function payops_api.resolve_incident(
  p_actor text, p_actor_role text, p_id bigint, p_resolution text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  update payops.incidents set resolved_at = p_now, resolved_by = p_actor, resolution = p_resolution
  where id = p_id and resolved_at is null;
  if not found then
    perform payops.refuse('not_open', 'This incident is not open.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:incident:resolved', 'incident:' || p_id, p_now, p_reason => p_resolution
  );
  return 'true'::jsonb;
end
$$;
