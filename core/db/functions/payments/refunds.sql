-- lock_refunds: locks the refunds of this payment until the transaction ends, so that they are decided one at a time.
create function payops.lock_refunds(p_payment_intent_id text) returns void
language sql
set search_path = '' as $$
  select pg_advisory_xact_lock(hashtextextended('refund:' || p_payment_intent_id, 0))
$$;

-- check_refundable: refuses unless this amount of the payment can be refunded.
create function payops.check_refundable(p_payment_intent_id text, p_amount_minor bigint) returns void
language plpgsql
set search_path = '' as $$
declare
  payment record;
  problem record;
begin
  perform payops.lock_refunds(p_payment_intent_id);
  select p.* into problem from payops.refund_problem(p_payment_intent_id) as p;
  if found then
    perform payops.refuse(problem.code, problem.sentence);
  end if;
  select p.* into payment from payops.refund_position(p_payment_intent_id) as p;
  if p_amount_minor is null or p_amount_minor < 1 then
    perform payops.refuse('bad_amount', 'A refund is at least one minor unit.');
  elsif p_amount_minor > payment.left_minor then
    perform payops.refuse('refund_too_large', payops.more_than_left(payment.left_minor, payment.currency));
  end if;
end
$$;

-- begin_refund: records the refund, ready to be sent to Stripe, or waiting for approval if it exceeds what support may
-- refund alone. `p_limit_minor` is that limit in US cents, null for roles without one. `p_seen_left_minor` is what was
-- left when the user decided; the refund is refused if that has changed, so that two users do not both refund it.
create function payops_api.begin_refund(
  p_id text, p_payment_intent_id text, p_amount_minor bigint, p_path text, p_params jsonb, p_reason text,
  p_actor text, p_role text, p_limit_minor bigint, p_now timestamptz, p_seen_left_minor bigint default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  action payops.money_actions;
  payment record;
begin
  perform payops.require_reason(p_reason);
  perform payops.lock_refunds(p_payment_intent_id);
  if not exists (select from payops.money_actions as a where a.id = p_id) then
    perform payops.check_refundable(p_payment_intent_id, p_amount_minor);
  end if;
  select p.* into payment from payops.refund_position(p_payment_intent_id) as p;
  if payment.left_minor <> p_seen_left_minor and not exists (select from payops.money_actions as a where a.id = p_id) then
    perform payops.refuse('changed_meanwhile', format(
      'Part of this payment was refunded in the meantime: %s is left. Check again before you refund.',
      payops.money_text(payment.left_minor, payment.currency)
    ));
  end if;
  action := payops.sending_action(
    p_id, 'refund', p_payment_intent_id, 'post', p_path, p_params, p_actor, p_role, p_reason, p_now
  );
  action.payment_intent_id := p_payment_intent_id;
  action.amount_minor := p_amount_minor;
  action.currency := payment.currency;
  if p_limit_minor is not null and (
    payment.currency <> 'usd'
    or payops.refunded_alone_minor(p_payment_intent_id) + p_amount_minor > p_limit_minor
  ) then
    action.state := 'awaiting_approval';
    action.sent_at := null;
    action.attempts := 0;
    action.next_attempt_at := null;
  end if;
  return payops.begin_action(action, p_now);
end
$$;

-- decide_refund: records that another user approved the refund, which can now be sent to Stripe, or rejected it with a
-- reason, which the requester sees as its problem.
create function payops_api.decide_refund(
  p_id text, p_approved boolean, p_actor text, p_role text, p_now timestamptz, p_reason text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  action payops.money_actions;
begin
  select a.* into action from payops.money_actions as a where a.id = p_id and a.kind = 'refund' for update;
  if not found then
    perform payops.refuse('not_found', 'There is no such refund.');
  elsif action.state <> 'awaiting_approval' then
    return payops.action_as_json(action) || '{"begun": false}';
  elsif action.requested_by = p_actor then
    perform payops.refuse('same_person', 'You requested this refund. Somebody else has to decide.');
  end if;
  if p_approved then
    perform payops.check_refundable(action.payment_intent_id, action.amount_minor);
  else
    perform payops.require_reason(p_reason);
  end if;
  update payops.money_actions as a set
    state = case when p_approved then 'sending' else 'rejected' end, decided_by = p_actor, decided_at = p_now,
    problem = case when p_approved then a.problem else p_reason end,
    sent_at = case when p_approved then p_now end, attempts = p_approved::integer,
    next_attempt_at = case when p_approved then p_now + interval '2 minutes' end
  where a.id = p_id
  returning a.* into action;
  perform payops.note_action(
    action, p_actor, p_role, case when p_approved then 'approved' else 'rejected' end, p_now, 'awaiting_approval'
  );
  return payops.action_as_json(action) || jsonb_build_object('begun', p_approved);
end
$$;

-- refunds_awaiting: the refunds that await approval, oldest first.
create function payops_api.refunds_awaiting() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.action_as_json(a) order by a.requested_at), '[]')
  from payops.money_actions as a
  where a.kind = 'refund' and a.state = 'awaiting_approval'
