-- released_minor: how much of an authorization was never captured. Stripe books the release as a refund of the charge.
create function payops.released_minor(p_charge payops.charges) returns bigint
language sql immutable
set search_path = '' as $$
  select greatest(p_charge.amount_minor - p_charge.amount_captured_minor, 0)
$$;

-- refunded_of_charge: how much of the captured amount has been refunded: the sum of the refunds, or the charge's own
-- figure if that is higher. Released authorizations, and refunds that failed or were canceled since, do not count.
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

-- refund_position: a payment's captured amount, how much of it is refunded or being refunded, and how much is left.
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
    exists (select from payops.disputes as d where d.charge_id = c.id and payops.prevents_refund(d))
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

-- money_text: an amount with its currency: $5.00, CHF 5.00, KD 1.234.
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

-- more_than_left: the refusal of a refund that is larger than what is left.
create function payops.more_than_left(p_left_minor bigint, p_currency text) returns text
language sql immutable
set search_path = '' as $$
  select format('Only %s is left to refund.', payops.money_text(p_left_minor, p_currency))
$$;

-- settlement_currency: the currency in which a charge reached the balance and its fees are charged.
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

-- charge_fee_minor: Stripe's fee for a charge, in its settlement currency; null before it is known.
create function payops.charge_fee_minor(p_charge_id text) returns bigint
language sql stable
set search_path = '' as $$
  select sum(b.fee_minor)::bigint
  from payops.balance_transactions as b where b.source_id = p_charge_id and b.type in ('charge', 'payment')
$$;

-- refunded_alone_minor: how much of a payment support has refunded without approval, unfinished refunds included.
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

-- refund_problem: why nothing of this payment can be refunded, as a code and a sentence; no row if something can.
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

-- refund_preview: what a refund of this payment affects: the amount left or why nothing is left, refunds awaiting
-- approval, the fee that Stripe keeps, disputes, fraud warnings, the subscription and the consultation.
create function payops_api.refund_preview(p_payment_intent_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(to_jsonb(w), '{}') || case when p.charge_id is null then '{}' else to_jsonb(p) || jsonb_build_object(
    'payment_intent_id', p_payment_intent_id,
    'too_large', payops.more_than_left(p.left_minor, p.currency),
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
