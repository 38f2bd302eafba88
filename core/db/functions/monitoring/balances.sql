-- counted_as: the figure that a reporting category is part of; null for one that is not assigned to any. The categories
-- are those of https://docs.stripe.com/reports/reporting-categories; a test checks that all of the pinned SDK are here.
create function payops.counted_as(p_category text) returns text
language sql immutable
return case
  when p_category in ('charge', 'partial_capture_reversal', 'charge_failure') then 'charge'
  when p_category in ('refund', 'refund_failure') then 'refund'
  when p_category in ('dispute', 'dispute_reversal') then 'dispute'
  when p_category in ('fee', 'network_cost') then 'fee'
  when p_category = 'tax' then 'tax'
  when p_category in (
    'payout', 'payout_reversal', 'transfer', 'transfer_reversal', 'topup', 'topup_reversal', 'advance',
    'advance_funding', 'anticipation_repayment', 'connect_collection_transfer', 'connect_reserved_funds',
    'risk_reserved_funds', 'financing_paydown', 'financing_paydown_reversal', 'financing_payout',
    'financing_payout_reversal', 'issuing_authorization_hold', 'issuing_authorization_release', 'issuing_dispute',
    'issuing_transaction', 'unreconciled_customer_funds'
  ) then 'transfer'
  when p_category in (
    'other_adjustment', 'contribution', 'climate_order_purchase', 'climate_order_refund', 'platform_earning',
    'platform_earning_refund'
  ) then 'other'
end;

-- mark_stale_balance_days: marks the days on which these records moved the balance to be summed again, and the days
-- whose charge was captured on another day than it was created to be counted again. A category without a figure is an
-- incident.
create function payops.mark_stale_balance_days(p_records jsonb) returns void
language sql
set search_path = '' as $$
  insert into payops.stale_balance_days (day)
  select distinct payops.business_day((r ->> 'created')::timestamptz)
  from jsonb_array_elements(p_records -> 'balance_transactions') as r;

  insert into payops.stale_charges (charge_id)
  select c.id
  from jsonb_to_recordset(p_records -> 'balance_transactions') as r (id text, source_id text, created timestamptz)
  inner join payops.charges as c on r.source_id = c.id and r.id = c.balance_transaction_id
  where payops.business_day(r.created) <> payops.business_day(c.created);

  select count(payops.record_incident(
    'unknown_reporting_category', u.category,
    'Stripe books a kind of balance movement that belongs to no figure: it is shown as "other" until it is assigned to one.',
    u.latest, p_sample => jsonb_build_object('reporting_category', u.category, 'balance_transaction', u.example)
  ))
  from (
    select r.reporting_category as category, max(r.as_of) as latest, min(r.id) as example
    from jsonb_to_recordset(p_records -> 'balance_transactions') as r (
      id text, reporting_category text, as_of timestamptz
    )
    where payops.counted_as(r.reporting_category) is null
    group by r.reporting_category
  ) as u
$$;

-- lock_balances: only one transaction at a time sums the balance.
create function payops.lock_balances() returns void
language sql
set search_path = '' as $$ select pg_advisory_xact_lock(payops.advisory_lock('recount balances')) $$;

-- balance_sums: what moved the balance on these business days.
create function payops.balance_sums(p_since date, p_until date)
returns table (
  day date, currency text, reporting_category text, transactions bigint, amount_minor numeric, fee_minor numeric,
  net_minor numeric
)
language plpgsql stable
set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  zone text := (select b.timezone from payops.business as b);
  starts timestamptz := payops.day_starts(p_since);
  ends timestamptz := payops.day_starts(p_until + 1);
begin
  return query
  select m.day, m.currency, m.reporting_category, count(*), sum(m.amount_minor), sum(m.fee_minor), sum(m.net_minor)
  from (
    select
      (t.created at time zone zone)::date as day, t.currency, t.reporting_category, t.amount_minor, t.fee_minor, t.net_minor
    from payops.balance_transactions as t
    where t.created >= starts and t.created < ends
    offset 0 -- makes the planner expect few days, and sum them in parallel
  ) as m
  group by 1, 2, 3;
end
$$;

-- refresh_balances: brings the balance's daily sums up to date.
create function payops.refresh_balances() returns void
language plpgsql
set search_path = '' as $$
declare
  days date[];
begin
  if pg_is_in_recovery() or not exists (select from payops.stale_balance_days) then
    return;
  end if;
  perform payops.lock_balances();
  with taken as (delete from payops.stale_balance_days returning day)
  select array_agg(distinct day) into days from taken;
  if days is null then
    return;
  end if;
  delete from payops.daily_balances where day = any(days);
  insert into payops.daily_balances
  select s.*
  from payops.day_ranges(days) as d
  cross join lateral payops.balance_sums(d.since, d.until) as s;
