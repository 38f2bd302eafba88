-- refuse_not_failed: refuses a payment that no longer needs to be collected.
create function payops.refuse_not_failed() returns void
language sql
set search_path = '' as $$
  select payops.refuse('not_failed', 'This payment no longer needs to be collected.')
$$;

-- recovery_actions: what staff and the worker did about a failed payment, newest first.
create function payops_api.recovery_actions(p_payment_intent_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.action_as_json(a) order by a.requested_at desc), '[]')
  from payops.money_actions as a
  where a.payment_intent_id = p_payment_intent_id and a.kind in ('retry', 'recovery_link', 'stop_collection')
$$;

-- collectable: this failed payment, locked until the transaction ends; refused if it no longer needs to be collected, a
-- retry is in progress, or there were more retries than the user has seen.
create function payops.collectable(p_payment_intent_id text, p_seen_retries bigint, p_now timestamptz)
returns table (
  invoice_id text, amount_minor bigint, currency text, attempts bigint, card_brand text, card_declines_24_hours bigint
)
language plpgsql
set search_path = '' as $$
declare
  failed record;
begin
  perform pg_advisory_xact_lock(hashtextextended('recovery:' || p_payment_intent_id, 0));
  select r.* into failed
  from payops.recovery_rows(
    p_now, array(select k.payment_intent_id from payops.payments_to_collect(p_now, array[p_payment_intent_id]) as k)
  ) as r;
  if not found then
    perform payops.refuse_not_failed();
  elsif failed.in_flight then
    perform payops.refuse('in_progress', 'A retry is already in progress. Wait for its result.');
  elsif failed.retries_here <> p_seen_retries then
    perform payops.refuse(
      'changed_meanwhile', 'Somebody else retried this in the meantime. Check the result before you continue.'
    );
  end if;
  return query select
    failed.invoice_id, failed.amount_minor, failed.currency, failed.attempts, failed.card_brand,
    failed.card_declines_24_hours;
end
$$;

-- open_links: the checkout sessions of this payment's links that may still be open; null for one that Stripe has not
-- answered about yet.
create function payops.open_links(p_payment_intent_id text, p_now timestamptz) returns setof text
language sql stable
set search_path = '' as $$
  select a.result_id
  from payops.money_actions as a
  where a.payment_intent_id = p_payment_intent_id and a.kind = 'recovery_link' and a.path = 'checkout/sessions'
    and a.state in ('sending', 'unknown', 'done') and a.sent_at > p_now - interval '25 hours'
    and not exists (select from payops.checkout_sessions as s where s.id = a.result_id)
$$;

-- recovery_links: the checkout sessions of this payment's links that are open, as far as we know.
create function payops_api.recovery_links(p_payment_intent_id text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(l) filter (where l is not null), '[]') from payops.open_links(p_payment_intent_id, p_now) as l
$$;

