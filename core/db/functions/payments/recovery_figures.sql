-- count_retryable: counts the failed payments that can be retried now, for the overview, unless that was done recently.
-- Returns whether it was counted.
create function payops_api.count_retryable(p_now timestamptz, p_retry_rules jsonb) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  rules constant text := md5(p_retry_rules::text);
  begun constant timestamptz := clock_timestamp();
  counted record;
begin
  if payops.counted_lately('retryable_failures', rules) then
    return 'false';
  end if;
  select * into counted from payops.retryable_now(p_now, p_retry_rules);
  perform payops.keep_count(
    'retryable_failures', rules, begun, p_now, counted.waiting, counted.at_stake, counted.oldest
  );
  return 'true';
end
$$;

-- retryable_lately: the result of retryable_now, or what the worker counted last.
create function payops.retryable_lately(p_now timestamptz, p_rules jsonb)
returns table (waiting bigint, at_stake jsonb, oldest timestamptz)
language plpgsql stable rows 1
set search_path = '' as $$
begin
  return query
  select k.items, k.at_stake, k.oldest from payops.kept_lately('retryable_failures', md5(p_rules::text), p_now) as k;
  if not found then
    return query select r.* from payops.retryable_now(p_now, p_rules) as r;
  end if;
end
$$;

-- retryable_now: how many failed payments can be retried now without the customer, their amounts, and the last attempt
-- of the oldest. `p_rules` is the decline table: "<code> <advice code>" to the hours to wait and the maximum number of
-- attempts; null if retrying the same card cannot help.
create function payops.retryable_now(p_now timestamptz, p_rules jsonb)
returns table (waiting bigint, at_stake jsonb, oldest timestamptz)
language sql stable
set search_path = '' as $$
  select count(*), payops.amounts(array_agg(r.amount_minor), array_agg(r.currency)), min(r.last_attempt_at)
  from payops.recovery_rows(
    p_now, array(
      select k.payment_intent_id
      from payops.payments_to_collect(p_now) as k
      inner join payops.recovery_facts as f on k.payment_intent_id = f.payment_intent_id and f.card_saved
    )
  ) as r
  cross join lateral (
    select coalesce(
      p_rules -> concat(coalesce(r.decline_code, r.error_code, 'generic_decline'), ' ', r.advice_code),
      p_rules -> concat(regexp_replace(coalesce(r.decline_code, r.error_code), '^partner_', ''), ' ', r.advice_code),
      p_rules -> concat('unknown ', r.advice_code)
    ) as rule
  ) as of_table
  where r.state = 'open' and r.card_saved and not r.in_flight and r.stripe_retries_at is null
    and jsonb_typeof(of_table.rule) = 'object'
    and (
      not p_rules -> 'bank_debits' ? coalesce(r.method_type, 'card')
      or regexp_replace(coalesce(r.decline_code, r.error_code), '^partner_', '') = 'insufficient_funds'
    )
    and r.attempts < (of_table.rule ->> 'most_attempts')::integer
    and (r.card_brand is distinct from 'mastercard' or r.card_declines_24_hours < (p_rules ->> 'most_card_declines')::integer)
    and r.last_attempt_at + make_interval(hours => (of_table.rule ->> 'hours')::integer) <= p_now
$$;

-- recovery_metrics: the recovery rate: the share of the amount of failed subscription invoices that was paid later.
create function payops.recovery_metrics(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('recovery_rate', payops.rate(d.recovered_minor, d.failed_minor))
  from payops.recovery_of_days(p_since, p_until, p_currency) as d
$$;

-- recovery_figures: the subscription invoices that failed in a period and in the one before it, and what became of them.
create function payops_api.recovery_figures(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_recovery(5000);
  return (
    select to_jsonb(n) || jsonb_build_object('previous', to_jsonb(p))
    from payops.recovery_of_days(p_since, p_until, p_currency) as n,
      payops.recovery_of_days(p_previous_since, p_previous_until, p_currency) as p
  );
end
$$;
