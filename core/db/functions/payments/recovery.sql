-- decline_code: why a payment failed, in the decline table's terms. The error that a payment shows conceals that Stripe
-- blocked it before the network; the charge's outcome says so.
create function payops.decline_code(p_error_code text, p_charge_code text, p_network_status text) returns text
language sql immutable
set search_path = '' as $$
  select case
    when p_network_status in ('not_sent_to_network', 'reversed_after_approval') then coalesce(p_charge_code, p_error_code)
    else coalesce(p_error_code, p_charge_code)
  end
$$;

-- recovery_rows: payments of the last 60 days that failed and were not made good, and invoices past due however old,
-- with how often they were tried, what the subscription behind it brings in a month, what Stripe will try itself, and
-- what people decided.
create function payops.recovery_rows(p_now timestamptz, p_payment_intent_id text default null)
returns table (
  payment_intent_id text, created timestamptz, amount_minor bigint, currency text, customer_id text, patient_id text,
  order_id text, error_code text, decline_code text, advice_code text, method_type text, card_brand text, card_last4 text,
  card_saved boolean, tries bigint, card_declines_24_hours bigint, card_declines_of_amount bigint,
  last_attempt_at timestamptz, invoice_id text, subscription_id text, monthly_minor bigint, stripe_tries_at timestamptz, state text,
  scheduled_at timestamptz, reason text, changed_by text, retries_here bigint, in_flight boolean, told jsonb
)
language plpgsql stable -- whose plan is kept: making it takes longer than what it finds
set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with past_due as (
    select f.payment_intent_id, n.*
    from payops.invoices as n
    inner join payops.recovery_facts as f on n.id = f.invoice_id
    where n.status = 'open' and (n.attempt_count > 0 or n.due_date < p_now)
  ),
  failed as (
    select i.*
    from payops.payment_intents as i
    where i.status = 'requires_payment_method' and i.error_code is not null
      and i.created > p_now - interval '60 days'
    union
    select i.*
    from payops.payment_intents as i
    inner join past_due as d on i.id = d.payment_intent_id
    where i.status in ('requires_payment_method', 'requires_action', 'requires_confirmation')
  )
  select
    i.id, i.created, coalesce(v.amount_remaining_minor, i.amount_minor), i.currency, i.customer_id,
    coalesce(i.patient_id, s.patient_id, c.patient_id), coalesce(i.order_id, s.order_id), i.error_code,
    payops.decline_code(
      i.error_decline_code, last.decline_code, case when last.id = i.error_charge_id then last.network_status end
    ),
    last.advice_code, last.method_type, last.card_brand, last.card_last4,
    f.card_saved, tries.n, card.of_24_hours, card.of_amount, coalesce(last.created, i.as_of), v.id, v.subscription_id,
    case when s.status in ('active', 'past_due', 'unpaid') then payops.monthly_minor(s.items) end,
    case when v.next_payment_attempt > p_now then v.next_payment_attempt end,
    coalesce(k.state, 'open'), k.scheduled_at, k.reason, k.changed_by, acts.retries, acts.in_flight, acts.told
  from failed as i
  left join payops.recovery_facts as f on i.id = f.payment_intent_id
  left join payops.recovery_cases as k on i.id = k.payment_intent_id
  left join payops.customers as c on i.customer_id = c.id
  left join lateral (
    select d.* from past_due as d where d.payment_intent_id = i.id limit 1
  ) as v on true
  left join payops.subscriptions as s on v.subscription_id = s.id
  left join lateral (
    select h.* from payops.charges as h where h.payment_intent_id = i.id order by h.created desc, h.id desc limit 1
  ) as last on true
  cross join lateral (
    select count(*) as n from payops.charges as h
    where h.payment_intent_id = i.id and h.status = 'failed' and h.created > p_now - interval '30 days'
      and h.network_status is distinct from 'not_sent_to_network'
  ) as tries
  cross join lateral (
    select
      count(*) filter (where h.created > p_now - interval '24 hours') as of_24_hours,
      count(*) filter (where h.amount_minor = i.amount_minor) as of_amount
    from payops.charges as h
    where h.customer_id = i.customer_id and h.status = 'failed' and h.created > p_now - interval '30 days'
      and (h.card_brand, h.card_last4, h.card_exp_month, h.card_exp_year)
      = (last.card_brand, last.card_last4, last.card_exp_month, last.card_exp_year)
  ) as card
  cross join lateral (
    select
      count(*) filter (where a.kind = 'retry') as retries,
      coalesce(bool_or(a.kind = 'retry' and a.state in ('sending', 'unknown')), false) as in_flight,
      coalesce(jsonb_agg(
        jsonb_build_object(
          'at', a.settled_at, 'by', a.requested_by, 'how', case when a.path like 'invoices/%' then 'sent' else 'link' end
        ) order by a.settled_at desc
      ) filter (where a.kind = 'recovery_link' and a.state = 'done'), '[]') as told
    from payops.money_actions as a
    where a.payment_intent_id = i.id
  ) as acts
  where (p_payment_intent_id is null or i.id = p_payment_intent_id)
    -- An invoice that was settled another way, or an order that another payment paid, waits for nothing.
    and not exists (
      select from payops.invoices as n
      where n.id = f.invoice_id and n.status <> 'open'
    )
    and not exists (
      select from payops.payment_intents as later
      where later.order_id = coalesce(i.order_id, i.id) and later.status in ('succeeded', 'processing', 'requires_capture')
        and later.id <> i.id and later.created >= i.created
    );
