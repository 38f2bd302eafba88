-- The figures of the Revenue page, each in Stripe's settlement currency.

-- revenue_totals: the totals of a period's balance movements; `null` if nothing moved.
create function payops.revenue_totals(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select case when count(*) > 0 then jsonb_build_object(
    'payments', sum(d.payments), 'gross_minor', sum(d.gross_minor), 'refunded_minor', sum(d.refunded_minor),
    'disputed_minor', sum(d.disputed_minor), 'fees_minor', sum(d.fees_minor), 'taxes_minor', sum(d.taxes_minor),
    'net_minor', sum(d.net_minor), 'charge_fees_minor', sum(d.charge_fees_minor)
  ) end
  from payops.daily_revenue as d
  where d.day between p_since and p_until and d.currency = p_currency and d.dimension = 'state'
$$;

-- revenue_days: revenue_totals for each day of a period on which something moved.
create function payops.revenue_days(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(d) order by d.day), '[]')
  from (
    select
      r.day, sum(r.payments) as payments, sum(r.gross_minor) as gross_minor, sum(r.refunded_minor) as refunded_minor,
      sum(r.disputed_minor) as disputed_minor, sum(r.fees_minor) as fees_minor, sum(r.taxes_minor) as taxes_minor,
      sum(r.net_minor) as net_minor, sum(r.charge_fees_minor) as charge_fees_minor
    from payops.daily_revenue as r
    where r.day between p_since and p_until and r.currency = p_currency and r.dimension = 'state'
    group by r.day
  ) as d
$$;

-- revenue_by: the period's movements by one dimension, largest first, each with its amount in the period before; a key
-- that occurs only in the period before is listed with zeros.
create function payops.revenue_by(
  p_dimension text, p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text
) returns jsonb
language sql stable
set search_path = '' as $$
  with moved as (
    select d.*, d.day >= p_since as is_now
    from payops.daily_revenue as d
    where d.currency = p_currency and d.dimension = p_dimension
      and (d.day between p_since and p_until or d.day between p_previous_since and p_previous_until)
  )
  select coalesce(jsonb_agg(to_jsonb(s) order by s.net_minor desc, s.key), '[]')
  from (
    select
      m.key, coalesce(sum(m.payments) filter (where m.is_now), 0) as payments,
      coalesce(sum(m.gross_minor) filter (where m.is_now), 0) as gross_minor,
      coalesce(sum(m.refunded_minor) filter (where m.is_now), 0) as refunded_minor,
      coalesce(sum(m.disputed_minor) filter (where m.is_now), 0) as disputed_minor,
      coalesce(sum(m.fees_minor) filter (where m.is_now), 0) as fees_minor,
      coalesce(sum(m.taxes_minor) filter (where m.is_now), 0) as taxes_minor,
      coalesce(sum(m.net_minor) filter (where m.is_now), 0) as net_minor,
      coalesce(sum(m.charge_fees_minor) filter (where m.is_now), 0) as charge_fees_minor,
      coalesce(sum(m.presented_minor) filter (where m.is_now), 0) as presented_minor,
      min(m.lowest_rate) filter (where m.is_now) as lowest_rate,
      max(m.highest_rate) filter (where m.is_now) as highest_rate,
      coalesce(sum(m.net_minor) filter (where not m.is_now), 0) as net_before_minor
    from moved as m
    group by m.key
  ) as s
$$;

-- payouts_on_the_way: payouts that Stripe sent or will send and that have not arrived at the bank, soonest first.
create function payops.payouts_on_the_way(p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', p.id, 'created', p.created, 'amount_minor', p.amount_minor, 'currency', p.currency, 'status', p.status,
    'arrival_date', p.arrival_date, 'automatic', p.automatic, 'method', p.method
  ) order by p.arrival_date, p.id), '[]')
  from payops.payouts as p
  where p.status in ('pending', 'in_transit') and p.currency = p_currency
$$;

-- balance_to_come: the amounts that become available for a payout, by Stripe's date, from this date on.
create function payops.balance_to_come(p_today date, p_currency text, p_now timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('available_on', b.available_on, 'net_minor', b.net_minor)
    order by b.available_on), '[]')
  from (
    select t.available_on, sum(t.net_minor) as net_minor
    from payops.balance_transactions as t
    where t.created > p_now - interval '30 days' and t.available_on > p_today and t.currency = p_currency
      and payops.counted_as(t.reporting_category) is distinct from 'transfer'
    group by t.available_on
  ) as b
$$;

-- settlement_currencies: the currencies of Stripe's balance, the one with the most movements first.
create function payops_api.settlement_currencies() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(c.currency order by c.moved desc, c.currency), '[]')
  from (
    select b.currency, sum(b.transactions) as moved from payops.daily_balances as b group by b.currency
  ) as c
$$;

-- revenue: everything the page shows of a period, of the one before it and of the same days a year before. At most the
-- newest 90 stale days are counted now; the answer says how many of the periods' days are still to be counted.
create function payops_api.revenue(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_year_since date, p_year_until date,
  p_currency text, p_today date, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_balances();
  perform payops.refresh_revenue(90);
  return jsonb_build_object(
    'fresh_at', payops.fresh_at(),
    'stale_days', (
      select count(distinct s.day) from payops.stale_revenue_days as s
      where s.day between p_since and p_until or s.day between p_previous_since and p_previous_until
        or s.day between p_year_since and p_year_until
    ),
    'totals', payops.revenue_totals(p_since, p_until, p_currency),
    'previous', payops.revenue_totals(p_previous_since, p_previous_until, p_currency),
    'year_before', payops.revenue_totals(p_year_since, p_year_until, p_currency),
    'daily', payops.revenue_days(p_since, p_until, p_currency),
    'previous_daily', payops.revenue_days(p_previous_since, p_previous_until, p_currency),
    'breakdowns', (
      select jsonb_object_agg(d, payops.revenue_by(
        d, p_since, p_until, p_previous_since, p_previous_until, p_currency
      ))
      from unnest(array['product', 'plan', 'state', 'card', 'presentment']) as d
    ),
    'payouts', payops.payouts_on_the_way(p_currency),
    'to_come', payops.balance_to_come(p_today, p_currency, p_now)
  );
end
$$;
