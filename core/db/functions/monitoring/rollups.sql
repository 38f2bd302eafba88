-- touch_payments: every payment that these records speak of will be counted again.
create function payops.touch_payments(p_records jsonb) returns void
language plpgsql
set search_path = '' as $$
begin
  insert into payops.touched_payments (payment_intent_id)
  select distinct told.payment_intent_id
  from (
    select r ->> 'id' as payment_intent_id
    from jsonb_array_elements(p_records -> 'payment_intents') as r
    union all
    select r ->> 'payment_intent_id'
    from jsonb_array_elements(
      coalesce(p_records -> 'charges', '[]') || coalesce(p_records -> 'failed_confirmations', '[]')
      || coalesce(p_records -> 'invoice_payments', '[]')
    ) as r
  ) as told
  where told.payment_intent_id is not null;
end
$$;

-- payment_facts_of: what the figures need to know of these payment intents, as the mirror says now.
create function payops.payment_facts_of(p_ids text[]) returns setof payops.payment_facts
language sql stable
set search_path = '' as $$
  with attempts as (
    select
      payment_intent_id, created as at, status = 'succeeded' as succeeded, id,
      coalesce(decline_code, failure_code) as decline_code, method_type
    from payops.charges
    where payment_intent_id = any(p_ids)
    union all
    select payment_intent_id, created, false, id, coalesce(decline_code, code), null
    from payops.failed_confirmations
    where payment_intent_id = any(p_ids)
  ),
  summed as (
    select
      payment_intent_id,
      min(at) as first_at,
      min(at) filter (where succeeded and method_type = 'card') as paid_by_card_at,
      (array_agg(decline_code order by at desc, id desc) filter (where not succeeded))[1] as decline_code
    from attempts
    group by payment_intent_id
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
      when i.status in ('processing', 'requires_capture') then 'pending'
      else 'failed'
    end,
    coalesce(s.decline_code, 'generic_decline'),
    case
      when i.status = 'succeeded' and i.id not in (select r.payment_intent_id from renewals as r)
        -- a charge that says it is older than its payment is no reason to count nothing at all
        then greatest(0, least(extract(epoch from s.paid_by_card_at - i.created) * 1000, 2147483647))::integer
    end
  from payops.payment_intents as i
  left join summed as s on i.id = s.payment_intent_id
  where i.id = any(p_ids)
$$;

-- recount_days: the rollups of these business days say what facts and attempts say now.
create function payops.recount_days(p_days date[]) returns void
language plpgsql
set search_path = '' as $$
declare
  zone text := (select timezone from payops.business);
begin
  delete from payops.daily_payments where day = any(p_days);
  insert into payops.daily_payments
  select
    day, currency, count(*) filter (where state = 'succeeded'), count(*) filter (where state = 'failed'),
    count(*) filter (where state = 'pending'), coalesce(sum(amount_minor) filter (where state = 'succeeded'), 0),
    coalesce(array_agg(processing_ms order by processing_ms) filter (where processing_ms is not null), '{}')
  from payops.payment_facts
  where day = any(p_days)
  group by day, currency;

  delete from payops.daily_failures where day = any(p_days);
  insert into payops.daily_failures
  select day, currency, decline_code, count(*), sum(amount_minor)
  from payops.payment_facts
  where day = any(p_days) and state = 'failed'
  group by day, currency, decline_code;

  delete from payops.daily_intents where day = any(p_days);
  insert into payops.daily_intents
  select
    created_day, currency, count(*),
    count(*) filter (where first_attempt_at is null or first_attempt_at > created + interval '24 hours')
  from payops.payment_facts
  where created_day = any(p_days)
  group by created_day, currency;

  delete from payops.daily_attempts where day = any(p_days);
  insert into payops.daily_attempts
  select
    d.day, a.currency, count(*), count(*) filter (where a.succeeded), count(*) filter (where a.reached),
    count(*) filter (where a.captured), count(*) filter (where a.captured and a.card_brand = 'visa')
  from unnest(p_days) as d (day)
  cross join lateral (
    select
      currency, status = 'succeeded' as succeeded, network_status is distinct from 'not_sent_to_network' as reached,
      status = 'succeeded' and captured as captured, card_brand
    from payops.charges
    where created >= d.day::timestamp at time zone zone and created < (d.day + 1)::timestamp at time zone zone
      and payment_intent_id is not null
    union all
    select currency, false, false, false, null
    from payops.failed_confirmations
    where created >= d.day::timestamp at time zone zone and created < (d.day + 1)::timestamp at time zone zone
  ) as a
  group by d.day, a.currency;
end
$$;

-- refresh_rollups: every payment touched up to now is counted, on the day it left as well as on the day it is on.
create function payops.refresh_rollups() returns integer
language plpgsql
set search_path = '' as $$
declare
  ids text[];
  days date[];
begin
  perform pg_advisory_xact_lock(7209114);
  with taken as (delete from payops.touched_payments returning payment_intent_id)
  select array_agg(distinct payment_intent_id) into ids from taken;
  if ids is null then
    return 0;
  end if;
  select array_agg(f.day) || array_agg(f.created_day) into days
  from payops.payment_facts as f where f.payment_intent_id = any(ids);
  insert into payops.payment_facts as kept
  select * from payops.payment_facts_of(ids)
  on conflict (payment_intent_id) do update set
    created_day = excluded.created_day, created = excluded.created, currency = excluded.currency,
    amount_minor = excluded.amount_minor, first_attempt_at = excluded.first_attempt_at, day = excluded.day,
    state = excluded.state, decline_code = excluded.decline_code, processing_ms = excluded.processing_ms;
  delete from payops.payment_facts as f
  where f.payment_intent_id = any(ids)
    and not exists (select from payops.payment_intents as i where i.id = f.payment_intent_id);
  select array_agg(distinct d) into days
  from (
    select unnest(days)
    union
    select f.day from payops.payment_facts as f where f.payment_intent_id = any(ids)
    union
    select f.created_day from payops.payment_facts as f where f.payment_intent_id = any(ids)
    union
    select payops.business_day(c.created) from payops.charges as c where c.payment_intent_id = any(ids)
    union
    select payops.business_day(c.created) from payops.failed_confirmations as c where c.payment_intent_id = any(ids)
  ) as touched (d)
  where d is not null;
  perform payops.recount_days(days);
  return cardinality(ids);
end
$$;

-- set_business_timezone: days end at this zone's midnight; where that is new, every day is counted again.
create function payops_api.set_business_timezone(p_timezone text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  update payops.business set timezone = p_timezone where timezone <> p_timezone;
  if found then
    delete from payops.daily_payments;
    delete from payops.daily_failures;
    delete from payops.daily_attempts;
    delete from payops.daily_intents;
    delete from payops.daily_balances;
    insert into payops.touched_days (day)
    select distinct payops.business_day(created) from payops.balance_transactions;
    insert into payops.touched_payments (payment_intent_id) select id from payops.payment_intents;
  end if;
  return to_jsonb(found);
end
$$;