-- begin_retry: records the retry, ready to be sent to Stripe, and cancels any scheduled retry. Refused from `p_stop_at`
-- attempts in 30 days on, and from `p_card_stop_at` declines of a Mastercard in 24 hours on, unless an admin overrides
-- the limit with a reason.
create function payops_api.begin_retry(
  p_id text, p_payment_intent_id text, p_path text, p_params jsonb, p_actor text, p_role text, p_reason text,
  p_seen_retries bigint, p_stop_at integer, p_card_stop_at integer, p_override boolean, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  failed record;
  action payops.money_actions;
  who_exceeds text := case p_role
    when 'admin' then 'Enter a reason to exceed the limit.' else 'An admin can exceed the limit with a reason.'
  end;
begin
  select a.* into action from payops.money_actions as a where a.id = p_id;
  if found then
    return payops.action_as_json(action) || '{"begun": false}';
  end if;
  select c.* into failed from payops.collectable(p_payment_intent_id, p_seen_retries, p_now) as c;
  if p_override and coalesce(btrim(p_reason), '') = '' then
    perform payops.refuse('reason_missing', 'Enter a reason for exceeding the limit.');
  elsif not p_override and failed.attempts >= p_stop_at then
    perform payops.refuse('retry_limit', format(
      'There were %s attempts in 30 days, and card networks fine more. %s', failed.attempts, who_exceeds
    ));
  elsif not p_override and failed.card_brand = 'mastercard' and failed.card_declines_24_hours >= p_card_stop_at then
    perform payops.refuse('retry_limit', format(
      'This Mastercard was declined %s times in 24 hours. %s', failed.card_declines_24_hours, who_exceeds
    ));
  elsif exists (select from payops.recovery_cases as k where k.payment_intent_id = p_payment_intent_id and k.state = 'stopped')
  then
    perform payops.refuse('stopped', 'Retries of this payment were stopped. Resume them first.');
  elsif exists (select from payops.open_links(p_payment_intent_id, p_now)) then
    perform payops.refuse('link_open', 'The customer has a payment link. Close it first.');
  end if;
  action := payops.sending_action(
    p_id, 'retry', coalesce(failed.invoice_id, p_payment_intent_id), 'post', p_path, p_params, p_actor, p_role, p_reason,
    p_now
  );
  action.payment_intent_id := p_payment_intent_id;
  action.amount_minor := failed.amount_minor;
  action.currency := failed.currency;
  update payops.recovery_cases as k set state = 'open', scheduled_at = null, payment_method_id = null
  where k.payment_intent_id = p_payment_intent_id and k.state = 'scheduled';
  if p_override then
    perform payops.record_audit(
      p_actor, p_role, 'payments:retry:limit-overridden', 'pi:' || p_payment_intent_id, p_now, null,
      jsonb_build_object('action', p_id, 'attempts', failed.attempts, 'card_declines_24_hours', failed.card_declines_24_hours),
      p_reason
    );
  end if;
  return payops.begin_action(action, p_now);
end
$$;

-- begin_recovery_link: records that the customer is given a way to pay, ready to be sent to Stripe: the invoice is
-- sent, or a checkout session is created, using `p_path` and `p_params`.
create function payops_api.begin_recovery_link(
  p_id text, p_payment_intent_id text, p_path text, p_params jsonb, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  failed record;
  action payops.money_actions;
begin
  select a.* into action from payops.money_actions as a where a.id = p_id;
  if found then
    return payops.action_as_json(action) || '{"begun": false}';
  end if;
  select c.* into failed from payops.collectable(p_payment_intent_id, null, p_now) as c;
  if p_path = 'checkout/sessions' and exists (select from payops.open_links(p_payment_intent_id, p_now)) then
    perform payops.refuse('link_open', 'There is already a payment link for this.');
  end if;
  action := payops.sending_action(
    p_id, 'recovery_link', coalesce(failed.invoice_id, p_payment_intent_id), 'post', p_path, p_params, p_actor, p_role,
    null, p_now
  );
  action.payment_intent_id := p_payment_intent_id;
  action.amount_minor := failed.amount_minor;
  action.currency := failed.currency;
  return payops.begin_action(action, p_now);
end
$$;

-- decide_recovery: schedules a retry of this failed payment, or stops or resumes its retries. If Stripe's own retries
-- of the invoice have to be stopped or resumed too, that action is recorded with `p_path` and `p_params` and returned,
-- else null.
create function payops_api.decide_recovery(
  p_payment_intent_id text, p_state text, p_scheduled_at timestamptz, p_payment_method_id text, p_actor text,
  p_role text, p_reason text, p_now timestamptz, p_action_id text, p_path text, p_params jsonb
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
  after payops.recovery_cases;
  failed record;
  action payops.money_actions;
begin
  select c.* into failed from payops.collectable(p_payment_intent_id, null, p_now) as c;
  if p_state = 'stopped' then
    perform payops.require_reason(p_reason);
  end if;
  select to_jsonb(k) into before from payops.recovery_cases as k where k.payment_intent_id = p_payment_intent_id;
  insert into payops.recovery_cases as k
    (payment_intent_id, state, scheduled_at, payment_method_id, changed_by, changed_at, reason)
  values (p_payment_intent_id, p_state, p_scheduled_at, p_payment_method_id, p_actor, p_now, p_reason)
  on conflict (payment_intent_id) do update set
    state = excluded.state, scheduled_at = excluded.scheduled_at, payment_method_id = excluded.payment_method_id,
    changed_by = excluded.changed_by, changed_at = excluded.changed_at, reason = excluded.reason
  returning k.* into after;
  if before is null or before ->> 'state' <> p_state or p_state = 'scheduled' then
    perform payops.record_audit(
      p_actor, p_role, 'payments:recovery:' || p_state, 'pi:' || p_payment_intent_id, p_now, before, to_jsonb(after),
      p_reason
    );
  end if;
  if failed.invoice_id is null or p_path is null
    or (p_state = 'stopped') is not distinct from (before ->> 'state' = 'stopped')
  then
    return null;
  end if;
  action := payops.sending_action(
    p_action_id, 'stop_collection', failed.invoice_id, 'post', p_path, p_params, p_actor, p_role, p_reason, p_now
  );
  action.payment_intent_id := p_payment_intent_id;
  return payops.begin_action(action, p_now);
end
$$;

-- due_retries: the scheduled retries that are due, oldest first.
create function payops_api.due_retries(p_most integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(k) order by k.scheduled_at), '[]')
  from (
    select c.* from payops.recovery_cases as c
    where c.state = 'scheduled' and c.scheduled_at <= p_now
    order by c.scheduled_at
    limit p_most
  ) as k
$$;

-- drop_schedule: cancels the scheduled retry of this payment, which could not be made; the audit log says why.
create function payops_api.drop_schedule(
  p_payment_intent_id text, p_actor text, p_role text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  update payops.recovery_cases as k set
    state = 'open', scheduled_at = null, payment_method_id = null, changed_by = p_actor, changed_at = p_now,
    reason = p_reason
  where k.payment_intent_id = p_payment_intent_id and k.state = 'scheduled';
  if found then
    perform payops.record_audit(
      p_actor, p_role, 'payments:recovery:not-tried', 'pi:' || p_payment_intent_id, p_now, p_reason => p_reason
    );
  end if;
  return to_jsonb(found);
end
$$;
