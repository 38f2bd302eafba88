-- awaits_answer: whether a dispute in this status, an inquiry, or an appeal takes evidence.
create function payops.awaits_answer(p_status text) returns boolean
language sql immutable
set search_path = '' as $$
  select p_status in ('needs_response', 'warning_needs_response', 'appeal_needs_response')
$$;

-- is_under_review: whether the bank has the evidence and decides.
create function payops.is_under_review(p_status text) returns boolean
language sql immutable
set search_path = '' as $$
  select p_status in ('under_review', 'warning_under_review', 'appeal_under_review')
$$;

-- bars_refund: whether a dispute keeps its charge from being refunded. Stripe says so until the dispute is decided for
-- us; for disputes stored without Stripe's word, their status does.
create function payops.bars_refund(p_dispute payops.disputes) returns boolean
language sql immutable
set search_path = '' as $$
  select p_dispute.status not in ('won', 'warning_closed') and not coalesce(
    p_dispute.charge_refundable, p_dispute.status = 'prevented' or p_dispute.status like 'warning\_%'
  )
$$;

-- dispute_row: a dispute as a line of a list.
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

-- list_disputes: the disputes of these statuses, at most 1,000: those to answer by their deadline, others newest first,
-- opened between two moments where they are given.
create function payops_api.list_disputes(
  p_statuses jsonb, p_since timestamptz default null, p_until timestamptz default null,
  p_reason text default null, p_limit integer default 500
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.dispute_row(x.dispute) order by x.due, x.created desc, x.id), '[]')
  from (
    select
      n as dispute, n.created, n.id,
      case when payops.awaits_answer(n.status) then nullif(n.evidence_due_by, 'epoch') end as due
    from payops.disputes as n
    where p_statuses ? n.status and (p_since is null or n.created >= p_since)
      and (p_until is null or n.created < p_until) and (p_reason is null or n.reason = p_reason)
    order by due, n.created desc, n.id
    limit least(p_limit, 1000)
  ) as x
$$;

-- dispute_fee_minor: the fee of the newest dispute that was settled in this currency, or null before the first.
create function payops.dispute_fee_minor(p_currency text) returns bigint
language sql stable
set search_path = '' as $$
  select b.fee_minor
  from payops.balance_transactions as b
  where b.reporting_category = 'dispute' and b.currency = p_currency and b.fee_minor > 0
  order by b.created desc
  limit 1
$$;

-- dispute_facts: one dispute with what is known of its payment and may speak for it, or null where there is none.
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

-- needing_response: this dispute, or a refusal where it needs no response.
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

-- check_dispute_answerable: this dispute, or a refusal where evidence cannot be saved for it.
create function payops_api.check_dispute_answerable(p_dispute_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.dispute_row(payops.needing_response(p_dispute_id))
$$;

-- check_answerable: this dispute, or a refusal in the operator's words where it cannot be answered now. Nobody else can
-- answer it until the transaction ends.
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

-- begin_dispute_answer: submitting the evidence that is staged at Stripe, or accepting the dispute, is written down and
-- may be asked of Stripe. The evidence itself stays at Stripe.
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
    elsif p_kind = 'accept_dispute' and coalesce(btrim(p_reason), '') = '' then
      perform payops.refuse('reason_missing', 'Give a reason: the audit log needs one.');
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

-- set_policy_text: this text of ours is what evidence says from now on; an empty one is none.
create function payops_api.set_policy_text(
  p_kind text, p_text text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  if length(p_text) > 20000 then
    perform payops.refuse('text_too_long', 'Banks take at most 20,000 characters.');
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

-- policy_texts: our texts that banks ask for, by their kind, with who changed each and when.
create function payops_api.policy_texts() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_object_agg(t.kind, to_jsonb(t)), '{}') from payops.policy_texts as t
$$;

-- disputes_by_reason: the disputes opened between two moments in one currency, a row a reason: how many, over how much,
-- and how they ended.
create function payops_api.disputes_by_reason(p_since timestamptz, p_until timestamptz, p_currency text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(r) order by r.disputes desc, r.reason), '[]')
  from (
    select
      coalesce(d.reason, 'general') as reason, count(*) as disputes, sum(d.amount_minor) as amount_minor,
      count(*) filter (where d.status = 'won') as won, count(*) filter (where d.status = 'lost') as lost,
      count(*) filter (where payops.awaits_answer(d.status)) as to_answer,
      count(*) filter (where payops.is_under_review(d.status)) as under_review
    from payops.disputes as d
    where d.created >= p_since and d.created < p_until and d.currency = p_currency
    group by 1
  ) as r
$$;

-- warning_history: of the fraud warnings of two months ago and older on payments that were not sent back in time, how
-- many became disputes, and how many of those that were decided were lost.
create function payops.warning_history(p_now timestamptz)
returns table (warned bigint, disputed bigint, decided bigint, lost bigint)
language sql stable
set search_path = '' as $$
  select
    count(*) filter (where d.id is not null or payops.refunded_of_charge(c) < c.amount_captured_minor), count(d.id),
    count(*) filter (where d.status in ('won', 'lost')), count(*) filter (where d.status = 'lost')
  from payops.early_fraud_warnings as w
  inner join payops.charges as c on w.charge_id = c.id
  left join lateral (
    select n.id, n.status from payops.disputes as n
    where n.charge_id = c.id and n.created >= w.created
    order by n.created
    limit 1
  ) as d on true
  where w.created < p_now - interval '60 days'
$$;

-- list_fraud_warnings: the payments reported as fraud that can still be sent back, newest first, with what a dispute
-- would cost beside the amount, and what became of earlier ones.
create function payops_api.list_fraud_warnings(p_now timestamptz, p_limit integer default 500) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'history', (select to_jsonb(h) from payops.warning_history(p_now) as h),
    'items', (
      select coalesce(jsonb_agg(to_jsonb(x) order by x.created desc, x.id), '[]')
      from (
        select
          w.id, w.created, w.fraud_type, w.payment_intent_id, c.id as charge_id, c.created as charged_at, c.currency,
          c.card_brand, c.card_last4, c.amount_captured_minor - payops.refunded_of_charge(c) as left_minor,
          payops.charge_fee_minor(c.id) as fee_minor,
          payops.settlement_currency(c.id, c.currency) as fee_currency,
          payops.dispute_fee_minor(payops.settlement_currency(c.id, c.currency)) as dispute_fee_minor,
          (
            select k.status from payops.payment_intents as i
            inner join payops.consultations as k on i.order_id = k.order_id
            where i.id = w.payment_intent_id
            order by k.received_at desc limit 1
          ) as consultation
        from payops.early_fraud_warnings as w
        inner join payops.charges as c on w.charge_id = c.id
        where w.actionable and not c.disputed and payops.refunded_of_charge(c) < c.amount_captured_minor
          and w.created > p_now - interval '120 days'
        order by w.created desc, w.id
        limit least(p_limit, 1000)
      ) as x
    )
  )
$$;

-- dispute_figures: how often payments are disputed in a period and in the one before it, with the days of both.
create function payops_api.dispute_figures(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_rollups();
  return jsonb_build_object(
    'fresh_at', payops.fresh_at(),
    'metrics', payops.dispute_metrics(p_since, p_until, p_currency),
    'previous_metrics', payops.dispute_metrics(p_previous_since, p_previous_until, p_currency),
    'daily', payops.daily_series(p_since, p_until, p_currency),
    'previous_daily', payops.daily_series(p_previous_since, p_previous_until, p_currency)
  );
end
$$;
