-- network_months: what the card networks count in the month of this day, up to this day, in one currency or in all.
-- Visa: disputes and fraud warnings against the payments captured in the month; a payment with both counts twice.
-- Mastercard: chargebacks against the payments captured in the month before. Inquiries that were not escalated and
-- prevented disputes do not count.
create function payops.network_months(p_day date, p_currency text default null)
returns table (network text, disputes bigint, fraud_warnings bigint, payments bigint)
language sql stable
set search_path = '' as $$
  with month as (
    select
      date_trunc('month', p_day)::date as first_day,
      (date_trunc('month', p_day) - interval '1 month')::date as before_first,
      date_trunc('month', p_day)::timestamp at time zone b.timezone as starts,
      (p_day + 1)::timestamp at time zone b.timezone as ends
    from payops.business as b
  ),
  opened as (
    select coalesce(d.card_brand, c.card_brand) as brand, count(*) as n
    from month as m
    inner join payops.disputes as d on d.created >= m.starts and d.created < m.ends
    left join payops.charges as c on d.card_brand is null and d.charge_id = c.id
    where payops.is_chargeback(d.status) and (p_currency is null or d.currency = p_currency)
    group by coalesce(d.card_brand, c.card_brand)
  )
  select
    'visa',
    coalesce((select o.n from opened as o where o.brand = 'visa'), 0),
    (
      select count(*)
      from payops.early_fraud_warnings as w
      inner join payops.charges as c on w.charge_id = c.id
      where w.created >= m.starts and w.created < m.ends and c.card_brand = 'visa'
        and (p_currency is null or c.currency = p_currency)
    ),
    (
      select coalesce(sum(k.captured_visa), 0) from payops.daily_captures as k
      where k.day between m.first_day and p_day and (p_currency is null or k.currency = p_currency)
    )
  from month as m
  union all
  select
    'mastercard', coalesce((select o.n from opened as o where o.brand = 'mastercard'), 0), 0,
    (
      select coalesce(sum(k.captured_mastercard), 0) from payops.daily_captures as k
      where k.day >= m.before_first and k.day < m.first_day and (p_currency is null or k.currency = p_currency)
    )
  from month as m
$$;

-- vamp_metrics: Visa's VAMP ratio of the month in which the period ends, over all currencies.
create function payops.vamp_metrics(p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('vamp_ratio', payops.rate(n.disputes + n.fraud_warnings, n.payments))
  from payops.network_months(p_until) as n
  where n.network = 'visa'
$$;

-- network_counts: what each network counts this month in one currency and in all, with the limits that apply on that
-- day.
create function payops_api.network_counts(p_day date, p_currency text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_rollups();
  return (
    select jsonb_agg(to_jsonb(n) || jsonb_build_object(
      'all_currencies', (
        select to_jsonb(a) from payops.network_months(p_day) as a where a.network = n.network
      ),
      'limits', (
        select coalesce(jsonb_agg(to_jsonb(l) order by l.ratio), '[]')
        from (
          select distinct on (k.level) k.level, k.ratio, k.events, k.since, k.source, k.set_by
          from payops.network_limits as k
          where k.network = n.network and k.since <= p_day
          order by k.level, k.since desc
        ) as l
      )
    ) order by n.network desc)
    from payops.network_months(p_day, p_currency) as n
  );
end
$$;

-- set_network_limit: sets the network's limit from that day on, replacing a limit set earlier for the same day.
create function payops_api.set_network_limit(
  p_network text, p_level text, p_ratio double precision, p_events integer, p_since date, p_source text,
  p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
  kept payops.network_limits;
begin
  if not (p_ratio > 0 and p_ratio < 1 and p_events > 0) then
    perform payops.refuse('bad_limit', 'A limit is a share between 0% and 100%, and at least one event.');
  elsif coalesce(btrim(p_source), '') = '' then
    perform payops.refuse('source_missing', 'Give the source: where this limit is published.');
  end if;
  select to_jsonb(l) into before
  from payops.network_limits as l where l.network = p_network and l.level = p_level and l.since = p_since;
  insert into payops.network_limits as l (network, level, ratio, events, since, source, set_by, set_at)
  values (p_network, p_level, p_ratio::numeric, p_events, p_since, btrim(p_source), p_actor, p_now)
  on conflict (network, level, since) do update set
    ratio = excluded.ratio, events = excluded.events, source = excluded.source, set_by = excluded.set_by,
    set_at = excluded.set_at
  returning l.* into kept;
  perform payops.record_audit(
    p_actor, p_role, 'payments:network-limit:set', 'network-limit:' || p_network || '-' || p_level, p_now, before,
    to_jsonb(kept), p_source
  );
  return to_jsonb(kept);
end
$$;
