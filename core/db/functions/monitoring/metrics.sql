-- rate: a fraction with its numerator and denominator; null if there is nothing to divide by.
create function payops.rate(p_numerator bigint, p_denominator bigint) returns jsonb
language sql immutable
set search_path = '' as $$
  select jsonb_build_object(
    'value', case when p_denominator > 0 then p_numerator::double precision / p_denominator end,
    'numerator', p_numerator, 'denominator', p_denominator
  )
$$;

-- payment_metrics: the outcomes of payments by the day of their first attempt, in one currency.
create function payops.payment_metrics(p_since date, p_until date, p_currency text, p_now timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  with payments as (
    select coalesce(sum(succeeded), 0) as succeeded, coalesce(sum(failed), 0) as failed
    from payops.daily_payments
    where day between p_since and p_until and currency = p_currency
  ),
  attempts as (
    select
      coalesce(sum(attempts), 0) as attempts, coalesce(sum(succeeded), 0) as succeeded,
      coalesce(sum(reached_network), 0) as reached
    from payops.daily_attempts
    where day between p_since and p_until and currency = p_currency
  ),
  intents as (
    select coalesce(sum(created), 0) as created, coalesce(sum(unconfirmed), 0) as unconfirmed
    from payops.daily_intents
    where day between p_since and p_until and currency = p_currency
  ),
  undecided as ( -- younger than a day: whether they are dropped is not known yet
    select
      count(*) as created,
      count(*) filter (
        where first_attempt_at is null or first_attempt_at > created + interval '24 hours'
      ) as unconfirmed
    from payops.payment_facts
    where created > p_now - interval '24 hours' and currency = p_currency
      and created_day + 0 between p_since and p_until -- + 0: by the index of days, a year would be read
      and p_until >= payops.business_day(p_now - interval '24 hours') -- an earlier period has none
  ),
  processed as (
    select coalesce(sum(cardinality(d.processing_ms)), 0) as n
    from payops.daily_payments as d
    where d.day between p_since and p_until and d.currency = p_currency
  )
  select jsonb_build_object(
    'payment_success_rate', (select payops.rate(succeeded, succeeded + failed) from payments),
    'attempt_success_rate', (select payops.rate(succeeded, attempts) from attempts),
    'authorization_rate', (select payops.rate(succeeded, reached) from attempts),
    'drop_off_rate', (
      select payops.rate(i.unconfirmed - u.unconfirmed, i.created - u.created) from intents as i, undecided as u
    ),
    'failures', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'code', f.code, 'advice_code', f.advice_code, 'method_type', f.method_type, 'count', f.n, 'amount', f.amount
      ) order by f.n desc, f.code, f.advice_code, f.method_type), '[]')
      from (
        select
          d.code, nullif(d.advice_code, '') as advice_code, nullif(d.method_type, '') as method_type,
          sum(d.failures) as n, sum(d.amount_minor) as amount
        from payops.daily_failures as d
        where d.day between p_since and p_until and d.currency = p_currency
        group by d.code, d.advice_code, d.method_type
      ) as f
    ),
    'processing_time_payment', case
      when (select p.n from processed as p) <= 2000 then (
        select jsonb_build_object(
          'p50_ms', percentile_cont(0.5) within group (order by t.ms),
          'p95_ms', percentile_cont(0.95) within group (order by t.ms), 'n', count(*)
        )
        from payops.daily_payments as d, unnest(d.processing_ms) as t (ms)
        where d.day between p_since and p_until and d.currency = p_currency
      )
      else (
        select payops.percentiles_of(array_agg(s.bucket), array_agg(s.n))
        from (
          select b.bucket, sum(b.n)::bigint as n
          from payops.daily_payments as d, unnest(d.processing_buckets, d.processing_counts) as b (bucket, n)
          where d.day between p_since and p_until and d.currency = p_currency
          group by b.bucket
        ) as s
      )
    end
  )
$$;

-- dispute_metrics: disputes opened and payments disputed, against payments captured; those closed, by how they ended.
create function payops.dispute_metrics(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with bounds as (select payops.day_start(p_since) as starts, payops.day_start(p_until + 1) as ends),
  captured as (
    select coalesce(sum(c.captured), 0) as n, coalesce(sum(c.disputed), 0) as disputed
    from payops.daily_captures as c
    where c.day between p_since and p_until and c.currency = p_currency
  ),
  opened as (
    select count(*) as n, count(*) filter (where payops.is_chargeback(d.status)) as chargebacks
    from payops.disputes as d, bounds as b
    where d.created >= b.starts and d.created < b.ends and d.currency = p_currency
  ),
  closed as (
    select count(*) as n, count(*) filter (where c.status = 'won') as won
    from (
      select d.status
      from bounds as b
      inner join payops.dispute_closings as k on k.created >= b.starts and k.created < b.ends
      inner join payops.disputes as d on k.id = d.id
      where d.status in ('won', 'lost') and d.currency = p_currency
      union all -- disputes whose closing no event reported
      select d.status
      from bounds as b
      inner join payops.disputes as d on d.created >= b.starts and d.created < b.ends
      where d.status in ('won', 'lost') and d.currency = p_currency
        and not exists (select from payops.dispute_closings as k where k.id = d.id)
    ) as c
  )
  select jsonb_build_object(
    'dispute_activity', payops.rate(opened.n, captured.n),
    'dispute_rate', payops.rate(captured.disputed, captured.n),
    'chargeback_rate', payops.rate(opened.chargebacks, captured.n),
    'dispute_win_rate', payops.rate(closed.won, closed.n)
  )
  from opened, closed, captured
$$;

-- is_chargeback: whether a dispute took money: it is neither an inquiry that was not escalated nor a dispute that was
-- prevented.
create function payops.is_chargeback(p_status text) returns boolean
language sql immutable
return p_status not like 'warning\_%' and p_status <> 'prevented';

-- fresh_at: the time up to which the mirror is complete: that of the last event received, or of the last complete
-- backfill.
create function payops.fresh_at() returns timestamptz
language sql stable
set search_path = '' as $$
  select greatest(
    (select max(e.received_at) from payops.events as e),
    (select max(b.at) from payops.backfill_places as b where b.source = 'everything' and b.done)
  )
$$;

-- webhook_metrics: how long Stripe's events took to reach us, and how long until they were applied at the first
-- attempt.
create function payops.webhook_metrics(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'webhook_delay', payops.times_of_days('webhook_delay', p_since, p_until),
    'webhook_handling_time', payops.times_of_days('webhook_handling', p_since, p_until)
  )
$$;

-- metrics: the figures of a period of business days in one currency, exact up to the last committed event.
create function payops_api.metrics(p_since date, p_until date, p_currency text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_figures();
  return jsonb_build_object(
    'fresh_at', payops.fresh_at(),
    'other_movements', payops.other_movements(p_since, p_until, p_currency),
    'metrics',
    payops.payment_metrics(p_since, p_until, p_currency, p_now)
    || payops.balance_metrics(p_since, p_until, p_currency)
    || payops.recovery_metrics(p_since, p_until, p_currency)
    || payops.dispute_metrics(p_since, p_until, p_currency)
    || payops.vamp_metrics(p_until)
    || payops.subscription_metrics(p_since, p_until, p_currency, p_now)
    || payops.webhook_metrics(p_since, p_until)
    || payops.assignment_metrics(p_since, p_until)
    || payops.stripe_call_metrics(p_since, p_until)
    || payops.api_call_metrics(p_since, p_until)
  );
end
$$;
