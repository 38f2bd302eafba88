-- awaits_answer: whether a dispute, inquiry or appeal in this status needs a response. Postgres inlines this and the next
-- function into the query, so that its indexes are used.
create function payops.awaits_answer(p_status text) returns boolean
language sql immutable
return p_status in ('needs_response', 'warning_needs_response', 'appeal_needs_response');

-- is_under_review: whether the bank is reviewing the evidence.
create function payops.is_under_review(p_status text) returns boolean
language sql immutable
return p_status in ('under_review', 'warning_under_review', 'appeal_under_review');

-- prevents_refund: whether a dispute prevents its charge from being refunded, as Stripe says until the dispute is won; for
-- disputes stored without that, their status decides.
create function payops.prevents_refund(p_dispute payops.disputes) returns boolean
language sql immutable
set search_path = '' as $$
  select p_dispute.status not in ('won', 'warning_closed') and not coalesce(
    p_dispute.charge_refundable, p_dispute.status = 'prevented' or p_dispute.status like 'warning\_%'
  )
$$;

-- dispute_row: a dispute as a row of a list.
create function payops.dispute_row(p_dispute payops.disputes) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'id', p_dispute.id, 'created', p_dispute.created, 'amount_minor', p_dispute.amount_minor,
    'currency', p_dispute.currency, 'status', p_dispute.status, 'reason', p_dispute.reason,
    'network_reason_code', p_dispute.network_reason_code, 'card_brand', p_dispute.card_brand,
    'evidence_due_by', nullif(p_dispute.evidence_due_by, 'epoch'), 'has_evidence', p_dispute.has_evidence,
    'submission_count', p_dispute.submission_count, 'charge_id', p_dispute.charge_id,
    'payment_intent_id', p_dispute.payment_intent_id, 'in_flight', exists (
      select from payops.money_actions as a where a.subject = p_dispute.id and a.state in ('sending', 'unknown')
    )
  )
$$;

-- list_disputes: the disputes in these statuses, at most 100,000: by deadline if they need a response, else newest first;
-- with `p_since` and `p_until` those opened between them, or closed between them where `p_by_closing`.
create function payops_api.list_disputes(
  p_statuses jsonb, p_since timestamptz default null, p_until timestamptz default null,
  p_reason text default null, p_limit integer default 500, p_currency text default null,
  p_by_closing boolean default false
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.dispute_row(x.dispute) order by x.due, x.created desc, x.id), '[]')
  from (
    select
      n as dispute, n.created, n.id,
      case when payops.awaits_answer(n.status) then nullif(n.evidence_due_by, 'epoch') end as due
    from payops.disputes as n
    left join payops.dispute_closings as k on p_by_closing and n.id = k.id
    where n.status = any(array(select jsonb_array_elements_text(p_statuses)))
      and (p_since is null or coalesce(k.created, n.created) >= p_since)
      and (p_until is null or coalesce(k.created, n.created) < p_until) and (p_reason is null or n.reason = p_reason)
      and (p_currency is null or n.currency = p_currency)
    order by due, n.created desc, n.id
    limit least(p_limit, 100000)
  ) as x
$$;

-- dispute_fee_minor: the fee of the newest dispute settled in this currency; null before the first.
create function payops.dispute_fee_minor(p_currency text) returns bigint
language sql stable
set search_path = '' as $$
  select b.fee_minor
  from payops.balance_transactions as b
  where b.reporting_category = 'dispute' and b.currency = p_currency and b.fee_minor > 0
  order by b.created desc
  limit 1
$$;

-- dispute_facts: one dispute with its payment and what is known for its defense; null if it does not exist.
create function payops_api.dispute_facts(p_dispute_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'dispute', payops.dispute_row(d),
    'payment', (
      select payops.payment_row(i) from payops.payment_intents as i where i.id = d.payment_intent_id
    ),
    'charged_at', c.created,
    'captured_minor', c.amount_captured_minor,
    'refunds', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'created', r.created, 'amount_minor', r.amount_minor, 'currency', r.currency
      ) order by r.created), '[]')
      from payops.refunds as r where r.charge_id = d.charge_id and r.status not in ('failed', 'canceled')
    ),
    'consultation', (
      select jsonb_build_object(
        'id', k.id, 'status', k.status, 'received_at', k.received_at, 'assigned_at', k.assigned_at,
        'ended_at', k.ended_at, 'provider', v.name
      )
      from payops.payment_intents as i
      inner join payops.consultations as k on i.order_id = k.order_id
      left join payops.providers as v on k.provider_id = v.id
      where i.id = d.payment_intent_id
      order by k.received_at desc
      limit 1
    ),
    'subscription', (
      select jsonb_build_object(
        'id', s.id, 'start_date', s.start_date, 'canceled_at', s.canceled_at, 'status', s.status
      )
      from payops.invoice_payments as p
      inner join payops.invoices as n on p.invoice_id = n.id
      inner join payops.subscriptions as s on n.subscription_id = s.id
      where p.payment_intent_id = d.payment_intent_id
      limit 1
    ),
    'undisputed_before', (
      select count(*)
      from payops.charges as e
      where e.customer_id = c.customer_id and e.status = 'succeeded' and e.created < c.created and not e.disputed
    ),
    'twin_charge_id', (
      select e.id
      from payops.charges as e
      where e.customer_id = c.customer_id and e.id <> c.id and e.status = 'succeeded' and e.currency = c.currency
        and e.amount_minor = c.amount_minor and e.created between c.created - interval '3 days' and c.created
      order by e.created desc
      limit 1
    ),
    'fee_minor', coalesce(
      (
        select sum(b.fee_minor) from payops.balance_transactions as b
        where b.source_id = d.id and b.reporting_category = 'dispute'
      ),
      payops.dispute_fee_minor(payops.settlement_currency(d.charge_id, d.currency))
    ),
    'fee_currency', payops.settlement_currency(d.charge_id, d.currency),
    'texts', (select coalesce(jsonb_object_agg(t.kind, t.text), '{}') from payops.policy_texts as t),
    'decided', (
      select jsonb_build_object(
        'won', count(*) filter (where o.status = 'won'), 'lost', count(*) filter (where o.status = 'lost')
      )
      from payops.disputes as o where o.reason = d.reason
    ),
    'actions', (
      select coalesce(jsonb_agg(payops.action_as_json(a) - 'params' order by a.requested_at), '[]')
      from payops.money_actions as a where a.subject = d.id
    )
  )
  from payops.disputes as d
  left join payops.charges as c on d.charge_id = c.id
  where d.id = p_dispute_id
$$;
