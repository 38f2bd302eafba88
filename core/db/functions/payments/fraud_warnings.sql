-- warning_history: of the fraud warnings older than 60 days on payments that were not refunded in time: how many became
-- disputes, how many of those are decided, and how many are lost.
create function payops.warning_history(p_now timestamptz)
returns table (warned bigint, disputed bigint, decided bigint, lost bigint)
language sql stable
set search_path = '' as $$
  select
    count(*) filter (where d.id is not null or payops.refunded_of_charge(c) < c.amount_captured_minor), count(d.id),
    count(*) filter (where d.status in ('won', 'lost')), count(*) filter (where d.status = 'lost')
  from payops.early_fraud_warnings as w
  inner join payops.charges as c on w.charge_id = c.id
  left join lateral (
    select n.id, n.status from payops.disputes as n
    where n.charge_id = c.id and n.created >= w.created
    order by n.created
    limit 1
  ) as d on true
  where w.created < p_now - interval '60 days'
$$;

-- count_warnings: counts what became of earlier fraud warnings, for the list, unless that was done recently. Returns
-- whether it was counted.
create function payops_api.count_warnings(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  begun constant timestamptz := clock_timestamp();
  counted record;
begin
  if payops.counted_lately('warning_history', '') then
    return 'false';
  end if;
  select h.* into counted from payops.warning_history(p_now) as h;
  perform payops.keep_count('warning_history', '', begun, p_now, counted.warned, to_jsonb(counted));
  return 'true';
end
$$;

-- list_fraud_warnings: the payments reported as fraud that can still be refunded, newest first, with the dispute fee
-- and what became of earlier warnings.
create function payops_api.list_fraud_warnings(p_now timestamptz, p_limit integer default 500) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'history', coalesce(
      (select k.at_stake from payops.kept_lately('warning_history', '', p_now) as k),
      (select to_jsonb(h) from payops.warning_history(p_now) as h)
    ),
    'items', (
      select coalesce(jsonb_agg(to_jsonb(x) order by x.created desc, x.id), '[]')
      from (
        select
          w.id, w.created, w.fraud_type, w.payment_intent_id, c.id as charge_id, c.created as charged_at, c.currency,
          c.card_brand, c.card_last4, c.amount_captured_minor - payops.refunded_of_charge(c) as left_minor,
          payops.charge_fee_minor(c.id) as fee_minor,
          payops.settlement_currency(c.id, c.currency) as fee_currency,
          payops.dispute_fee_minor(payops.settlement_currency(c.id, c.currency)) as dispute_fee_minor,
          (
            select k.status from payops.payment_intents as i
            inner join payops.consultations as k on i.order_id = k.order_id
            where i.id = w.payment_intent_id
            order by k.received_at desc limit 1
          ) as consultation
        from payops.early_fraud_warnings as w
        inner join payops.charges as c on w.charge_id = c.id
        where w.actionable and not c.disputed and payops.refunded_of_charge(c) < c.amount_captured_minor
          and w.created > p_now - interval '120 days'
        order by w.created desc, w.id
        limit least(p_limit, 100000)
      ) as x
    )
  )
$$;
