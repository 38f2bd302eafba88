-- Revenue by product, plan, state, card and currency: summed again for the days on which something changed.

-- payments_of_consultations: the payments whose state may depend on these consultations.
create function payops.payments_of_consultations(p_ids text[]) returns text[]
language plpgsql stable
set search_path = '' as $$
begin
  return array(
    with given as (
      select c.order_id, c.patient_id, c.received_at - interval '2 days' as since
      from payops.consultations as c
      where c.id = any(p_ids)
    )
    select i.id from given as g inner join payops.payment_intents as i on g.order_id = i.order_id
    union
    select i.id
    from given as g inner join payops.payment_intents as i on g.patient_id = i.patient_id and i.created >= g.since
    union
    select i.id
    from given as g
    inner join payops.customers as c on g.patient_id = c.patient_id
    inner join payops.payment_intents as i on c.id = i.customer_id and i.created >= g.since
  );
end
$$;

-- mark_stale_revenue: marks the days on which these payments moved the balance to be summed again.
create function payops.mark_stale_revenue(p_payment_ids text[]) returns void
language sql
set search_path = '' as $$
  insert into payops.stale_revenue_days (day)
  select distinct payops.business_day(t.created)
  from payops.balance_transactions as t
  where t.source_id in (
    select c.id from payops.charges as c where c.payment_intent_id = any(p_payment_ids)
    union all
    select r.id from payops.refunds as r where r.payment_intent_id = any(p_payment_ids)
    union all
    select d.id from payops.disputes as d where d.payment_intent_id = any(p_payment_ids)
  )
$$;

-- follow_revenue: marks the days on which these records change the breakdown to be summed again.
create function payops.follow_revenue(p_records jsonb) returns void
language plpgsql
set search_path = '' as $$
declare
  payments text[] := array(
    select r ->> 'payment_intent_id'
    from jsonb_array_elements(
      coalesce(p_records -> 'charges', '[]') || coalesce(p_records -> 'refunds', '[]')
      || coalesce(p_records -> 'disputes', '[]') || coalesce(p_records -> 'invoice_payments', '[]')
    ) as r
    where r ->> 'payment_intent_id' is not null
    union
    select v.payment_intent_id
    from jsonb_array_elements(p_records -> 'invoices') as r
    inner join payops.invoice_payments as v on r ->> 'id' = v.invoice_id
    where v.payment_intent_id is not null
  );
begin
  if cardinality(payments) > 0 then
    perform payops.mark_stale_revenue(payments);
  end if;
  insert into payops.stale_revenue_days (day)
  select distinct payops.business_day((r ->> 'created')::timestamptz)
  from jsonb_array_elements(p_records -> 'balance_transactions') as r;
end
$$;

-- line_shares: what a payment was for: the part of each line as a span between 0 and 1. Amounts are divided at the ends
-- of the spans, so that the parts always add up. Negative lines are left out.
create function payops.line_shares(p_lines jsonb)
returns table (product text, plan text, from_share numeric, to_share numeric)
language sql immutable
set search_path = '' as $$
  with lines as (
    select l.product_id, l.price_id, l.amount_minor, l.n, sum(l.amount_minor) over () as total
    from rows from (
      jsonb_to_recordset(p_lines) as (product_id text, price_id text, amount_minor numeric)
    ) with ordinality as l (product_id, price_id, amount_minor, n)
    where l.amount_minor > 0
  )
  select
    coalesce(l.product_id, ''), coalesce(l.price_id, ''),
    (sum(l.amount_minor) over following - l.amount_minor) / l.total, sum(l.amount_minor) over following / l.total
  from lines as l
  window following as (order by l.n)
$$;

