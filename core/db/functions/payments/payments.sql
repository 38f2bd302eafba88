-- payments_named: the payments that an ID or reference stands for: their own, that of an object that belongs to them,
-- or that of their order, customer, subscription, consultation or patient.
create function payops.payments_named(p_name text) returns setof text
language sql stable rows 20
set search_path = '' as $$
  select i.id from payops.payment_intents as i where i.id = p_name or i.order_id = p_name or i.customer_id = p_name
  union select i.id from payops.payment_intents as i where i.patient_id = p_name
  union select c.payment_intent_id from payops.charges as c where c.id = p_name
  union select r.payment_intent_id from payops.refunds as r where r.id = p_name
  union select d.payment_intent_id from payops.disputes as d where d.id = p_name
  union select w.payment_intent_id from payops.early_fraud_warnings as w where w.id = p_name
  union select s.payment_intent_id from payops.checkout_sessions as s where s.id = p_name
  union select p.payment_intent_id from payops.invoice_payments as p where p.invoice_id = p_name
  union
  select p.payment_intent_id
  from payops.invoices as n inner join payops.invoice_payments as p on n.id = p.invoice_id
  where n.subscription_id = p_name
  union
  select i.id
  from payops.customers as c inner join payops.payment_intents as i on c.id = i.customer_id
  where c.patient_id = p_name
  union
  select i.id
  from payops.consultations as k inner join payops.payment_intents as i on k.order_id = i.order_id
  where k.id = p_name
  union
  select coalesce(c.payment_intent_id, r.payment_intent_id, d.payment_intent_id)
  from payops.balance_transactions as b
  left join payops.charges as c on b.source_id = c.id
  left join payops.refunds as r on b.source_id = r.id
  left join payops.disputes as d on b.source_id = d.id
  where b.id = p_name
$$;

-- payment_status: a payment's status as in Stripe's Dashboard: Stripe's own, except that requires_payment_method is
-- failed or incomplete.
create function payops.payment_status(p_status text, p_error_code text) returns text
language sql immutable
set search_path = '' as $$
  select case
    when p_status = 'requires_payment_method' and p_error_code is not null then 'failed'
    when p_status in ('requires_payment_method', 'requires_confirmation') then 'incomplete'
    else p_status
  end
$$;

-- payments_counted: the payments that a figure counts between two business days. `what` selects those decided,
-- succeeded or failed, by the day of their first attempt, or those abandoned, by the day they were created. With
-- `reasons`, only those that failed for one of them.
create function payops.payments_counted(p_counted jsonb) returns setof text
language sql stable
set search_path = '' as $$
  select f.payment_intent_id
  from payops.payment_facts as f
  where p_counted ->> 'what' in ('decided', 'succeeded', 'failed')
    and f.day between (p_counted ->> 'since')::date and (p_counted ->> 'until')::date
    and (f.state = p_counted ->> 'what' or p_counted ->> 'what' = 'decided' and f.state in ('succeeded', 'failed'))
    and (
      jsonb_typeof(p_counted -> 'reasons') is distinct from 'array'
      or exists (
        select from jsonb_to_recordset(p_counted -> 'reasons') as r (code text, advice_code text, method_type text)
        where f.decline_code = r.code and coalesce(f.advice_code, '') = r.advice_code
          and coalesce(f.method_type, '') = r.method_type
      )
    )
  union all
  select f.payment_intent_id
  from payops.payment_facts as f
  where p_counted ->> 'what' = 'abandoned'
    and f.created_day between (p_counted ->> 'since')::date and (p_counted ->> 'until')::date
    and f.created <= (p_counted ->> 'now')::timestamptz - interval '24 hours'
    and (f.first_attempt_at is null or f.first_attempt_at > f.created + interval '24 hours')
$$;

-- failure_reasons: the reasons for which payments failed whose first attempt was between two business days, each reason
-- once.
create function payops_api.failure_reasons(p_since date, p_until date) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(r) order by r.code, r.advice_code, r.method_type), '[]')
  from (
    select distinct d.code, d.advice_code, d.method_type from payops.daily_failures as d
    where d.day between p_since and p_until
  ) as r
$$;

-- payments_where: the filters as SQL conditions on `i`, which read their values from $1; no text that a user typed
-- becomes part of them. Amounts are written as literals, so that the planner can estimate how many payments match.
create function payops.payments_where(p_sought jsonb) returns text
language sql immutable
set search_path = '' as $$
  select coalesce(string_agg(w.condition, ' and ' order by w.key), 'true')
  from (
    values
      ('counted', 'i.id in (select payops.payments_counted($1 -> ''counted''))'),
      ('name', 'i.id in (select payops.payments_named($1 ->> ''name''))'),
      ('since', 'i.created >= ($1 ->> ''since'')::timestamptz'),
      ('until', 'i.created < ($1 ->> ''until'')::timestamptz'),
      ('currency', 'i.currency = $1 ->> ''currency'''),
      ('amounts', payops.amounts_where(p_sought -> 'amounts')),
      ('last4', 'i.id in (select c.payment_intent_id from payops.charges as c where c.card_last4 = $1 ->> ''last4'')'),
      ('before', '(i.created, i.id) < (($1 -> ''before'' ->> ''created'')::timestamptz, $1 -> ''before'' ->> ''id'')')
  ) as w (key, condition)
  where jsonb_typeof(p_sought -> w.key) <> 'null'
