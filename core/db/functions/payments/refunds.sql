-- released_minor: how much of an authorization was never captured. Stripe books the release as a refund of the charge.
create function payops.released_minor(p_charge payops.charges) returns bigint
language sql immutable
set search_path = '' as $$
  select greatest(p_charge.amount_minor - p_charge.amount_captured_minor, 0)
$$;

-- refunded_of_charge: how much of what was captured has been refunded. The refunds decide; the charge's own sum counts
-- where it knows of more, without what was only released, and without refunds that failed or were canceled since.
create function payops.refunded_of_charge(p_charge payops.charges) returns bigint
language sql stable
set search_path = '' as $$
  select greatest(
    coalesce(sum(r.amount_minor) filter (where r.status not in ('failed', 'canceled')), 0),
    p_charge.amount_refunded_minor - payops.released_minor(p_charge)
    - coalesce(sum(r.amount_minor) filter (where r.status in ('failed', 'canceled') and r.as_of >= p_charge.as_of), 0)
  )::bigint
  from payops.refunds as r
  where r.payment_intent_id = p_charge.payment_intent_id and coalesce(r.charge_id, p_charge.id) = p_charge.id
$$;

-- refund_position: of one payment, what was captured, what was refunded or is on its way back, and what is left.
create function payops.refund_position(p_payment_intent_id text)
returns table (
  charge_id text, currency text, captured_minor bigint, refunded_minor bigint, in_flight_minor bigint, left_minor bigint,
  charged_back boolean
)
language sql stable
set search_path = '' as $$
  select
    c.id, c.currency, c.amount_captured_minor, r.refunded, a.in_flight,
    c.amount_captured_minor - r.refunded - a.in_flight,
    exists (select from payops.disputes as d where d.charge_id = c.id and payops.bars_refund(d))
  from payops.charges as c
  cross join lateral (select payops.refunded_of_charge(c) as refunded) as r
  cross join lateral (
    select coalesce(sum(a.amount_minor), 0)::bigint as in_flight
    from payops.money_actions as a
    where a.payment_intent_id = p_payment_intent_id and a.kind = 'refund' and a.state in ('sending', 'unknown')
  ) as a
  where c.payment_intent_id = p_payment_intent_id and c.status = 'succeeded'
  order by c.created desc
  limit 1
$$;

-- queue_refunds: the payment's refunds wait for each other until the transaction ends.
create function payops.queue_refunds(p_payment_intent_id text) returns void
language sql
set search_path = '' as $$
  select pg_advisory_xact_lock(hashtextextended('refund:' || p_payment_intent_id, 0))
$$;

-- refund_problem: why nothing of this payment can be refunded, as a code and a sentence; no row where something can.
create function payops.refund_problem(p_payment_intent_id text) returns table (code text, sentence text)
language sql stable
set search_path = '' as $$
  select w.code, w.sentence
  from (select p_payment_intent_id as id) as asked
  left join payops.refund_position(p_payment_intent_id) as p on true
  left join payops.payment_intents as i on i.id = asked.id
  cross join lateral (
    values
      (
        1, 'not_mirrored', 'This payment has succeeded but is not mirrored yet. Try again in a moment.',
        p.charge_id is null and coalesce(i.status = 'succeeded', false)
      ),
      (
        2, 'not_captured', 'No money was collected for this payment, so there is nothing to refund.',
        coalesce(p.captured_minor, 0) = 0
      ),
      (
        3, 'charge_disputed', 'The customer disputes this payment. Answer or accept the dispute instead.',
        coalesce(p.charged_back, false)
      ),
      (4, 'nothing_left', 'All of this payment has already been refunded.', p.left_minor <= 0)
  ) as w (place, code, sentence, holds)
  where w.holds
  order by w.place
  limit 1
$$;

-- check_refundable: refused, in the operator's words, unless this much of the payment can be refunded.
create function payops.check_refundable(p_payment_intent_id text, p_amount_minor bigint) returns void
language plpgsql
set search_path = '' as $$
declare
  payment record;
  problem record;
begin
  perform payops.queue_refunds(p_payment_intent_id);
  select p.* into problem from payops.refund_problem(p_payment_intent_id) as p;
  if found then
    perform payops.refuse(problem.code, problem.sentence);
  end if;
  select p.* into payment from payops.refund_position(p_payment_intent_id) as p;
  if p_amount_minor is null or p_amount_minor < 1 then
    perform payops.refuse('bad_amount', 'A refund is at least one minor unit.');
  elsif p_amount_minor > payment.left_minor then
    perform payops.refuse(
      'refund_too_large', format('Only %s is left to refund.', payops.money_text(payment.left_minor, payment.currency))
    );
  end if;
