-- mark_stale_payments: marks every payment and charge that these records affect to be counted again.
create function payops.mark_stale_payments(p_records jsonb) returns void
language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_payments (payment_intent_id)
  select distinct r.payment_intent_id
  from (
    select r ->> 'id' as payment_intent_id
    from jsonb_array_elements(p_records -> 'payment_intents') as r
    union all
    select r ->> 'payment_intent_id'
    from jsonb_array_elements(
      coalesce(p_records -> 'charges', '[]') || coalesce(p_records -> 'failed_confirmations', '[]')
      || coalesce(p_records -> 'invoice_payments', '[]') || coalesce(p_records -> 'charge_captures', '[]')
    ) as r
  ) as r
  where r.payment_intent_id is not null;
  insert into payops.stale_charges (charge_id)
  select distinct r ->> 'id'
  from jsonb_array_elements(
    coalesce(p_records -> 'charges', '[]') || coalesce(p_records -> 'charge_captures', '[]')
  ) as r
  where r ->> 'payment_intent_id' is null
  union
  select r ->> 'charge_id' from jsonb_array_elements(p_records -> 'disputes') as r where r ->> 'charge_id' is not null;
end
$$;

-- payment_attempts: each attempt at these payment intents, including pending ones. If no event reported a failed
-- confirmation, the intent's last error without a charge counts as one, at the earliest time it can have happened.
create function payops.payment_attempts(p_ids text[])
returns table (
  payment_intent_id text, at timestamptz, id text, pending boolean, succeeded boolean, found boolean,
  decline_code text, advice_code text, method_type text
)
language sql stable
set search_path = '' as $$
  select
    c.payment_intent_id, c.created, c.id, c.status = 'pending', c.status = 'succeeded', false,
    coalesce(c.decline_code, c.failure_code), c.advice_code, c.method_type
  from payops.charges as c
  where c.payment_intent_id = any(p_ids)
  union all
  select f.payment_intent_id, f.created, f.id, false, false, false, coalesce(f.decline_code, f.code), null, null
  from payops.failed_confirmations as f
  where f.payment_intent_id = any(p_ids)
  union all
  select
    i.id, greatest(i.created, (select max(c.created) from payops.charges as c where c.payment_intent_id = i.id)),
    '~' || i.id, false, false, true, coalesce(i.error_decline_code, i.error_code), null, null
  from payops.payment_intents as i
  where i.id = any(p_ids) and i.error_charge_id is null and coalesce(i.error_code, i.error_decline_code) is not null
    and not exists (select from payops.failed_confirmations as f where f.payment_intent_id = i.id)
$$;

-- payment_facts_of: the facts about these payment intents that figures are counted from, according to the mirror now.
-- An authorization that was canceled and never captured is voided: neither a success nor a failure.
create function payops.payment_facts_of(p_ids text[]) returns setof payops.payment_facts
language sql stable
set search_path = '' as $$
  with summed as (
    select
      a.payment_intent_id, min(a.at) as first_at, bool_or(not a.pending) as decided, bool_or(a.succeeded) as authorized,
      min(a.at) filter (where a.succeeded and a.method_type = 'card') as paid_by_card_at,
      min(a.at) filter (where a.found) as found_failure_at,
      (array_agg(a.decline_code order by a.at desc, a.id desc) filter (where not a.succeeded and not a.pending))[1]
        as decline_code,
      (array_agg(a.advice_code order by a.at desc, a.id desc) filter (where not a.succeeded and not a.pending))[1]
        as advice_code,
      (array_agg(a.method_type order by a.at desc, a.id desc) filter (where not a.succeeded and not a.pending))[1]
        as method_type
    from payops.payment_attempts(p_ids) as a
    group by a.payment_intent_id
  ),
  renewals as (
    select p.payment_intent_id
    from payops.invoice_payments as p
    inner join payops.invoices as i on p.invoice_id = i.id
    where p.payment_intent_id = any(p_ids) and i.billing_reason in ('subscription_cycle', 'subscription_threshold')
  )
  select
    i.id, payops.business_day(i.created), i.created, i.currency, i.amount_minor, s.first_at,
    payops.business_day(s.first_at),
    case
      when s.first_at is null then 'none'
      when i.status = 'succeeded' then 'succeeded'
      when i.status in ('processing', 'requires_capture') or not s.decided then 'pending'
      when i.status = 'canceled' and s.authorized then 'voided'
      else 'failed'
    end,
    coalesce(s.decline_code, 'generic_decline'),
    case
      when
        i.status = 'succeeded' and s.paid_by_card_at is not null
        and i.id not in (select r.payment_intent_id from renewals as r)
        -- a charge dated before its payment must not stop the count
        then greatest(0, least(extract(epoch from s.paid_by_card_at - i.created) * 1000, 2147483647))::integer
    end,
    coalesce(s.advice_code, ''), s.found_failure_at, coalesce(s.method_type, ''),
    (select c.card_country from payops.charges as c where c.id = i.latest_charge_id)
  from payops.payment_intents as i
  left join summed as s on i.id = s.payment_intent_id
  where i.id = any(p_ids)