$$;

-- amounts_where: the SQL condition on `i` for one amount per currency.
create function payops.amounts_where(p_amounts jsonb) returns text
language sql immutable
set search_path = '' as $$
  select format(
    'i.amount_minor in (%s) and (%s)', string_agg(distinct (a.value::bigint)::text, ', '),
    string_agg(format('i.currency = %L and i.amount_minor = %s', a.key, a.value::bigint), ' or ')
  )
  from jsonb_each_text(case when jsonb_typeof(p_amounts) = 'object' then p_amounts end) as a
$$;

-- payments_in_status: the SQL condition on `i` for one status, or true for all. It is written out because calling a
-- function for each of 100,000 payments would be too slow.
create function payops.payments_in_status(p_status text) returns text
language sql immutable
set search_path = '' as $$
  select case
    when p_status is null then 'true'
    when p_status = 'disputed' then 'i.id in (select d.payment_intent_id from payops.disputes as d)'
    when p_status = 'refunded' then
      'i.id in (select r.payment_intent_id from payops.refunds as r where r.status not in (''failed'', ''canceled''))'
    when p_status = 'failed' then 'i.status = ''requires_payment_method'' and i.error_code is not null'
    when p_status = 'incomplete' then
      '(i.status = ''requires_confirmation'' or i.status = ''requires_payment_method'' and i.error_code is null)'
    else format('i.status = %L', p_status)
  end
$$;

-- payment_row: a payment as a row of a list.
create function payops.payment_row(p_intent payops.payment_intents) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'id', p_intent.id, 'created', p_intent.created, 'amount_minor', p_intent.amount_minor,
    'currency', p_intent.currency, 'status', payops.payment_status(p_intent.status, p_intent.error_code),
    'received_minor', p_intent.amount_received_minor,
    'customer_id', p_intent.customer_id, 'order_id', p_intent.order_id,
    'patient_id', coalesce(
      p_intent.patient_id, (select u.patient_id from payops.customers as u where u.id = p_intent.customer_id)
    ),
    'dispute_status', (
      select d.status from payops.disputes as d where d.payment_intent_id = p_intent.id order by d.created desc limit 1
    ),
    'decline_code', case when p_intent.status <> 'succeeded' then coalesce(
      (
        select payops.decline_code(p_intent.error_decline_code, e.decline_code, e.network_status)
        from payops.charges as e where e.id = p_intent.error_charge_id
      ),
      p_intent.error_decline_code, p_intent.error_code
    ) end
  ) || coalesce((
    select jsonb_build_object(
      'charge_id', c.id, 'card_brand', c.card_brand, 'card_last4', c.card_last4, 'method_type', c.method_type,
      'captured_minor', c.amount_captured_minor, 'refunded_minor', payops.refunded_of_charge(c)
    )
    from payops.charges as c
    where c.id = coalesce(p_intent.latest_charge_id, p_intent.error_charge_id)
  ), '{}')
$$;

-- find_payments: the payments that match the filters, newest first, at most 1,000, and the position of the next page
-- (null on the last). With `p_with_sums` also the number and total of up to 10,000 matches, by currency.
create function payops_api.find_payments(
  p_sought jsonb, p_limit integer default 50, p_with_sums boolean default true
) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  wanted text := payops.payments_where(p_sought - 'before') || ' and ' || payops.payments_in_status(p_sought ->> 'status');
  found jsonb;
  sums jsonb := '[]';
begin
  execute format(
    $query$
    select coalesce(jsonb_agg(payops.payment_row(i) order by i.created desc, i.id desc), '[]')
    from (
      select i.* from payops.payment_intents as i where %s and %s order by i.created desc, i.id desc limit $2
    ) as i
    $query$, wanted, payops.payments_where(jsonb_build_object('before', p_sought -> 'before'))
  ) into found using p_sought, least(p_limit, 1000) + 1;
  if p_with_sums then
    execute format(
      $query$
      select coalesce(jsonb_agg(to_jsonb(s) order by s.payments desc), '[]')
      from (
        select
          i.currency, count(*) as payments, count(*) filter (where i.status = 'succeeded') as succeeded,
          count(*) filter (where i.status = 'requires_payment_method' and i.error_code is not null) as failed,
          coalesce(sum(i.amount_received_minor), 0) as received_minor
        from (
          select i.currency, i.status, i.error_code, i.amount_received_minor
          from payops.payment_intents as i where %s%s limit 10000
        ) as i
        group by i.currency
      ) as s
      $query$, wanted, case when p_sought ->> 'status' is null then ' order by i.created desc' end
    ) into sums using p_sought;
  end if;
  return jsonb_build_object(
    'items', case when jsonb_array_length(found) > least(p_limit, 1000) then found - (-1) else found end,
    'next', case
      when jsonb_array_length(found) > least(p_limit, 1000)
        then jsonb_build_object('created', found -> -2 -> 'created', 'id', found -> -2 -> 'id')
    end,
    'sums', sums,
    'fresh_at', payops.fresh_at()
  );
end
$$;
