-- flags: every flow that was ever paused or resumed.
create function payops_api.flags() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(f) order by f.flow), '[]') from payops.flags as f
$$;

-- switch_flow: the flow is paused or running from now on, and the audit log says who changed it and why.
create function payops_api.switch_flow(
  p_flow text, p_open boolean, p_sentence text, p_reason text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
  after payops.flags;
begin
  if not p_open and p_sentence = '' then
    perform payops.refuse('sentence_missing', 'Enter the sentence that customers see while this is paused.');
  elsif p_reason = '' then
    perform payops.refuse('reason_missing', 'Enter a reason for the audit log.');
  end if;
  select to_jsonb(f) into before from payops.flags as f where f.flow = p_flow for update;
  insert into payops.flags as f (flow, open, sentence, reason, changed_by, changed_at)
  values (p_flow, p_open, p_sentence, p_reason, p_actor, p_now)
  on conflict (flow) do update set
    open = excluded.open, sentence = excluded.sentence, reason = excluded.reason, changed_by = excluded.changed_by,
    changed_at = excluded.changed_at
  returning f.* into after;
  perform payops.record_audit(
    p_actor, p_role, 'staff:flag:' || case when p_open then 'opened' else 'closed' end, 'flow:' || p_flow, p_now,
    before, to_jsonb(after), p_reason
  );
  return to_jsonb(after);
end
$$;