$$;

-- capture_facts_of: when each of these charges was captured, if it was: the time of its balance transaction, else of
-- the event, else of the charge's creation; and whether it was ever disputed.
create function payops.capture_facts_of(p_ids text[]) returns setof payops.capture_facts
language sql stable
set search_path = '' as $$
  select
    c.id, c.payment_intent_id, m.captured_at, payops.business_day(m.captured_at), c.currency, c.card_brand,
    exists (select from payops.disputes as d where d.charge_id = c.id)
  from payops.charges as c
  left join payops.balance_transactions as b on c.balance_transaction_id = b.id
  left join payops.charge_captures as k on c.id = k.id
  cross join lateral (
    select greatest(c.created, coalesce(b.created, k.created)) as captured_at
  ) as m
  where c.id = any(p_ids) and c.captured and c.status = 'succeeded'
$$;

-- recount_payments: counts the payment rollups of these business days again, from the facts.
create function payops.recount_payments(p_days date[]) returns void
language sql
set search_path = '' as $$
  delete from payops.daily_payments where day = any(p_days);
  insert into payops.daily_payments (
    day, currency, succeeded, failed, pending, amount_succeeded_minor, processing_ms, processing_buckets, processing_counts
  )
  select
    f.day, f.currency, count(*) filter (where f.state = 'succeeded'), count(*) filter (where f.state = 'failed'),
    count(*) filter (where f.state = 'pending'), coalesce(sum(f.amount_minor) filter (where f.state = 'succeeded'), 0),
    coalesce(array_agg(f.processing_ms order by f.processing_ms) filter (where f.processing_ms is not null), '{}'),
    '{}', '{}'
  from payops.payment_facts as f
  where f.day = any(p_days)
  group by f.day, f.currency;
  update payops.daily_payments as d set processing_buckets = b.buckets, processing_counts = b.counts
  from (
    select k.day, k.currency, array_agg(k.bucket) as buckets, array_agg(k.n) as counts
    from (
      select p.day, p.currency, payops.time_bucket(t.ms) as bucket, count(*)::integer as n
      from payops.daily_payments as p, unnest(p.processing_ms) as t (ms)
      where p.day = any(p_days)
      group by 1, 2, 3
    ) as k
    group by k.day, k.currency
  ) as b
  where d.day = b.day and d.currency = b.currency;

  delete from payops.daily_failures where day = any(p_days);
  insert into payops.daily_failures (day, currency, code, failures, amount_minor, advice_code, method_type)
  select f.day, f.currency, f.decline_code, count(*), sum(f.amount_minor), f.advice_code, f.method_type
  from payops.payment_facts as f
  where f.day = any(p_days) and f.state = 'failed'
  group by f.day, f.currency, f.decline_code, f.advice_code, f.method_type;

  delete from payops.daily_intents where day = any(p_days);
  insert into payops.daily_intents
  select
    f.created_day, f.currency, count(*),
    count(*) filter (where f.first_attempt_at is null or f.first_attempt_at > f.created + interval '24 hours')
  from payops.payment_facts as f
  where f.created_day = any(p_days)
  group by f.created_day, f.currency
$$;

-- recount_attempts: counts the attempt rollups of these business days again, from the mirror; pending charges do not
-- count yet.
create function payops.recount_attempts(p_days date[]) returns void
language sql
set search_path = '' as $$
  delete from payops.daily_attempts where day = any(p_days);
  insert into payops.daily_attempts
  select d.day, a.currency, count(*), count(*) filter (where a.succeeded), count(*) filter (where a.reached)
  from (
    select
      u.day, u.day::timestamp at time zone b.timezone as starts,
      (u.day + 1)::timestamp at time zone b.timezone as ends
    from unnest(p_days) as u (day), payops.business as b
  ) as d
  cross join lateral (
    select
      c.currency, c.status = 'succeeded' as succeeded,
      c.network_status is distinct from 'not_sent_to_network' as reached
    from payops.charges as c
    where c.created >= d.starts and c.created < d.ends and c.payment_intent_id is not null and c.status <> 'pending'
    union all
    select f.currency, false, false
    from payops.failed_confirmations as f
    where f.created >= d.starts and f.created < d.ends
    union all
    select p.currency, false, false
    from payops.payment_facts as p
    where p.found_failure_at >= d.starts and p.found_failure_at < d.ends
  ) as a
  group by d.day, a.currency
$$;

