-- recovery_rows: payments of the last 60 days that failed and were not made good, and what people decided about them.
create function payops.recovery_rows(p_now timestamptz, p_payment_intent_id text default null)
returns table (
  payment_intent_id text, created timestamptz, amount_minor bigint, currency text, customer_id text, patient_id text,
  order_id text, error_code text, decline_code text, advice_code text, card_brand text, card_last4 text,
  attempts_30_days bigint, last_attempt_at timestamptz, invoice_id text, subscription_id text,
  stripe_tries_at timestamptz, state text, scheduled_at timestamptz, reason text, changed_by text, told jsonb,
  in_flight boolean
)
language sql stable
set search_path = '' as $$
  select
    i.id, i.created, i.amount_minor, i.currency, i.customer_id, i.patient_id, i.order_id, i.error_code,
    coalesce(i.error_decline_code, last.decline_code), last.advice_code, last.card_brand, last.card_last4,
    tries.n, coalesce(last.created, i.as_of), v.id, v.subscription_id, v.next_payment_attempt,
    coalesce(k.state, 'open'), k.scheduled_at, k.reason, k.changed_by, coalesce(k.told, '[]'),
    exists (
      select from payops.money_actions as a
      where a.payment_intent_id = i.id and a.kind = 'retry' and a.state in ('sending', 'unknown')
    )
  from payops.payment_intents as i
  left join payops.recovery_cases as k on i.id = k.payment_intent_id
  left join lateral (
    select c.created, c.decline_code, c.advice_code, c.card_brand, c.card_last4
    from payops.charges as c where c.payment_intent_id = i.id order by c.created desc, c.id desc limit 1
  ) as last on true
  cross join lateral (
    select count(*) as n from payops.charges as c
    where c.payment_intent_id = i.id and c.status = 'failed' and c.created > p_now - interval '30 days'
  ) as tries
  left join lateral (
    select n.id, n.subscription_id, n.next_payment_attempt, n.status
    from payops.invoice_payments as p
    inner join payops.invoices as n on p.invoice_id = n.id
    where p.payment_intent_id = i.id
    limit 1
  ) as v on true
  where i.status = 'requires_payment_method' and i.error_code is not null
    and i.created > p_now - interval '60 days'
    and (p_payment_intent_id is null or i.id = p_payment_intent_id)
    and coalesce(v.status, 'open') = 'open'
    and not exists (
      select from payops.payment_intents as later
      where later.order_id = i.order_id and later.status = 'succeeded' and later.created >= i.created
        and later.id <> i.id
    )
$$;

-- list_recovery: the failed payments that may still be collected, the one worth most first.
create function payops_api.list_recovery(p_now timestamptz, p_limit integer default 1000) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(x) order by x.amount_minor desc, x.payment_intent_id), '[]')
  from (select r.* from payops.recovery_rows(p_now) as r order by r.created desc limit least(p_limit, 1000)) as x
$$;

-- recovery_case: one failed payment, or null where it is none.
create function payops_api.recovery_case(p_payment_intent_id text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(r) from payops.recovery_rows(p_now, p_payment_intent_id) as r
$$;

-- note_failed_payment: this failed payment is on the recovery list, and who brought it up is known.
create function payops_api.note_failed_payment(
  p_payment_intent_id text, p_told_by text, p_now timestamptz, p_invoice_id text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.recovery_cases (payment_intent_id, changed_by, changed_at)
  values (p_payment_intent_id, p_told_by, p_now)
  on conflict do nothing;
  select to_jsonb(true)
$$;

-- begin_retry: another try to collect this payment is written down and may be asked of Stripe.
create function payops_api.begin_retry(
  p_id text, p_payment_intent_id text, p_payment_method_id text, p_actor text, p_role text, p_reason text,
  p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  failed record;
  action payops.money_actions;
begin
  select r.* into failed from payops.recovery_rows(p_now, p_payment_intent_id) as r;
  if not found and not exists (select from payops.money_actions as a where a.id = p_id) then
    perform payops.refuse('not_failed', 'This payment is not waiting to be collected any more.');
  end if;
  action := payops.sending_action(
    p_id, 'retry', coalesce(failed.invoice_id, p_payment_intent_id), 'post',
    case
      when failed.invoice_id is null then 'payment_intents/' || p_payment_intent_id || '/confirm'
      else 'invoices/' || failed.invoice_id || '/pay'
    end,
    jsonb_strip_nulls(jsonb_build_object(
      'payment_method', p_payment_method_id, 'off_session', case when failed.invoice_id is null then true end
    )), p_actor, p_role, p_reason, p_now
  );
  action.payment_intent_id := p_payment_intent_id;
  action.amount_minor := failed.amount_minor;
  action.currency := failed.currency;
  return payops.begin_action(action, p_now);
end
$$;

-- decide_recovery: this failed payment will be tried at that moment, or no more, or is open again.
create function payops_api.decide_recovery(
  p_payment_intent_id text, p_state text, p_scheduled_at timestamptz, p_payment_method_id text, p_actor text,
  p_role text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
  after payops.recovery_cases;
begin
  select to_jsonb(k) into before from payops.recovery_cases as k where k.payment_intent_id = p_payment_intent_id;
  insert into payops.recovery_cases as k
    (payment_intent_id, state, scheduled_at, payment_method_id, changed_by, changed_at, reason)
  values (p_payment_intent_id, p_state, p_scheduled_at, p_payment_method_id, p_actor, p_now, p_reason)
  on conflict (payment_intent_id) do update set
    state = excluded.state, scheduled_at = excluded.scheduled_at, payment_method_id = excluded.payment_method_id,
    changed_by = excluded.changed_by, changed_at = excluded.changed_at, reason = excluded.reason
  returning k.* into after;
  perform payops.record_audit(
    p_actor, p_role, 'payments:recovery:' || p_state, 'pi:' || p_payment_intent_id, p_now, before, to_jsonb(after),
    p_reason
  );
  return to_jsonb(after);
end
$$;

-- note_told: the customer was given a way to pay this, by whom and how.
create function payops_api.note_told(
  p_payment_intent_id text, p_how text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  insert into payops.recovery_cases as k (payment_intent_id, changed_by, changed_at, told)
  values (
    p_payment_intent_id, p_actor, p_now,
    jsonb_build_array(jsonb_build_object('at', p_now, 'how', p_how, 'by', p_actor))
  )
  on conflict (payment_intent_id) do update set told = k.told || excluded.told;
  perform payops.record_audit(
    p_actor, p_role, 'payments:recovery:told', 'pi:' || p_payment_intent_id, p_now, null,
    jsonb_build_object('how', p_how)
  );
  return to_jsonb(true);
end
$$;

-- claim_scheduled_retries: these retries are due now, are this worker's, and scheduled no more.
create function payops_api.claim_scheduled_retries(p_most integer, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  with due as (
    select payment_intent_id from payops.recovery_cases
    where state = 'scheduled' and scheduled_at <= p_now
    order by scheduled_at
    limit p_most
    for update skip locked
  ),
  claimed as (
    update payops.recovery_cases as k set state = 'open', scheduled_at = null
    from due
    where k.payment_intent_id = due.payment_intent_id
    returning k.*
  )
  select coalesce(jsonb_agg(to_jsonb(c)), '[]') from claimed as c
$$;