end
$$;

-- list_recovery: what may still be collected, the one worth most first, a thousand at most, and how many there are.
create function payops_api.list_recovery(p_now timestamptz, p_limit integer default 1000) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with found as materialized (select r.* from payops.recovery_rows(p_now) as r)
  select jsonb_build_object(
    'total', (select count(*) from found),
    'items', (
      select coalesce(jsonb_agg(to_jsonb(x) order by x.amount_minor desc, x.payment_intent_id), '[]')
      from (select f.* from found as f order by f.amount_minor desc, f.payment_intent_id limit least(p_limit, 1000)) as x
    )
  )
$$;

-- recovery_case: one failed payment, or null where nothing of it waits to be collected.
create function payops_api.recovery_case(p_payment_intent_id text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(r) from payops.recovery_rows(p_now, p_payment_intent_id) as r
$$;

-- recovery_actions: what staff did about a failed payment here, newest first.
create function payops_api.recovery_actions(p_payment_intent_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.action_as_json(a) order by a.requested_at desc), '[]')
  from payops.money_actions as a
  where a.payment_intent_id = p_payment_intent_id and a.kind in ('retry', 'recovery_link', 'stop_collection')
$$;

-- retryable_now: how many failed payments can be tried again at this moment and wait for nobody else, what they come to
-- and since when the oldest waits. `p_rules` is the decline table: "<code> <advice code>" to the hours to wait and the
-- most tries that make sense, null where another try with the same card does not help.
create function payops.retryable_now(p_now timestamptz, p_rules jsonb)
returns table (waiting bigint, at_stake jsonb, oldest timestamptz)
language sql stable
set search_path = '' as $$
  select count(*), payops.amounts(array_agg(r.amount_minor), array_agg(r.currency)), min(r.last_attempt_at)
  from payops.recovery_rows(p_now) as r
  cross join lateral (
    select coalesce(
      p_rules -> concat(coalesce(r.decline_code, r.error_code, 'generic_decline'), ' ', r.advice_code),
      p_rules -> concat(regexp_replace(coalesce(r.decline_code, r.error_code), '^partner_', ''), ' ', r.advice_code),
      p_rules -> concat('unknown ', r.advice_code)
    ) as rule
  ) as of_table
  where r.state = 'open' and r.card_saved and not r.in_flight and r.stripe_tries_at is null
    and jsonb_typeof(of_table.rule) = 'object'
    and (
      not p_rules -> 'bank_debits' ? coalesce(r.method_type, 'card')
      or regexp_replace(coalesce(r.decline_code, r.error_code), '^partner_', '') = 'insufficient_funds'
    )
    and r.tries < (of_table.rule ->> 'most_tries')::integer
    and (r.card_brand is distinct from 'mastercard' or r.card_declines_24_hours < (p_rules ->> 'most_card_declines')::integer)
    and r.last_attempt_at + make_interval(hours => (of_table.rule ->> 'hours')::integer) <= p_now
$$;

