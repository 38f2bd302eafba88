-- action_as_json: an action as JSON, as the functions of payops_api return it.
create function payops.action_as_json(p_action payops.money_actions) returns jsonb
language sql immutable
set search_path = '' as $$
  select to_jsonb(p_action)
$$;

-- note_action: writes the change of an action to the audit log, in the same transaction.
create function payops.note_action(
  p_action payops.money_actions, p_actor text, p_role text, p_verb text, p_now timestamptz, p_before text default null
) returns void
language sql
set search_path = '' as $$
  select payops.record_audit(
    p_actor, p_role, 'payments:' || replace(p_action.kind, '_', '-') || ':' || p_verb,
    split_part(p_action.subject, '_', 1) || ':' || p_action.subject, p_now,
    case when p_before is not null then jsonb_build_object('state', p_before) end,
    jsonb_strip_nulls(jsonb_build_object(
      'action', p_action.id, 'state', p_action.state, 'amount_minor', p_action.amount_minor,
      'currency', p_action.currency, 'result', p_action.result_id, 'problem', p_action.problem
    )),
    p_action.reason
  )
$$;

-- begin_action: records the action before it is sent to Stripe, once per ID. For an ID that already exists, the
-- recorded action is returned; `begun` says whether this caller has to send it.
create function payops.begin_action(p_action payops.money_actions, p_now timestamptz) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  kept payops.money_actions;
begin
  select a.* into kept from payops.money_actions as a where a.id = p_action.id;
  if found then
    return payops.action_as_json(kept) || '{"begun": false}';
  end if;
  begin
    insert into payops.money_actions select (p_action).* returning * into kept;
  exception
    when unique_violation then
      select a.* into kept from payops.money_actions as a where a.id = p_action.id;
      if found then
        return payops.action_as_json(kept) || '{"begun": false}';
      end if;
      perform payops.refuse('in_progress', 'This is already in progress. Wait for its result.');
  end;
  perform payops.note_action(
    kept, kept.requested_by, kept.requested_role,
    case kept.state when 'awaiting_approval' then 'requested' else 'begun' end, p_now
  );
  return payops.action_as_json(kept) || jsonb_build_object('begun', kept.state = 'sending');
end
$$;

-- sending_action: a new action that is being sent now, not stored yet; after two minutes it counts as unanswered.
create function payops.sending_action(
  p_id text, p_kind text, p_subject text, p_method text, p_path text, p_params jsonb,
  p_actor text, p_role text, p_reason text, p_now timestamptz
) returns payops.money_actions
language sql stable
set search_path = '' as $$
  select jsonb_populate_record(null::payops.money_actions, jsonb_build_object(
    'id', p_id, 'kind', p_kind, 'subject', p_subject, 'method', p_method, 'path', p_path, 'params', p_params,
    'state', 'sending', 'requested_by', p_actor, 'requested_role', p_role, 'requested_at', p_now, 'reason', p_reason,
    'sent_at', p_now, 'attempts', 1, 'next_attempt_at', p_now + interval '2 minutes'
  ))
$$;

-- settle_action: marks the action as done, refused or still unknown, and stores Stripe's answer in the mirror. An
-- action that is already settled does not change.
create function payops_api.settle_action(
  p_id text, p_state text, p_now timestamptz, p_result_id text default null, p_problem_code text default null,
  p_problem text default null, p_records jsonb default '{}', p_next_attempt_at timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before text;
  kept payops.money_actions;
begin
  select a.state into before from payops.money_actions as a where a.id = p_id for update;
  perform payops.apply_records(p_records);
  update payops.money_actions as a set
    state = p_state, result_id = coalesce(p_result_id, a.result_id), problem_code = p_problem_code,
    payment_intent_id = coalesce(a.payment_intent_id, case when p_result_id like 'pi\_%' then p_result_id end),
    problem = p_problem, next_attempt_at = p_next_attempt_at,
    settled_at = case when p_state in ('done', 'refused') then p_now end
  where a.id = p_id and a.state in ('sending', 'unknown')
  returning a.* into kept;
  if found and before <> p_state then
    perform payops.note_action(
      kept, kept.requested_by, kept.requested_role,
      case p_state when 'unknown' then 'unanswered' else p_state end, p_now, before
    );
  end if;
  select a.* into kept from payops.money_actions as a where a.id = p_id;
  return payops.action_as_json(kept);
end
$$;

-- claim_unanswered: claims the unanswered actions that are due; they belong to this worker for the next two minutes.
create function payops_api.claim_unanswered(p_most integer, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  with due as (
    select id from payops.money_actions
    where state in ('sending', 'unknown') and next_attempt_at <= p_now
    order by next_attempt_at
    limit p_most
    for update skip locked
  ),
  claimed as (
    update payops.money_actions as a set
      state = 'unknown', attempts = a.attempts + 1, next_attempt_at = p_now + interval '2 minutes'
    from due
    where a.id = due.id
    returning a.*
  )
  select coalesce(jsonb_agg(payops.action_as_json(c.*::payops.money_actions)), '[]') from claimed as c
$$;

-- money_action: one action by its id; null if it does not exist.
create function payops_api.money_action(p_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.action_as_json(a) from payops.money_actions as a where a.id = p_id
$$;