end
$$;

-- money_text: an amount as an operator reads it: $5.00, CHF 5.00, KD 1.234.
create function payops.money_text(p_minor bigint, p_currency text) returns text
language sql immutable
set search_path = '' as $$
  select case p_currency
    when 'usd' then '$' when 'eur' then chr(8364) when 'gbp' then chr(163) when 'jpy' then chr(165) when 'cad' then 'CA$'
    when 'aud' then 'A$' when 'kwd' then 'KD ' when 'inr' then chr(8377) else upper(p_currency) || ' '
  end || case
    when p_currency = any(
      '{bif,clp,djf,gnf,jpy,kmf,krw,mga,pyg,rwf,vnd,vuv,xaf,xof,xpf}'::text[]
    ) then to_char(p_minor, 'FM999,999,999,999,990')
    when p_currency = any('{bhd,jod,kwd,omr,tnd}'::text[]) then to_char(p_minor / 1000.0, 'FM999,999,999,990.000')
    else to_char(p_minor / 100.0, 'FM999,999,999,990.00')
  end
$$;

-- refunded_alone_minor: what support refunded of a payment with nobody else's approval, or is about to.
create function payops.refunded_alone_minor(p_payment_intent_id text) returns bigint
language sql stable
set search_path = '' as $$
  select coalesce(sum(a.amount_minor), 0)::bigint
  from payops.money_actions as a
  left join payops.refunds as r on a.result_id = r.id
  where a.payment_intent_id = p_payment_intent_id and a.kind = 'refund' and a.requested_role = 'support'
    and a.decided_by is null and a.state in ('sending', 'unknown', 'done')
    and coalesce(r.status, 'succeeded') not in ('failed', 'canceled')
$$;

-- begin_refund: the refund is written down and may be asked of Stripe, or waits for another person where support may
-- not make it alone; `p_limit_minor`, in cents of usd, is null for those who need nobody, and `p_seen_left_minor` is
-- what was left when the person decided, so that two who look at the same payment do not both refund it.
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
  if coalesce(btrim(p_reason), '') = '' then
    perform payops.refuse('reason_missing', 'Give a reason: the audit log needs one.');
  end if;
  perform payops.queue_refunds(p_payment_intent_id);
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

-- decide_refund: another person approved the refund, which may now be asked of Stripe, or rejected it.
create function payops_api.decide_refund(
  p_id text, p_approved boolean, p_actor text, p_role text, p_now timestamptz
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
  end if;
  update payops.money_actions as a set
    state = case when p_approved then 'sending' else 'rejected' end, decided_by = p_actor, decided_at = p_now,
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

-- settlement_currency: the currency in which a charge reached the balance, and in which its fees are taken.
create function payops.settlement_currency(p_charge_id text, p_currency text) returns text
language sql stable
set search_path = '' as $$
  select coalesce(
    (
      select b.currency from payops.balance_transactions as b
      where b.source_id = p_charge_id and b.type in ('charge', 'payment')
      order by b.created
      limit 1
    ),
    p_currency
  )
$$;

-- charge_fee_minor: the fee that Stripe took for a charge, in its settlement currency; null before it is known.
create function payops.charge_fee_minor(p_charge_id text) returns bigint
language sql stable
set search_path = '' as $$
  select sum(b.fee_minor)::bigint
  from payops.balance_transactions as b where b.source_id = p_charge_id and b.type in ('charge', 'payment')
$$;

-- refund_preview: what a refund of this payment affects: what is left or why nothing is, what awaits approval, the fee
-- that is not returned, disputes and fraud warnings, the subscription and the consultation.
create function payops_api.refund_preview(p_payment_intent_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(to_jsonb(w), '{}') || case when p.charge_id is null then '{}' else to_jsonb(p) || jsonb_build_object(
    'payment_intent_id', p_payment_intent_id,
    'alone_minor', payops.refunded_alone_minor(p_payment_intent_id),
    'fee_minor', payops.charge_fee_minor(p.charge_id),
    'settlement_currency', payops.settlement_currency(p.charge_id, p.currency),
    'awaiting_minor', (
      select coalesce(sum(a.amount_minor), 0) from payops.money_actions as a
      where a.payment_intent_id = p_payment_intent_id and a.kind = 'refund' and a.state = 'awaiting_approval'
    ),
    'disputes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'status', d.status, 'reason', d.reason, 'amount_minor', d.amount_minor, 'currency', d.currency
      )), '[]')
      from payops.disputes as d where d.charge_id = p.charge_id
    ),
    'fraud_warning', exists (
      select from payops.early_fraud_warnings as f where f.charge_id = p.charge_id and f.actionable
    ),
    'subscription_id', (
      select n.subscription_id from payops.invoice_payments as l
      inner join payops.invoices as n on l.invoice_id = n.id
      where l.payment_intent_id = p_payment_intent_id
      limit 1
    ),
    'consultation', (
      select jsonb_build_object('id', k.id, 'status', k.status, 'provider', v.name)
      from payops.payment_intents as i
      inner join payops.consultations as k on i.order_id = k.order_id
      left join payops.providers as v on k.provider_id = v.id
      where i.id = p_payment_intent_id
      order by k.received_at desc
      limit 1
    )
  ) end
  from (select 1) as one
  left join payops.refund_position(p_payment_intent_id) as p on true
  left join payops.refund_problem(p_payment_intent_id) as w on true
