-- order_totals: what was collected for an order and what was refunded, one row per currency, with its payments.
create function payops.order_totals(p_order_id text)
returns table (currency text, received_minor bigint, refunded_minor bigint, payment_intent_ids text[])
language sql stable
set search_path = '' as $$
  select
    i.currency, sum(i.amount_received_minor)::bigint, coalesce(sum(r.refunded_minor), 0)::bigint,
    array_agg(i.id order by i.created)
  from payops.payment_intents as i
  left join lateral payops.refund_position(i.id) as r on true
  where i.order_id = p_order_id and i.status = 'succeeded' and i.amount_received_minor > 0
  group by i.currency
$$;

-- care_payment_mismatches: consultations paid but not seen, or refunded in full but still open; oldest first, at most
-- 500. `provider_available` says whether a provider could take it now.
create function payops_api.care_payment_mismatches(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with suspects as (
    select c.*
    from payops.consultations as c
    where c.order_id is not null and c.status = 'waiting'
    union all
    select c.*
    from payops.consultations as c
    where c.order_id is not null and c.status = 'assigned' and exists (
      select from payops.payment_intents as i
      inner join payops.refunds as r on i.id = r.payment_intent_id
      where i.order_id = c.order_id
    )
  )
  select coalesce(jsonb_agg(to_jsonb(x) order by x.received_at, x.id), '[]')
  from (
    select
      a.id, a.state, a.specialty, a.status, a.provider_id, a.order_id, a.received_at, m.currency, m.received_minor,
      m.refunded_minor, m.payment_intent_ids[1] as payment_intent_id,
      (select p.name from payops.providers as p where p.id = a.provider_id) as provider_name,
      case when m.refunded_minor >= m.received_minor then 'refunded_but_open' else 'paid_but_waiting' end as problem,
      floor(extract(epoch from p_now - a.received_at)) as age_seconds,
      case when a.status = 'waiting' then payops.no_provider_reason(a.state, p_now) end as reason,
      exists (
        select from payops.availability as o
        where o.state = any(payops.markets_of(a.state)) and o.load < 1 and payops.holds_in(o, a.state, p_now)
          and o.provider_id <> all (a.declined_by)
      ) as provider_available
    from suspects as a
    cross join lateral payops.order_totals(a.order_id) as m
    where m.refunded_minor >= m.received_minor
      or (a.status = 'waiting' and a.received_at <= p_now - payops.waiting_limit())
    order by a.received_at, a.id
    limit 500
  ) as x
$$;