end
$$;

-- balance_metrics: gross, refunds, fees and net, from the balance transactions; payouts and transfers are separate.
create function payops.balance_metrics(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with moved as (
    select b.amount_minor, b.fee_minor, b.net_minor, payops.counted_as(b.reporting_category) as part
    from payops.daily_balances as b
    where b.day between p_since and p_until and b.currency = p_currency
  ),
  sums as (
    select
      sum(m.amount_minor) filter (where m.part = 'charge') as gross,
      sum(-m.amount_minor) filter (where m.part = 'refund') as refunded,
      sum(m.fee_minor - case when m.part = 'fee' then m.amount_minor else 0 end) as fees, sum(m.net_minor) as net
    from moved as m
    where m.part in ('charge', 'refund', 'dispute', 'fee', 'tax')
  )
  select jsonb_build_object(
    'gross', jsonb_build_object('value', case when s.net is not null then coalesce(s.gross, 0) end),
    'refunded', jsonb_build_object('value', case when s.net is not null then coalesce(s.refunded, 0) end),
    'fees', jsonb_build_object('value', s.fees),
    'net', jsonb_build_object('value', s.net)
  )
  from sums as s
$$;

-- other_movements: balance movements that no figure includes, by category.
create function payops.other_movements(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('key', o.reporting_category, 'count', o.n, 'amount', o.net)
    order by abs(o.net) desc, o.reporting_category), '[]')
  from (
    select b.reporting_category, sum(b.transactions) as n, sum(b.net_minor) as net
    from payops.daily_balances as b
    where b.day between p_since and p_until and b.currency = p_currency
      and coalesce(payops.counted_as(b.reporting_category), 'other') = 'other'
    group by b.reporting_category
  ) as o
$$;

-- other_movements: the same for the command, exact up to now.
create function payops_api.other_movements(p_since date, p_until date, p_currency text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_balances();
  return payops.other_movements(p_since, p_until, p_currency);
end
$$;

-- newest_balance_transaction: the time of the newest balance transaction in the mirror.
create function payops_api.newest_balance_transaction() returns jsonb
language sql stable security definer
set search_path = '' as $$ select to_jsonb(max(created)) from payops.balance_transactions $$;

-- payouts_to_open: reconciled payouts whose balance transactions are not known yet, newest first; not those that were
-- skipped.
create function payops_api.payouts_to_open(p_most integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(p.id order by p.created desc), '[]')
  from (
    select id, created from payops.payouts as p
    where p.reconciliation_status = 'completed'
      and not exists (select from payops.payout_contents as c where c.payout_id = p.id)
      and not payops.is_skipped('fetch payout contents', p.id, p_now)
    order by p.created desc limit p_most
  ) as p
$$;

-- record_payout_contents: stores the balance transactions that this payout contains.
create function payops_api.record_payout_contents(p_payout_id text, p_balance_transaction_ids jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.payout_contents (balance_transaction_id, payout_id)
  select t, p_payout_id from jsonb_array_elements_text(p_balance_transaction_ids) as t
  on conflict (balance_transaction_id) do update set payout_id = excluded.payout_id;
  select 'true'::jsonb
$$;

-- record_contents_of_payouts: stores the contents of each of these payouts.
create function payops_api.record_contents_of_payouts(p_contents jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.payout_contents (balance_transaction_id, payout_id)
  select t.id, c ->> 'payout'
  from jsonb_array_elements(p_contents) as c
  cross join lateral jsonb_array_elements_text(c -> 'ids') as t (id)
  on conflict (balance_transaction_id) do update set payout_id = excluded.payout_id;
  select 'true'::jsonb
$$;

-- unbooked_objects: charges and refunds that succeeded and have no balance transaction yet, those updated longest ago
-- first; after 30 days they are no longer included.
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
        and not payops.is_skipped('fetch missing balance transactions', c.id, p_now)
      order by c.as_of limit p_most
    )
    union all
    (
      select 'refunds', r.id, r.as_of from payops.refunds as r
      where r.status = 'succeeded' and r.balance_transaction_id is null
        and r.created between p_now - interval '30 days' and p_created_before
        and (r.as_of < p_told_before or r.event_id <> 'fetch')
        and not payops.is_skipped('fetch missing balance transactions', r.id, p_now)
      order by r.as_of limit p_most
    )
    order by as_of limit p_most
  ) as u
$$;
