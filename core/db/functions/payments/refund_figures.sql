-- refunds_of_days: the amount refunded in a period by Stripe's balance, its business days, and the number of refunds by
-- their current status.
create function payops.refunds_of_days(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'refunded', payops.balance_metrics(p_since, p_until, p_currency) -> 'refunded',
    'by_status', (
      select coalesce(jsonb_agg(jsonb_build_object('key', s.status, 'count', s.n, 'amount', s.amount) order by s.n desc), '[]')
      from (
        select r.status, count(*) as n, sum(r.amount_minor) as amount
        from payops.refunds_and_requests() as r
        cross join payops.business as b
        where r.currency = p_currency and r.at >= p_since::timestamp at time zone b.timezone
          and r.at < (p_until + 1)::timestamp at time zone b.timezone
        group by r.status
      ) as s
    ),
    'daily', (
      select jsonb_agg(jsonb_build_object(
        'day', g.day, 'refunds', coalesce(d.n, 0), 'amount_minor', coalesce(d.amount, 0)
      ) order by g.day)
      from (select p_since + i as day from generate_series(0, p_until - p_since) as i) as g
      left join (
        select
          b.day, sum(-b.amount_minor) as amount,
          sum(b.transactions) filter (where b.reporting_category = 'refund') as n
        from payops.daily_balances as b
        where b.currency = p_currency and b.reporting_category in ('refund', 'refund_failure')
        group by b.day
      ) as d on g.day = d.day
    )
  )
$$;

-- refund_figures: the refunds of a period and of the one before it.
create function payops_api.refund_figures(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_balances();
  return payops.refunds_of_days(p_since, p_until, p_currency) || jsonb_build_object(
    'previous', payops.refunds_of_days(p_previous_since, p_previous_until, p_currency)
  );
end
$$;
