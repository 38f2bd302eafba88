-- skip_object: lets this task skip the object for a day, so that it blocks no other, and reports why as an incident.
create function payops_api.skip_object(p_task text, p_object_id text, p_reason text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  insert into payops.skipped_objects as s (task, object_id, reason, skipped_at, retry_at)
  values (p_task, p_object_id, p_reason, p_now, p_now + interval '1 day')
  on conflict (task, object_id) do update set
    reason = excluded.reason, skipped_at = excluded.skipped_at, retry_at = excluded.retry_at;
  delete from payops.skipped_objects where retry_at < p_now - interval '30 days';
  perform payops.record_incident(
    'object_skipped', p_task, format('Objects were skipped: %s.', p_task), p_now, 'warning',
    jsonb_build_object('object', p_object_id, 'reason', p_reason)
  );
  return 'true'::jsonb;
end
$$;

-- is_skipped: whether this task skips the object at this moment.
create function payops.is_skipped(p_task text, p_object_id text, p_now timestamptz) returns boolean
language sql stable
set search_path = '' as $$
  select exists (
    select from payops.skipped_objects as s
    where s.task = p_task and s.object_id = p_object_id and s.retry_at > p_now
  )
$$;