-- patient_state: the state in which the patient of a payment was: that of the consultation of the same order, else of
-- the patient's last consultation up to two days after the payment; empty if unknown.
create function payops.patient_state(p_order_id text, p_patient_id text, p_paid_at timestamptz) returns text
language sql stable
set search_path = '' as $$
  select coalesce(
    (
      select c.state from payops.consultations as c
      where c.order_id = p_order_id
      order by c.received_at, c.id
      limit 1
    ),
    (
      select c.state from payops.consultations as c
      where c.patient_id = p_patient_id and c.received_at <= p_paid_at + interval '2 days'
      order by c.received_at desc, c.id desc
      limit 1
    ),
    ''
  )
$$;

-- revenue_movements: the balance movements of these days, each with the payment that it belongs to: its lines, card,
-- the patient's state and the currency of the payment. A dash stands for what belongs to no payment.
create function payops.revenue_movements(p_days date[])
returns table (
  day date, currency text, part text, amount_minor bigint, fee_minor bigint, net_minor bigint, paid boolean,
  lines jsonb, state text, card text, presentment text, presented_minor bigint, exchange_rate numeric
)
language sql stable
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  with days as materialized (
    select d.day, payops.day_start(d.day) as starts, payops.day_start(d.day + 1) as ends from unnest(p_days) as d (day)
  ),
  moved as materialized ( -- only these days, found by index before anything is joined
    select d.day, t.*, payops.counted_as(t.reporting_category) as part
    from days as d
    inner join payops.balance_transactions as t on t.created >= d.starts and t.created < d.ends
  ),
  placed as (
    select
      t.day, t.currency, t.part, t.reporting_category, t.amount_minor, t.fee_minor, t.net_minor, t.exchange_rate,
      coalesce(r.charge_id, p.charge_id, t.source_id) as charge_id
    from moved as t
    left join payops.refunds as r on t.source_id = r.id
    left join payops.disputes as p on t.source_id = p.id
  ),
  paid as (
    select
      m.*, c.id is not null as has_payment, c.created as paid_at, c.currency as presentment, c.method_type,
      c.card_brand, c.card_country, c.amount_minor as charged_minor, c.amount_captured_minor,
      coalesce(i.order_id, u.order_id) as order_id, i.id as payment_id,
      coalesce(i.patient_id, u.patient_id, k.patient_id) as patient_id, n.id as invoice_id,
      coalesce(n.lines, payops.lines_of_items(u.items)) as lines, i.cart
    from placed as m
    left join payops.charges as c on m.charge_id = c.id
    left join payops.payment_intents as i on c.payment_intent_id = i.id
    left join payops.customers as k on coalesce(i.customer_id, c.customer_id) = k.id
    left join lateral (
      select v.invoice_id from payops.invoice_payments as v
      where v.payment_intent_id = i.id
      order by v.is_default desc, v.id
      limit 1
    ) as v on true
    left join payops.invoices as n on v.invoice_id = n.id
    left join payops.subscriptions as u on n.subscription_id = u.id
    where m.part in ('charge', 'refund', 'dispute', 'fee', 'tax')
  )
  select
    p.day, p.currency, p.part, p.amount_minor, p.fee_minor, p.net_minor, p.reporting_category = 'charge',
    case
      when not p.has_payment then '[{"product_id": "-", "price_id": "-", "amount_minor": 1}]'::jsonb
      when p.invoice_id is not null then p.lines
      when p.cart is not null then p.cart
      else jsonb_build_array(jsonb_build_object(
        'product_id', 'visit:' || (
          select c.specialty from payops.consultations as c
          where c.order_id = p.order_id
          order by c.received_at, c.id
          limit 1
        ),
        'price_id', 'once', 'amount_minor', 1
      ))
    end,
    case when p.has_payment then payops.patient_state(p.order_id, p.patient_id, p.paid_at) else '-' end,
    case
      when not p.has_payment then '-'
      when p.card_brand is not null then p.card_brand || ' ' || coalesce(p.card_country, '')
      else coalesce(p.method_type, '')
    end,
    coalesce(p.presentment, '-'),
    case
      when p.part <> 'charge' or not p.has_payment then 0
      when p.presentment = p.currency then p.amount_minor
      when p.reporting_category = 'charge' then p.charged_minor
      when p.reporting_category = 'charge_failure' then -p.charged_minor
      else p.amount_captured_minor - p.charged_minor
    end,
    p.exchange_rate
  from paid as p