-- note_failed_payment: this failed payment is on the recovery list, who brought it up is known, and its invoice.
create function payops_api.note_failed_payment(
  p_payment_intent_id text, p_told_by text, p_now timestamptz, p_invoice_id text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.recovery_cases (payment_intent_id, changed_by, changed_at)
  values (p_payment_intent_id, p_told_by, p_now)
  on conflict do nothing;
  insert into payops.recovery_facts as f (payment_intent_id, invoice_id)
  select p_payment_intent_id, p_invoice_id where p_invoice_id is not null
  on conflict (payment_intent_id) do update set invoice_id = excluded.invoice_id;
  select to_jsonb(true)
$$;

-- invoices_without_payment: open invoices that are past due of which it is not known which payment waits to pay them, and
-- that count as asked about for the next hour.
create function payops_api.invoices_without_payment(p_most integer, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  with wanted as (
    select i.id from payops.invoices as i
    left join payops.invoices_asked_about as a on i.id = a.invoice_id
    where i.status = 'open' and (i.attempt_count > 0 or i.due_date < p_now)
      and not exists (select from payops.recovery_facts as f where f.invoice_id = i.id)
      and (a.asked_at is null or a.asked_at < p_now - interval '1 hour')
    order by a.asked_at nulls first, i.created desc
    limit p_most
  ),
  noted as (
    insert into payops.invoices_asked_about as a (invoice_id, asked_at)
    select w.id, p_now from wanted as w
    on conflict (invoice_id) do update set asked_at = excluded.asked_at
    returning a.invoice_id
  )
  select coalesce(jsonb_agg(n.invoice_id), '[]') from noted as n
$$;

-- failed_payments_to_look_at: failed payments that Stripe was not asked about since they last failed, newest first.
create function payops_api.failed_payments_to_look_at(p_most integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'as_of', n.as_of, 'order_id', n.order_id)), '[]')
  from (
    select i.id, i.as_of, i.order_id from payops.payment_intents as i
    left join payops.recovery_facts as f on i.id = f.payment_intent_id
    where i.status = 'requires_payment_method' and i.error_code is not null
      and i.created > p_now - interval '60 days' and f.looked_at is distinct from i.as_of
    order by i.created desc
    limit p_most
  ) as n
$$;

