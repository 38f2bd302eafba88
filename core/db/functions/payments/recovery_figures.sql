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
