-- flags: every flow that has ever been paused or resumed.
create function payops_api.flags() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(f) order by f.flow), '[]') from payops.flags as f
$$;

-- require_sentence: refuses a pause without a sentence for the customers.
create function payops.require_sentence(p_sentence text) returns void
language plpgsql
set search_path = '' as $$
begin
  if p_sentence = '' then
    perform payops.refuse('sentence_missing', 'Enter the sentence that customers see while this is paused.');
  end if;
end
$$;

-- flow_name: the name of the flow within a sentence.
create function payops.flow_name(p_flow text) returns text
language sql immutable
set search_path = '' as $$
  select case p_flow when 'one_time' then 'Single payments' else initcap(p_flow) end
$$;

-- switch_flow: pauses or resumes the flow; the audit log says who did it and why. Refused if another user did the same
-- just before, so that the second of two learns of the first.
create function payops_api.switch_flow(
  p_flow text, p_open boolean, p_sentence text, p_reason text, p_actor text, p_role text, p_now timestamptz,
  p_by_plan boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.flags;
  after payops.flags;
begin
  if not p_open then
    perform payops.require_sentence(p_sentence);
  end if;
  perform payops.require_reason(p_reason);
  -- A flow that was never switched is running; its row makes the second of two users wait for the first.
  insert into payops.flags (flow, open, sentence, reason, changed_by, changed_at)
  values (p_flow, true, '', '', '', '-infinity')
  on conflict (flow) do nothing;
  select f.* into before from payops.flags as f where f.flow = p_flow for update;
  if before.open = p_open and p_open then
    perform payops.refuse('already_running', format('%s: running already. Nothing was changed.', payops.flow_name(p_flow)));
  elsif before.open = p_open then
    perform payops.refuse('already_paused', format(
      '%s: paused already by %s. Nothing was changed. Its reason: %s', payops.flow_name(p_flow),
      split_part(before.changed_by, ':', 2), before.reason
    ));
  end if;
  update payops.flags set
    open = p_open, sentence = p_sentence, reason = p_reason, changed_by = p_actor, changed_at = p_now, by_plan = p_by_plan
  where flow = p_flow
  returning * into after;
  perform payops.record_audit(
    p_actor, p_role, 'staff:flag:' || case when p_open then 'opened' else 'closed' end, 'flow:' || p_flow, p_now,
    case when before.changed_by <> '' then to_jsonb(before) end, to_jsonb(after), p_reason
  );
  return to_jsonb(after);
end
$$;