-- record_recovery_facts: what Stripe said of failed payments is known; a fact that is not given stays as it was.
create function payops_api.record_recovery_facts(p_facts jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.recovery_facts as f (payment_intent_id, invoice_id, card_saved, looked_at)
  select g.payment_intent_id, g.invoice_id, g.card_saved, g.looked_at
  from jsonb_to_recordset(p_facts) as g (
    payment_intent_id text, invoice_id text, card_saved boolean, looked_at timestamptz
  )
  on conflict (payment_intent_id) do update set
    invoice_id = coalesce(excluded.invoice_id, f.invoice_id), card_saved = coalesce(excluded.card_saved, f.card_saved),
    looked_at = coalesce(excluded.looked_at, f.looked_at);
  select to_jsonb(jsonb_array_length(p_facts))
$$;

-- collectable: this failed payment, whose recovery is queued until the transaction ends; refused where it is none any
-- more, somebody stopped it, a try runs, or more was tried than the person who decides has seen.
create function payops.collectable(p_payment_intent_id text, p_seen_retries bigint, p_now timestamptz)
returns table (
  invoice_id text, amount_minor bigint, currency text, tries bigint, card_brand text, card_declines_24_hours bigint
)
language plpgsql
set search_path = '' as $$
declare
  failed record;
begin
  perform pg_advisory_xact_lock(hashtextextended('recovery:' || p_payment_intent_id, 0));
  select r.* into failed from payops.recovery_rows(p_now, p_payment_intent_id) as r;
  if not found then
    perform payops.refuse('not_failed', 'This payment is not waiting to be collected any more.');
  elsif failed.in_flight then
    perform payops.refuse('in_progress', 'This is being tried already. Wait for what comes of it.');
  elsif failed.retries_here <> p_seen_retries then
    perform payops.refuse('changed_meanwhile', 'Somebody tried this meanwhile. Look at what came of it before you go on.');
  end if;
  return query select
    failed.invoice_id, failed.amount_minor, failed.currency, failed.tries, failed.card_brand,
    failed.card_declines_24_hours;
end
$$;

-- open_links: the pages to pay that were made for this payment and that may still be paid: their sessions, null where
-- Stripe has not answered yet.
create function payops.open_links(p_payment_intent_id text, p_now timestamptz) returns setof text
language sql stable
set search_path = '' as $$
  select a.result_id
  from payops.money_actions as a
  where a.payment_intent_id = p_payment_intent_id and a.kind = 'recovery_link' and a.path = 'checkout/sessions'
    and a.state in ('sending', 'unknown', 'done') and a.sent_at > p_now - interval '25 hours'
    and not exists (select from payops.checkout_sessions as s where s.id = a.result_id)
$$;

-- recovery_links: the sessions of the pages to pay for this payment that are open, as far as is known.
create function payops_api.recovery_links(p_payment_intent_id text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(l) filter (where l is not null), '[]') from payops.open_links(p_payment_intent_id, p_now) as l
$$;

-- begin_retry: another try to collect this payment is written down and may be asked of Stripe; it is scheduled no more.
-- `p_stop_at` tries in 30 days are enough, and `p_card_stop_at` declines of a Mastercard in 24 hours, unless an admin
-- overrides that.
create function payops_api.begin_retry(
  p_id text, p_payment_intent_id text, p_payment_method_id text, p_actor text, p_role text, p_reason text,
  p_seen_retries bigint, p_stop_at integer, p_card_stop_at integer, p_override boolean, p_now timestamptz
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
  select c.* into failed from payops.collectable(p_payment_intent_id, p_seen_retries, p_now) as c;
  if p_override and coalesce(btrim(p_reason), '') = '' then
    perform payops.refuse('reason_missing', 'Say why the limit is passed over: the audit log needs a reason.');
  elsif not p_override and failed.tries >= p_stop_at then
    perform payops.refuse('retry_limit', format(
      'It was tried %s times in 30 days; card networks fine more. An admin can pass over this with a reason.', failed.tries
    ));
  elsif not p_override and failed.card_brand = 'mastercard' and failed.card_declines_24_hours >= p_card_stop_at then
    perform payops.refuse('retry_limit', format(
      'This Mastercard was declined %s times in 24 hours. An admin can pass over this with a reason.',
      failed.card_declines_24_hours
    ));
  elsif exists (select from payops.recovery_cases as k where k.payment_intent_id = p_payment_intent_id and k.state = 'stopped')
  then
    perform payops.refuse('stopped', 'Somebody stopped trying to collect this. Open it again first.');
  elsif exists (select from payops.open_links(p_payment_intent_id, p_now)) then
    perform payops.refuse('link_open', 'The customer has a link to pay this. It has to be closed first.');
  end if;
  action := payops.sending_action(
    p_id, 'retry', coalesce(failed.invoice_id, p_payment_intent_id), 'post',
    case
      when failed.invoice_id is null then 'payment_intents/' || p_payment_intent_id || '/confirm'
      else 'invoices/' || failed.invoice_id || '/pay'
    end,
    jsonb_strip_nulls(jsonb_build_object('payment_method', p_payment_method_id, 'off_session', true)),
    p_actor, p_role, p_reason, p_now
  );
  action.payment_intent_id := p_payment_intent_id;
  action.amount_minor := failed.amount_minor;
  action.currency := failed.currency;
  update payops.recovery_cases as k set state = 'open', scheduled_at = null, payment_method_id = null
  where k.payment_intent_id = p_payment_intent_id and k.state = 'scheduled';
  if p_override then
    perform payops.record_audit(
      p_actor, p_role, 'payments:retry:limit-overridden', 'pi:' || p_payment_intent_id, p_now, null,
      jsonb_build_object('action', p_id, 'tries', failed.tries, 'card_declines_24_hours', failed.card_declines_24_hours),
      p_reason
    );
  end if;
  return payops.begin_action(action, p_now);
end
$$;

-- begin_recovery_link: a way to pay that the customer is given is written down and may be asked of Stripe: its invoice
-- is sent, or a page to pay is made by `p_path` and `p_params`.
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
    perform payops.refuse('link_open', 'There is a link to pay this already.');
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

-- decide_recovery: this failed payment will be tried at that moment, or no more, or is open again. For an invoice whose
-- own tries Stripe has to end or begin again with that, the action by which it is asked is answered, else null.
create function payops_api.decide_recovery(
  p_payment_intent_id text, p_state text, p_scheduled_at timestamptz, p_payment_method_id text, p_actor text,
  p_role text, p_reason text, p_now timestamptz, p_action_id text default null
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
  if p_state = 'stopped' and coalesce(btrim(p_reason), '') = '' then
    perform payops.refuse('reason_missing', 'Say why: the audit log needs a reason.');
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
  if failed.invoice_id is null or p_action_id is null
    or (p_state = 'stopped') is not distinct from (before ->> 'state' = 'stopped')
  then
    return null;
  end if;
  action := payops.sending_action(
    p_action_id, 'stop_collection', failed.invoice_id, 'post', 'invoices/' || failed.invoice_id,
    jsonb_build_object('auto_advance', p_state <> 'stopped'), p_actor, p_role, p_reason, p_now
  );
  action.payment_intent_id := p_payment_intent_id;
  return payops.begin_action(action, p_now);
end
$$;

-- due_retries: scheduled retries whose time has come, the longest due first.
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

-- drop_schedule: this payment, which cannot be tried as scheduled, is scheduled no more, and why is on record.
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

-- recovery_of_days: of subscription invoices that failed in these business days, what was paid later, what is still open
-- and what was given up, in one currency; an invoice failed on the day of its first failed attempt.
create function payops.recovery_of_days(p_since date, p_until date, p_currency text)
returns table (failed_minor bigint, recovered_minor bigint, open_minor bigint, failed bigint, recovered bigint, open bigint)
language plpgsql stable -- whose plan is kept
set search_path = '' as $$
#variable_conflict use_column
declare
  starts timestamptz := (select p_since::timestamp at time zone timezone from payops.business);
  ends timestamptz := (select (p_until + 1)::timestamp at time zone timezone from payops.business);
begin
  return query
  with
  attempts as (
    select c.payment_intent_id
    from payops.charges as c
    where c.status = 'failed' and c.created >= starts and c.created < ends
    union
    select c.payment_intent_id
    from payops.failed_confirmations as c
    where c.created >= starts and c.created < ends
  ),
  candidates as (
    select p.invoice_id, p.payment_intent_id
    from attempts as a
    cross join lateral (
      select l.invoice_id, l.payment_intent_id from payops.invoice_payments as l
      where l.payment_intent_id = a.payment_intent_id
      limit 1
    ) as p
    union
    select f.invoice_id, f.payment_intent_id
    from attempts as a
    inner join payops.recovery_facts as f on a.payment_intent_id = f.payment_intent_id
    where f.invoice_id is not null
    union
    select n.id, f.payment_intent_id
    from payops.invoices as n
    left join payops.recovery_facts as f on n.id = f.invoice_id
    where n.status <> 'paid' and n.attempt_count > 0 and n.finalized_at >= starts and n.finalized_at < ends
  ),
  dated as (
    select
      n.id, n.status, n.amount_due_minor,
      min(coalesce(
        (
          select min(h.created)
          from (
            select c.created from payops.charges as c
            where c.payment_intent_id = k.payment_intent_id and c.status = 'failed'
            union all
            select c.created from payops.failed_confirmations as c where c.payment_intent_id = k.payment_intent_id
          ) as h
        ), n.finalized_at
      )) as failed_at
    from candidates as k
    inner join payops.invoices as n on k.invoice_id = n.id
    where n.currency = p_currency and n.subscription_id is not null
    group by n.id, n.status, n.amount_due_minor
  )
  select
    coalesce(sum(d.amount_due_minor), 0)::bigint,
    coalesce(sum(d.amount_due_minor) filter (where d.status = 'paid'), 0)::bigint,
    coalesce(sum(d.amount_due_minor) filter (where d.status = 'open'), 0)::bigint,
    count(*), count(*) filter (where d.status = 'paid'), count(*) filter (where d.status = 'open')
  from dated as d
  where d.failed_at >= starts and d.failed_at < ends;
end
$$;

-- recovery_metrics: which part of the money of subscription invoices that failed was paid later, in one currency.
create function payops.recovery_metrics(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('recovery_rate', payops.rate(d.recovered_minor, d.failed_minor))
  from payops.recovery_of_days(p_since, p_until, p_currency) as d
$$;

-- recovery_figures: what became of subscription invoices that failed in a period and in the one before it.
create function payops_api.recovery_figures(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(n) || jsonb_build_object('previous', to_jsonb(p))
  from payops.recovery_of_days(p_since, p_until, p_currency) as n,
    payops.recovery_of_days(p_previous_since, p_previous_until, p_currency) as p
$$;
