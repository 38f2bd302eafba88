-- payments_named: the payments that go by this: their own id, that of anything on them, or an order's, a customer's, a
-- subscription's, a consultation's or a patient's.
create function payops.payments_named(p_name text) returns setof text
language sql stable
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

-- payment_status: how a payment stands in one word: Stripe's own, but for what it calls requires_payment_method.
create function payops.payment_status(p_status text, p_error_code text) returns text
language sql immutable
set search_path = '' as $$
  select case
    when p_status = 'requires_payment_method' and p_error_code is not null then 'failed'
    when p_status in ('requires_payment_method', 'requires_confirmation') then 'incomplete'
    else p_status
  end
$$;

-- payments_where: the payments sought, as SQL's conditions on `i` with what is sought as $1; nothing that was typed is in them.
create function payops.payments_where(p_sought jsonb) returns text
language sql immutable
set search_path = '' as $$
  select coalesce(string_agg(w.condition, ' and ' order by w.key), 'true')
  from (
    values
      ('name', 'i.id in (select payops.payments_named($1 ->> ''name''))'),
      ('since', 'i.created >= ($1 ->> ''since'')::timestamptz'),
      ('until', 'i.created < ($1 ->> ''until'')::timestamptz'),
      ('currency', 'i.currency = $1 ->> ''currency'''),
      (
        'amounts',
        'i.amount_minor in (select (a.value)::bigint from jsonb_each_text($1 -> ''amounts'') as a)'
        ' and i.amount_minor = ($1 -> ''amounts'' ->> i.currency)::bigint'
      ),
      ('last4', 'i.id in (select c.payment_intent_id from payops.charges as c where c.card_last4 = $1 ->> ''last4'')'),
      ('before', '(i.created, i.id) < (($1 -> ''before'' ->> ''created'')::timestamptz, $1 -> ''before'' ->> ''id'')')
  ) as w (key, condition)
  where jsonb_typeof(p_sought -> w.key) <> 'null'
$$;

-- payments_in_status: the condition on `i` that leaves the payments of one status, true for all of them; written out,
-- since a function is not asked 100,000 times in a moment.
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

-- payment_row: a payment as a line of a list.
create function payops.payment_row(p_intent payops.payment_intents) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'id', p_intent.id, 'created', p_intent.created, 'amount_minor', p_intent.amount_minor,
    'currency', p_intent.currency, 'status', payops.payment_status(p_intent.status, p_intent.error_code),
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

-- find_payments: the payments sought, newest first, at most 1,000 of them, and the place to go on before, null at the
-- end; with how many fit in all and what they came to, a currency each, of the first 10,000.
create function payops_api.find_payments(p_sought jsonb, p_limit integer default 50) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  wanted text := payops.payments_where(p_sought - 'before') || ' and ' || payops.payments_in_status(p_sought ->> 'status');
  found jsonb;
  sums jsonb;
begin
  execute format(
    $query$
    select coalesce(jsonb_agg(payops.payment_row(i) order by i.created desc, i.id desc), '[]')
    from (
      select i.* from payops.payment_intents as i where %s and %s order by i.created desc, i.id desc limit $2
    ) as i
    $query$, wanted, payops.payments_where(jsonb_build_object('before', p_sought -> 'before'))
  ) into found using p_sought, least(p_limit, 1000) + 1;
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
        from payops.payment_intents as i where %s limit 10000
      ) as i
      group by i.currency
    ) as s
    $query$, wanted
  ) into sums using p_sought;
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
