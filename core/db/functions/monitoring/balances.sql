-- touch_balance_days: the days on which these records moved the balance will be summed again.
create function payops.touch_balance_days(p_records jsonb) returns void
language sql
set search_path = '' as $$
  insert into payops.touched_days (day)
  select distinct payops.business_day((r ->> 'created')::timestamptz)
  from jsonb_array_elements(p_records -> 'balance_transactions') as r
$$;

-- refresh_balances: the balance's daily sums are exact up to now.
create function payops.refresh_balances() returns void
language plpgsql
set search_path = '' as $$
declare
  days date[];
  zone text := (select timezone from payops.business);
begin
  perform pg_advisory_xact_lock(7209115);
  with taken as (delete from payops.touched_days returning day)
  select array_agg(distinct day) into days from taken;
  if days is null then
    return;
  end if;
  delete from payops.daily_balances where day = any(days);
  insert into payops.daily_balances
  select
    d.day, t.currency, t.reporting_category, count(*), sum(t.amount_minor), sum(t.fee_minor), sum(t.net_minor)
  from unnest(days) as d (day)
  inner join payops.balance_transactions as t
    on t.created >= d.day::timestamp at time zone zone and t.created < (d.day + 1)::timestamp at time zone zone
  group by d.day, t.currency, t.reporting_category;
end
$$;

-- balance_metrics: what came in, went back, was charged as fees and is left, from the balance itself; payouts apart.
create function payops.balance_metrics(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with sums as (
    select
      sum(amount_minor) filter (where reporting_category = 'charge') as gross,
      sum(-amount_minor) filter (where reporting_category in ('refund', 'refund_failure')) as refunded,
      sum(fee_minor - case when reporting_category in ('fee', 'network_cost') then amount_minor else 0 end) as fees,
      sum(net_minor) as net
    from payops.daily_balances
    where day between p_since and p_until and currency = p_currency
      and reporting_category in (
        'charge', 'refund', 'refund_failure', 'dispute', 'dispute_reversal', 'fee', 'network_cost'
      )
  )
  select jsonb_build_object(
    'gross', jsonb_build_object('value', case when net is not null then coalesce(gross, 0) end),
    'refunded', jsonb_build_object('value', case when net is not null then coalesce(refunded, 0) end),
    'fees', jsonb_build_object('value', fees),
    'net', jsonb_build_object('value', net)
  )
  from sums
$$;

-- newest_balance_transaction: up to when the balance's movements have been pulled.
create function payops_api.newest_balance_transaction() returns jsonb
language sql stable security definer
set search_path = '' as $$ select to_jsonb(max(created)) from payops.balance_transactions $$;

-- payouts_to_open: reconciled payouts of which it is not known yet what they took along, newest first.
create function payops_api.payouts_to_open(p_most integer) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(p.id order by p.created desc), '[]')
  from (
    select id, created from payops.payouts as p
    where p.reconciliation_status = 'completed'
      and not exists (select from payops.payout_contents as c where c.payout_id = p.id)
    order by p.created desc limit p_most
  ) as p
$$;

-- record_payout_contents: it is known what this payout took along.
create function payops_api.record_payout_contents(p_payout_id text, p_balance_transaction_ids jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.payout_contents (balance_transaction_id, payout_id)
  select t, p_payout_id from jsonb_array_elements_text(p_balance_transaction_ids) as t
  on conflict (balance_transaction_id) do update set payout_id = excluded.payout_id;
  select 'true'::jsonb
$$;

-- unbooked_objects: charges and refunds that succeeded and whose balance transaction is still to come, those told of the
-- longest ago first; one that keeps having none is given up after 30 days.
create function payops_api.unbooked_objects(
  p_created_before timestamptz, p_told_before timestamptz, p_most integer, p_now timestamptz
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('table', u.kind, 'id', u.id)), '[]')
  from (
    (
      select 'charges' as kind, c.id, c.as_of from payops.charges as c
      where c.status = 'succeeded' and c.captured and c.balance_transaction_id is null
        and c.created between p_now - interval '30 days' and p_created_before
        and (c.as_of < p_told_before or c.event_id <> 'fetch')
      order by c.as_of limit p_most
    )
    union all
    (
      select 'refunds', r.id, r.as_of from payops.refunds as r
      where r.status = 'succeeded' and r.balance_transaction_id is null
        and r.created between p_now - interval '30 days' and p_created_before
        and (r.as_of < p_told_before or r.event_id <> 'fetch')
      order by r.as_of limit p_most
    )
    order by as_of limit p_most
  ) as u
$$;
