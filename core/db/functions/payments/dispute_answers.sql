-- needing_response: this dispute; refused if it does not need a response.
create function payops.needing_response(p_dispute_id text) returns payops.disputes
language plpgsql stable
set search_path = '' as $$
declare
  found_dispute payops.disputes;
begin
  select d.* into found_dispute from payops.disputes as d where d.id = p_dispute_id;
  if not found then
    perform payops.refuse('not_found', 'There is no such dispute.');
  elsif not payops.awaits_answer(found_dispute.status) then
    perform payops.refuse('not_answerable', 'This dispute can no longer be answered.');
  end if;
  return found_dispute;
end
$$;

-- check_dispute_answerable: this dispute; refused if evidence for it can no longer be saved.
create function payops_api.check_dispute_answerable(p_dispute_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.dispute_row(payops.needing_response(p_dispute_id))
$$;

-- check_answerable: this dispute, locked until the transaction ends; refused if its deadline has passed or a response
-- is already being sent.
create function payops.check_answerable(p_dispute_id text, p_now timestamptz) returns payops.disputes
language plpgsql
set search_path = '' as $$
declare
  found_dispute payops.disputes;
begin
  perform pg_advisory_xact_lock(hashtextextended('dispute:' || p_dispute_id, 0));
  found_dispute := payops.needing_response(p_dispute_id);
  if found_dispute.evidence_due_by <= p_now then
    perform payops.refuse('past_due', 'The deadline to answer this dispute has passed.');
  elsif exists (
    select from payops.money_actions as a where a.subject = p_dispute_id and a.state in ('sending', 'unknown')
  ) then
    perform payops.refuse('in_progress', 'An answer is already on its way. Wait for its result.');
  end if;
  return found_dispute;
end
$$;

-- begin_dispute_answer: records that the evidence saved at Stripe is submitted, or the dispute accepted, ready to be
-- sent to Stripe. The evidence itself is stored only at Stripe.
create function payops_api.begin_dispute_answer(
  p_id text, p_kind text, p_dispute_id text, p_path text, p_params jsonb, p_actor text, p_role text, p_reason text,
  p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  dispute payops.disputes;
  action payops.money_actions;
begin
  if exists (select from payops.money_actions as a where a.id = p_id) then
    select d.* into dispute from payops.disputes as d where d.id = p_dispute_id;
  else
    dispute := payops.check_answerable(p_dispute_id, p_now);
    if p_kind = 'submit_evidence' and not dispute.has_evidence then
      perform payops.refuse('no_evidence', 'No evidence is saved. Save some evidence first.');
    elsif p_kind = 'accept_dispute' then
      perform payops.require_reason(p_reason);
    end if;
  end if;
  action := payops.sending_action(
    p_id, p_kind, p_dispute_id, 'post', p_path, p_params, p_actor, p_role, p_reason, p_now
  );
  action.payment_intent_id := dispute.payment_intent_id;
  action.amount_minor := dispute.amount_minor;
  action.currency := dispute.currency;
  return payops.begin_action(action, p_now);
end
$$;

-- set_policy_text: sets the text that new evidence is filled in with; an empty text removes it.
create function payops_api.set_policy_text(
  p_kind text, p_text text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  if length(p_text) > 20000 then
    perform payops.refuse('text_too_long', 'Banks accept at most 20,000 characters.');
  elsif coalesce(btrim(p_text), '') = '' then
    delete from payops.policy_texts as t where t.kind = p_kind;
  else
    insert into payops.policy_texts as t (kind, text, changed_by, changed_at)
    values (p_kind, btrim(p_text), p_actor, p_now)
    on conflict (kind) do update set
      text = excluded.text, changed_by = excluded.changed_by, changed_at = excluded.changed_at;
  end if;
  perform payops.record_audit(
    p_actor, p_role, 'payments:policy-text:set', 'policy-text:' || p_kind, p_now, null,
    jsonb_build_object('characters', length(btrim(p_text)))
  );
  return to_jsonb(true);
end
$$;

-- policy_texts: our texts for evidence by kind, each with who changed it last and when.
create function payops_api.policy_texts() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_object_agg(t.kind, to_jsonb(t)), '{}') from payops.policy_texts as t
$$;