$$;

-- lines_of_items: the items of a subscription as lines of an invoice of which only the total is known.
create function payops.lines_of_items(p_items jsonb) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_agg(jsonb_build_object(
    'product_id', i -> 'product_id', 'price_id', i -> 'price_id', 'amount_minor', payops.period_amount(i)
  ))
  from jsonb_array_elements(p_items) as i
$$;

-- recount_revenue: sums these days again from the mirror.
create function payops.recount_revenue(p_days date[]) returns void
language sql
set search_path = '' as $$
  delete from payops.daily_revenue where day = any(p_days);
  with moved as materialized (select row_number() over () as n, m.* from payops.revenue_movements(p_days) as m),
  parts as (
    select
      m.n, coalesce(s.product, '') as product, coalesce(s.plan, '') as plan,
      round(m.amount_minor * coalesce(s.to_share, 1)) - round(m.amount_minor * coalesce(s.from_share, 0)) as amount,
      round(m.fee_minor * coalesce(s.to_share, 1)) - round(m.fee_minor * coalesce(s.from_share, 0)) as fee
    from moved as m
    left join lateral payops.line_shares(m.lines) as s on true
  ),
  keyed as (
    select p.n, k.dimension, k.key, p.amount, p.fee, 0 as presented
    from parts as p
    cross join lateral (values ('product', p.product), ('plan', p.plan)) as k (dimension, key)
    union all
    select m.n, k.dimension, k.key, m.amount_minor, m.fee_minor, k.presented
    from moved as m
    cross join lateral (
      values ('state', m.state, 0), ('card', m.card, 0), ('presentment', m.presentment, m.presented_minor)
    ) as k (dimension, key, presented)
  )
  insert into payops.daily_revenue
  select
    m.day, m.currency, k.dimension, k.key, count(distinct m.n) filter (where m.paid),
    coalesce(sum(k.amount) filter (where m.part = 'charge'), 0),
    coalesce(sum(-k.amount) filter (where m.part = 'refund'), 0),
    coalesce(sum(-k.amount) filter (where m.part = 'dispute'), 0),
    sum(k.fee - case when m.part = 'fee' then k.amount else 0 end),
    coalesce(sum(-k.amount) filter (where m.part = 'tax'), 0), sum(k.amount - k.fee),
    coalesce(sum(k.fee) filter (where m.part = 'charge'), 0), sum(k.presented),
    min(m.exchange_rate) filter (where m.paid and k.dimension = 'presentment'),
    max(m.exchange_rate) filter (where m.paid and k.dimension = 'presentment')
  from keyed as k
  inner join moved as m on k.n = m.n
  group by m.day, m.currency, k.dimension, k.key
$$;

-- refresh_revenue: brings the sums by product, plan, state, card and currency up to date, or those of the `p_most`
-- newest stale days.
create function payops.refresh_revenue(p_most integer default null) returns integer
language plpgsql
set search_path = '' as $$
declare
  days date[];
begin
  if pg_is_in_recovery() or not exists (select from payops.stale_revenue_days) then
    return 0;
  end if;
  perform pg_advisory_xact_lock(payops.advisory_lock('recount revenue'));
  with taken as (
    delete from payops.stale_revenue_days as s
    where s.day in (select distinct d.day from payops.stale_revenue_days as d order by d.day desc limit p_most)
    returning s.day
  )
  select array_agg(distinct t.day) into days from taken as t;
  if days is null then
    return 0;
  end if;
  perform payops.recount_revenue(days);
  return cardinality(days);
end
$$;