$$;

-- refunds_and_requests: refunds at Stripe, and refunds requested here that are not at Stripe or not there yet.
create function payops.refunds_and_requests()
returns table (
  id text, at timestamptz, payment_intent_id text, amount_minor bigint, currency text, status text, problem text,
  reason text, requested_by text, requested_role text, decided_by text, action_id text
)
language sql stable
set search_path = '' as $$
  select
    r.id, r.created, r.payment_intent_id, r.amount_minor, r.currency, r.status, r.failure_reason,
    coalesce(a.reason, r.reason), a.requested_by, a.requested_role, a.decided_by, a.id
  from payops.refunds as r
  left join payops.money_actions as a on r.id = a.result_id
  union all
  select
    a.id, a.requested_at, a.payment_intent_id, a.amount_minor, a.currency, a.state, a.problem, a.reason,
    a.requested_by, a.requested_role, a.decided_by, a.id
  from payops.money_actions as a
  where a.kind = 'refund' and a.state <> 'done'
$$;

-- list_refunds: the refunds that match the filters, newest first, at most 1,000, from the one after `p_after_id` on;
-- `next` is the id to continue after, null on the last page.
create function payops_api.list_refunds(
  p_since timestamptz default '-infinity', p_until timestamptz default 'infinity', p_statuses jsonb default null,
  p_currency text default null, p_payment_intent_id text default null, p_after_id text default null,
  p_limit integer default 200
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with after as (
    select r.created as at, r.id from payops.refunds as r where r.id = p_after_id
    union all
    select a.requested_at, a.id from payops.money_actions as a where a.id = p_after_id
  ),
  found as (
    select r.*
    from payops.refunds_and_requests() as r
    where r.at >= p_since and r.at < p_until
      and (p_statuses is null or p_statuses ? r.status) and (p_currency is null or r.currency = p_currency)
      and (p_payment_intent_id is null or r.payment_intent_id = p_payment_intent_id)
      and (p_after_id is null or (r.at, r.id) < (select after.at, after.id from after))
    order by r.at desc, r.id desc
    limit least(p_limit, 1000) + 1
  ),
  page as (
    select f.* from found as f order by f.at desc, f.id desc limit least(p_limit, 1000)
  )
  select jsonb_build_object(
    'items', coalesce((select jsonb_agg(to_jsonb(p) order by p.at desc, p.id desc) from page as p), '[]'),
    'next', case
      when (select count(*) from found) > least(p_limit, 1000) then (select p.id from page as p order by p.at, p.id limit 1)
    end
  )
$$;

-- refund: one refund by Stripe's id or ours, with our own record of it; null if it does not exist.
create function payops_api.refund(p_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(r) || jsonb_build_object('action', (
    select payops.action_as_json(a) from payops.money_actions as a where a.id = r.action_id
  ))
  from payops.refunds_and_requests() as r
  where r.id = p_id or r.action_id = p_id
$$;
