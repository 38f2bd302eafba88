-- decline_code: why a payment failed, as a code of the decline table. If Stripe blocked the payment before it reached the
-- network, only the charge says so; the payment's own error does not.
create function payops.decline_code(p_error_code text, p_charge_code text, p_network_status text) returns text
language sql immutable
set search_path = '' as $$
  select case
    when p_network_status in ('not_sent_to_network', 'reversed_after_approval') then coalesce(p_charge_code, p_error_code)
    else coalesce(p_error_code, p_charge_code)
  end
$$;

-- past_due_payments: the payments of past-due invoices that are not paid yet.
create function payops.past_due_payments(p_now timestamptz) returns setof text
language sql stable rows 1000
set search_path = '' as $$
  select i.id
  from payops.invoices as n
  inner join payops.recovery_facts as f on n.id = f.invoice_id
  inner join payops.payment_intents as i on f.payment_intent_id = i.id
  where n.status = 'open' and (n.attempt_count > 0 or n.due_date < p_now)
    and i.status in ('requires_payment_method', 'requires_action', 'requires_confirmation')
$$;

-- payments_to_collect: the payments to recover: those of the last 60 days that failed and were not paid since, and
-- those of past-due invoices of any age, each with the amount to collect; only `p_payment_intent_ids` if given. Leaves
-- out payments whose invoice was settled another way, or whose order another payment paid.
create function payops.payments_to_collect(p_now timestamptz, p_payment_intent_ids text[] default null)
returns table (payment_intent_id text, amount_minor bigint)
language plpgsql stable rows 1000
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
#variable_conflict use_column
begin
  return query
  select
    i.id,
    coalesce(
      case when n.status = 'open' and (n.attempt_count > 0 or n.due_date < p_now) then n.amount_remaining_minor end,
      i.amount_minor
    )
  from (
    select k.id, k.created, k.order_id, k.amount_minor from payops.payment_intents as k
    where k.status = 'requires_payment_method' and k.error_code is not null
      and k.created > p_now - interval '60 days' and p_payment_intent_ids is null
    union
    select k.id, k.created, k.order_id, k.amount_minor
    from payops.past_due_payments(p_now) as d (id)
    inner join payops.payment_intents as k on d.id = k.id
    where p_payment_intent_ids is null
    union
    select k.id, k.created, k.order_id, k.amount_minor
    from unnest(p_payment_intent_ids) as given (id)
    inner join payops.payment_intents as k on given.id = k.id
    where
      k.status = 'requires_payment_method' and k.error_code is not null and k.created > p_now - interval '60 days'
      or k.status in ('requires_payment_method', 'requires_action', 'requires_confirmation') and exists (
        select from payops.recovery_facts as f
        inner join payops.invoices as n on f.invoice_id = n.id
        where f.payment_intent_id = k.id and n.status = 'open' and (n.attempt_count > 0 or n.due_date < p_now)
      )
  ) as i
  left join payops.recovery_facts as f on i.id = f.payment_intent_id
  left join payops.invoices as n on f.invoice_id = n.id
  where (n.id is null or n.status is null or n.status = 'open')
    and not exists (
      select from payops.payment_intents as later
      where later.order_id = coalesce(i.order_id, i.id) and later.status in ('succeeded', 'processing', 'requires_capture')
        and later.id <> i.id and later.created >= i.created
    );
end
$$;

