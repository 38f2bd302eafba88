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
    case when s.status in ('active', 'past_due', 'unpaid') then payops.brings_monthly_minor(s.id, s.items) end,
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

-- recovery_case: one failed payment, or a refusal where nothing of it is to be collected.
create function payops_api.recovery_case(p_payment_intent_id text, p_now timestamptz) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  failed jsonb;
begin
  select to_jsonb(r) into failed from payops.recovery_rows(p_now, p_payment_intent_id) as r;
  if failed is null then
    perform payops.refuse_not_failed();
  end if;
  return failed;
end
$$;
