-- begin_customer_action: records a customer's request once per ID. Repeated before its outcome is known, it is sent to
-- Stripe again under the same ID.
create function payops.begin_customer_action(p_action payops.money_actions, p_now timestamptz) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  begun jsonb;
  kept payops.money_actions;
begin
  begun := payops.begin_action(p_action, p_now);
  if (begun ->> 'begun')::boolean or begun ->> 'state' = 'done' then
    return begun;
  end if;
  update payops.money_actions as a set
    state = 'sending', sent_at = p_now, attempts = a.attempts + 1, next_attempt_at = p_action.next_attempt_at,
    settled_at = null, problem_code = null, problem = null
  where a.id = p_action.id and a.state <> 'done'
  returning a.* into kept;
  if not found then
    return begun;
  end if;
  perform payops.note_action(kept, kept.requested_by, kept.requested_role, 'begun', p_now, begun ->> 'state');
  return payops.action_as_json(kept) || '{"begun": true}';
end
$$;

-- code_uses: how many payments have used this promotion code or are about to, not counting the action `p_except`.
-- Stripe counts only uses on its own pages and invoices.
create function payops.code_uses(p_promotion_code text, p_except text default '', p_customer_id text default null)
returns bigint
language sql stable
set search_path = '' as $$
  select count(*)
  from payops.money_actions as a
  left join payops.payment_intents as i on a.payment_intent_id = i.id
  where a.kind = 'payment' and a.params ->> 'promotion_code' = p_promotion_code and a.id <> p_except
    and a.state in ('sending', 'unknown', 'done')
    and coalesce(i.status, 'succeeded') not in ('canceled', 'requires_payment_method')
    and (p_customer_id is null or a.subject = p_customer_id)
$$;

-- has_paid: whether any payment of this customer ever succeeded.
create function payops.has_paid(p_customer_id text) returns boolean
language sql stable
set search_path = '' as $$
  select
    exists (select from payops.charges as c where c.customer_id = p_customer_id and c.status = 'succeeded')
    or exists (select from payops.payment_intents as i where i.customer_id = p_customer_id and i.status = 'succeeded')
$$;

-- used_up: the refusal of a promotion code that has no uses left.
create function payops.used_up() returns text
language sql immutable
set search_path = '' as $$ select 'This code was used as often as it can be.' $$;

-- for_first_payment: the refusal of a promotion code that is valid only for a customer's first payment.
create function payops.for_first_payment() returns text
language sql immutable
set search_path = '' as $$ select 'This code is for a first payment.' $$;

-- promotion_code_problems: the two reasons we can tell ourselves why this customer cannot use a promotion code: no uses
-- left (`p_uses_left` by Stripe's count, null if unlimited), and an earlier payment of the customer. Each is null if it
-- does not apply. The caller knows whether the code is for first payments only.
create function payops_api.promotion_code_problems(
  p_promotion_code text, p_uses_left bigint default null, p_customer_id text default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'used_up', case when payops.code_uses(p_promotion_code) >= p_uses_left then payops.used_up() end,
    'paid_before', case when payops.has_paid(p_customer_id) then payops.for_first_payment() end
  )
$$;

-- check_code: refuses a promotion code that has no uses left, or that is for a first payment when this is a later one.
-- The code is locked until the transaction ends, so that uses are checked one at a time.
create function payops.check_code(
  p_id text, p_customer_id text, p_promotion_code text, p_uses_left bigint, p_first_time boolean
) returns void
language plpgsql
set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('code:' || p_promotion_code, 0));
  if payops.code_uses(p_promotion_code, p_id) >= p_uses_left then
    perform payops.refuse('discount_not_valid', payops.used_up());
  elsif p_first_time and (
    payops.has_paid(p_customer_id) or payops.code_uses(p_promotion_code, p_id, p_customer_id) > 0
  ) then
    perform payops.refuse('discount_not_valid', payops.for_first_payment());
  end if;
end
$$;

-- begin_payment: records a customer's payment, ready to be sent to Stripe; `p_uses_left` is null for a promotion code
-- without a limit.
create function payops_api.begin_payment(
  p_id text, p_customer_id text, p_order_id text, p_amount_minor bigint, p_currency text, p_actor text, p_role text,
  p_now timestamptz, p_promotion_code text default null, p_uses_left bigint default null,
  p_first_time boolean default false, p_path text default 'payment_intents' -- for processes of the version before
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  action payops.money_actions;
begin
  if p_promotion_code is not null and not exists (
    select from payops.money_actions as a
    where a.id = p_id and a.problem_code is distinct from 'never_done'
  ) then
    perform payops.check_code(p_id, p_customer_id, p_promotion_code, p_uses_left, p_first_time);
  end if;
  action := payops.sending_action(
    p_id, 'payment', p_customer_id, 'post', p_path,
    jsonb_strip_nulls(jsonb_build_object('order', p_order_id, 'promotion_code', p_promotion_code)),
    p_actor, p_role, null, p_now
  );
  action.amount_minor := p_amount_minor;
  action.currency := p_currency;
  return payops.begin_customer_action(action, p_now);
end
$$;

-- begin_subscription: records a customer's subscription, ready to be sent to Stripe.
create function payops_api.begin_subscription(
  p_id text, p_customer_id text, p_order_id text, p_price_id text, p_actor text, p_role text, p_now timestamptz,
  p_path text default 'subscriptions' -- for processes of the version before
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.begin_customer_action(
    payops.sending_action(
      p_id, 'create_subscription', p_customer_id, 'post', p_path,
      jsonb_build_object('order', p_order_id, 'price', p_price_id), p_actor, p_role, null, p_now
    ), p_now
  )
$$;