$$;

-- refunds_and_asked: refunds as Stripe has them, and those that were asked for here and are not there, or not yet.
create function payops.refunds_and_asked()
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

-- list_refunds: the refunds of some days that fit, newest first, at most a thousand, those after `p_after_id` in that
-- order where it is given; `next` is the id to go on after, null at the end.
create function payops_api.list_refunds(
  p_since timestamptz default '-infinity', p_until timestamptz default 'infinity', p_status text default null,
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
    from payops.refunds_and_asked() as r
    where r.at >= p_since and r.at < p_until
      and (p_status is null or r.status = p_status) and (p_currency is null or r.currency = p_currency)
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

-- refund: one refund by its id, as Stripe's or as ours, or null where there is none.
create function payops_api.refund(p_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(r) || jsonb_build_object('action', (
    select payops.action_as_json(a) from payops.money_actions as a where a.id = r.action_id
  ))
  from payops.refunds_and_asked() as r
  where r.id = p_id or r.action_id = p_id
$$;

-- refunds_of_days: what went back in a period by the balance, a row a business day, and how many refunds have which
-- status by now.
create function payops.refunds_of_days(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'refunded', payops.balance_metrics(p_since, p_until, p_currency) -> 'refunded',
    'by_status', (
      select coalesce(jsonb_agg(jsonb_build_object('key', s.status, 'count', s.n, 'amount', s.amount) order by s.n desc), '[]')
      from (
        select r.status, count(*) as n, sum(r.amount_minor) as amount
        from payops.refunds_and_asked() as r
        cross join payops.business as b
        where r.currency = p_currency and r.at >= p_since::timestamp at time zone b.timezone
          and r.at < (p_until + 1)::timestamp at time zone b.timezone
        group by r.status
      ) as s
    ),
    'daily', (
      select jsonb_agg(jsonb_build_object(
        'day', g.day, 'refunds', coalesce(d.n, 0), 'amount_minor', coalesce(d.amount, 0)
      ) order by g.day)
      from (select p_since + i as day from generate_series(0, p_until - p_since) as i) as g
      left join (
        select
          b.day, sum(-b.amount_minor) as amount,
          sum(b.transactions) filter (where b.reporting_category = 'refund') as n
        from payops.daily_balances as b
        where b.currency = p_currency and b.reporting_category in ('refund', 'refund_failure')
        group by b.day
      ) as d on g.day = d.day
    )
  )
$$;

-- refund_figures: what went back in a period and in the one before it.
create function payops_api.refund_figures(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_balances();
  return payops.refunds_of_days(p_since, p_until, p_currency) || jsonb_build_object(
    'previous', payops.refunds_of_days(p_previous_since, p_previous_until, p_currency)
  );
end
$$;

-- refunds_awaiting: the refunds that wait for another person, the oldest first.
create function payops_api.refunds_awaiting() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.action_as_json(a) order by a.requested_at), '[]')
  from payops.money_actions as a
  where a.kind = 'refund' and a.state = 'awaiting_approval'
$$;