-- recovery_rows: these payments to recover with their attempts, the monthly price of the subscription, Stripe's next
-- automatic retry, and what staff decided.
create function payops.recovery_rows(p_now timestamptz, p_payment_intent_ids text[])
returns table (
  payment_intent_id text, created timestamptz, amount_minor bigint, currency text, customer_id text, patient_id text,
  order_id text, error_code text, decline_code text, advice_code text, method_type text, card_brand text, card_last4 text,
  card_saved boolean, attempts bigint, card_declines_24_hours bigint, card_declines_of_amount bigint,
  last_attempt_at timestamptz, invoice_id text, subscription_id text, monthly_minor bigint, stripe_retries_at timestamptz, state text,
  scheduled_at timestamptz, reason text, changed_by text, retries_here bigint, in_flight boolean, links_sent jsonb
)
language plpgsql stable rows 1000 -- so that its plan is reused: planning takes longer than running it
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
#variable_conflict use_column
begin
  return query
  select
    i.id, i.created, coalesce(v.amount_remaining_minor, i.amount_minor), i.currency, i.customer_id,
    coalesce(i.patient_id, s.patient_id, c.patient_id), coalesce(i.order_id, s.order_id), i.error_code,
    payops.decline_code(
      i.error_decline_code, last.decline_code, case when last.id = i.error_charge_id then last.network_status end
    ),
    last.advice_code, last.method_type, last.card_brand, last.card_last4,
    f.card_saved, attempts.n, card.of_24_hours, card.of_amount, coalesce(last.created, i.as_of), v.id, v.subscription_id,
    case when s.status in ('active', 'past_due', 'unpaid') then payops.brings_monthly_minor(s.id, s.items) end,
    case when v.next_payment_attempt > p_now then v.next_payment_attempt end,
    coalesce(k.state, 'open'), k.scheduled_at, k.reason, k.changed_by, acts.retries, acts.in_flight, acts.links_sent
  from unnest(p_payment_intent_ids) as given (id)
  inner join payops.payment_intents as i on given.id = i.id
  left join payops.recovery_facts as f on i.id = f.payment_intent_id
  left join payops.recovery_cases as k on i.id = k.payment_intent_id
  left join payops.customers as c on i.customer_id = c.id
  left join payops.invoices as v
    on f.invoice_id = v.id and v.status = 'open' and (v.attempt_count > 0 or v.due_date < p_now)
  left join payops.subscriptions as s on v.subscription_id = s.id
  left join lateral (
    select h.* from payops.charges as h where h.payment_intent_id = i.id order by h.created desc, h.id desc limit 1
  ) as last on true
  cross join lateral (
    select count(*) as n from payops.charges as h
    where h.payment_intent_id = i.id and h.status = 'failed' and h.created > p_now - interval '30 days'
      and h.network_status is distinct from 'not_sent_to_network'
  ) as attempts
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
      ) filter (where a.kind = 'recovery_link' and a.state = 'done'), '[]') as links_sent
    from payops.money_actions as a
    where a.payment_intent_id = i.id
  ) as acts;
end
$$;

-- count_to_collect: counts the payments to recover and finds the largest, for the list, unless that was done recently.
-- Returns whether it was counted.
create function payops_api.count_to_collect(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  begun constant timestamptz := clock_timestamp();
  counted record;
begin
  if payops.counted_lately('payments_to_collect', '') then
    return 'false';
  end if;
  select
    count(*) as payments,
    (array_agg(k.payment_intent_id order by k.amount_minor desc, k.payment_intent_id))[1 : 2000] as largest
  into counted
  from payops.payments_to_collect(p_now) as k;
  perform payops.keep_count(
    'payments_to_collect', '', begun, p_now, counted.payments, to_jsonb(coalesce(counted.largest, '{}'))
  );
  return 'true';
end
$$;

-- list_recovery: the payments to recover, largest first, at most 100,000, and their number. If finding all of them
-- takes long, up to 1,000 are chosen from the largest that the worker found last and those created since the day
-- before; each row shown is checked to be still unpaid.
create function payops_api.list_recovery(p_now timestamptz, p_limit integer default 1000) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  kept payops.kept_counts;
  candidates text[];
  total bigint;
  shown text[];
begin
  if p_limit <= 1000 then
    select k.* into kept from payops.kept_lately('payments_to_collect', '', p_now) as k;
  end if;
  if kept.items > 2000 then -- with fewer, all of them are stored and quickly found
    candidates := array(
      select jsonb_array_elements_text(kept.at_stake)
      union
      select i.id from payops.payment_intents as i
      where i.status = 'requires_payment_method' and i.error_code is not null and i.created > p_now - interval '1 day'
    );
  end if;
  select
    greatest(count(*), case when candidates is not null then kept.items end),
    (array_agg(k.payment_intent_id order by k.amount_minor desc, k.payment_intent_id))[1 : least(p_limit, 100000)]
  into total, shown
  from payops.payments_to_collect(p_now, candidates) as k;
  return jsonb_build_object(
    'total', total,
    'items', (
      select coalesce(jsonb_agg(to_jsonb(r) order by r.amount_minor desc, r.payment_intent_id), '[]')
      from payops.recovery_rows(p_now, shown) as r
    )
  );
end
$$;

-- recovery_case: one payment to recover; refused if it no longer needs to be collected.
create function payops_api.recovery_case(p_payment_intent_id text, p_now timestamptz) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  failed jsonb;
begin
  select to_jsonb(r) into failed from payops.recovery_rows(
    p_now, array(select k.payment_intent_id from payops.payments_to_collect(p_now, array[p_payment_intent_id]) as k)
  ) as r;
  if failed is null then
    perform payops.refuse_not_failed();
  end if;
  return failed;
end
$$;