-- recount_captures: counts the capture rollups of these business days again, from the facts.
create function payops.recount_captures(p_days date[]) returns void
language sql
set search_path = '' as $$
  delete from payops.daily_captures where day = any(p_days);
  insert into payops.daily_captures (day, currency, captured, captured_visa, captured_mastercard, disputed)
  select
    f.day, f.currency, count(*), count(*) filter (where f.card_brand = 'visa'),
    count(*) filter (where f.card_brand = 'mastercard'), count(*) filter (where f.disputed)
  from payops.capture_facts as f
  where f.day = any(p_days)
  group by f.day, f.currency
$$;

-- refresh_captures: brings the facts and rollups of these charges, and of the charges of these payments, up to date.
-- Only days on which something changed are counted again.
create function payops.refresh_captures(p_charge_ids text[], p_payment_ids text[]) returns void
language plpgsql
set search_path = '' as $$
declare
  ids text[];
  days date[];
begin
  select array_agg(k.id) into ids
  from (
    select unnest(p_charge_ids)
    union
    select c.id from payops.charges as c where c.payment_intent_id = any(p_payment_ids)
    union
    select f.charge_id from payops.capture_facts as f where f.payment_intent_id = any(p_payment_ids)
  ) as k (id);
  select array_agg(c.id), array_agg(c.day_before) || array_agg(c.day) into ids, days
  from (
    select coalesce(before.charge_id, after.charge_id) as id, before.day as day_before, after.day
    from (select f.* from payops.capture_facts as f where f.charge_id = any(ids)) as before
    full join payops.capture_facts_of(ids) as after on before.charge_id = after.charge_id
    where before is distinct from after
  ) as c;
  if ids is null then
    return;
  end if;
  delete from payops.capture_facts where charge_id = any(ids);
  insert into payops.capture_facts select f.* from payops.capture_facts_of(ids) as f;
  perform payops.recount_captures(array(select distinct d from unnest(days) as d where d is not null));
end
$$;

-- refresh_payments: brings the facts and rollups of these payments up to date, both on the days they left and on the
-- days they moved to.
create function payops.refresh_payments(p_ids text[]) returns void
language plpgsql
set search_path = '' as $$
declare
  payment_days date[];
  attempt_days date[];
begin
  select array_agg(f.day) || array_agg(f.created_day), array_agg(payops.business_day(f.found_failure_at))
  into payment_days, attempt_days
  from payops.payment_facts as f where f.payment_intent_id = any(p_ids);
  delete from payops.payment_facts where payment_intent_id = any(p_ids);
  insert into payops.payment_facts select f.* from payops.payment_facts_of(p_ids) as f;
  select array_agg(distinct d.day) into payment_days
  from (
    select unnest(payment_days)
    union
    select f.day from payops.payment_facts as f where f.payment_intent_id = any(p_ids)
    union
    select f.created_day from payops.payment_facts as f where f.payment_intent_id = any(p_ids)
  ) as d (day)
  where d.day is not null;
  select array_agg(distinct d.day) into attempt_days
  from (
    select unnest(attempt_days)
    union
    select payops.business_day(a.at) from payops.payment_attempts(p_ids) as a
  ) as d (day)
  where d.day is not null;
  perform payops.recount_payments(payment_days);
  perform payops.recount_attempts(attempt_days);
end
$$;

-- lock_rollups: lets only one transaction at a time count payments, attempts and captures.
create function payops.lock_rollups() returns void
language sql
set search_path = '' as $$ select pg_advisory_xact_lock(payops.advisory_lock('recount payments')) $$;

-- refresh_rollups: counts everything stale again, or only the oldest `p_most` payments and charges. Returns how many.
create function payops.refresh_rollups(p_most integer default null) returns integer
language plpgsql
set search_path = '' as $$
declare
  payment_ids text[];
  charge_ids text[];
begin
  if pg_is_in_recovery() or not exists (select from payops.stale_payments) and not exists (select from payops.stale_charges)
  then
    return 0; -- nobody waits while another transaction is counting
  end if;
  perform payops.lock_rollups();
  with taken as (
    delete from payops.stale_payments
    where p_most is null or id in (select s.id from payops.stale_payments as s order by s.id limit p_most)
    returning payment_intent_id
  )
  select array_agg(distinct payment_intent_id) into payment_ids from taken;
  with taken as (
    delete from payops.stale_charges
    where p_most is null or id in (select s.id from payops.stale_charges as s order by s.id limit p_most)
    returning charge_id
  )
  select array_agg(distinct charge_id) into charge_ids from taken;
  if payment_ids is not null then
    perform payops.refresh_payments(payment_ids);
  end if;
  if payment_ids is not null or charge_ids is not null then
    perform payops.refresh_captures(charge_ids, payment_ids);
  end if;
  return coalesce(cardinality(payment_ids), 0) + coalesce(cardinality(charge_ids), 0);
end
$$;
