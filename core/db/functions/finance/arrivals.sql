-- The last step: which payouts arrived at the bank, when and with what amount.

-- expected_on: the bank day on which a payout should arrive, if its calendar is known.
create function payops.expected_on(p_arrival date) returns date
language sql immutable
set search_path = '' as $$
  select case when p_arrival between '2010-01-01' and '2040-12-15' then payops.next_bank_day(p_arrival) end
$$;

-- bank_days_late: how many bank days after the expected day a deposit was booked.
create function payops.bank_days_late(p_expected date, p_booked date) returns integer
language sql immutable
set search_path = '' as $$
  select case when p_booked between p_expected + 1 and '2040-12-15' then payops.days_late(p_expected, p_booked) else 0 end
$$;

-- payout_arrivals: for the payouts of these business days: when each was due, what arrived, and how far the imported
-- statements of its currency reach. Amounts are positive in the payout's own direction.
create function payops.payout_arrivals(p_since date, p_until date)
returns table (
  payout_id text, day date, currency text, amount_minor numeric, booked_minor numeric, status text, due date,
  arrived_minor numeric, arrived bigint, first_on date, returned_minor numeric, entries bigint[], covered boolean,
  covered_until date
)
language sql stable
set search_path = '' as $$
  with dates as materialized ( -- looks up the calendar once per date
    select a.arrival_date, payops.expected_on(a.arrival_date) as due
    from (
      select distinct p.arrival_date
      from payops.reconciled_payouts as r inner join payops.payouts as p on r.payout_id = p.id
      where r.day between p_since and p_until
    ) as a
  ),
  due as (
    select
      r.payout_id, r.day, r.currency, abs(r.amount_minor) as amount_minor, r.status, sign(p.amount_minor) as direction,
      d.due, abs(b.amount_minor::numeric) as booked_minor
    from payops.reconciled_payouts as r
    inner join payops.payouts as p on r.payout_id = p.id
    left join dates as d on p.arrival_date = d.arrival_date
    left join payops.balance_transactions as b on p.balance_transaction_id = b.id
    where r.day between p_since and p_until
  ),
  statements as (
    select a.currency, s.from_date, s.to_date
    from payops.bank_statements as s
    inner join payops.bank_accounts as a on s.account_id = a.id
  ),
  days_covered as (
    select distinct s.currency, d.due from statements as s inner join dates as d on d.due between s.from_date and s.to_date
  ),
  reach as (select s.currency, max(s.to_date) as until from statements as s group by s.currency)
  select
    d.payout_id, d.day, d.currency, d.amount_minor, d.booked_minor, d.status, d.due,
    coalesce(e.arrived_minor, 0), coalesce(e.arrived, 0), e.first_on, coalesce(e.returned_minor, 0), e.entries,
    c.due is not null,
    reach.until
  from due as d
  left join reach on d.currency = reach.currency
  left join days_covered as c on d.currency = c.currency and d.due = c.due
  left join lateral (
    select
      sum(n.amount_minor * d.direction) filter (where not n.is_back) as arrived_minor,
      count(*) filter (where not n.is_back) as arrived,
      min(n.booked_on) filter (where not n.is_back) as first_on,
      -sum(n.amount_minor * d.direction) filter (where n.is_back) as returned_minor,
      array_agg(n.id order by n.booked_on, n.id) filter (where not n.is_back) as entries
    from (
      select b.id, b.booked_on, b.amount_minor, b.is_return or b.amount_minor * d.direction < 0 as is_back
      from payops.payout_deposits as m
      inner join payops.bank_entries as b on m.bank_entry_id = b.id
      where m.payout_id = d.payout_id and b.status = 'booked'
    ) as n
  ) as e on true
$$;

-- deposit_states: the state of each of these payouts at the bank. A payout is missing once statements cover its due day
-- and the bank day after it.
create function payops.deposit_states(p_since date, p_until date, p_today date)
returns table (
  payout_id text, day date, currency text, amount_minor numeric, due date, state text, arrived_minor numeric,
  first_on date, returned_minor numeric, entries bigint[], days_late integer
)
language sql stable
set search_path = '' as $$
  select
    a.payout_id, a.day, a.currency, a.amount_minor, a.due,
    case
      when a.status in ('failed', 'canceled') and a.arrived_minor <= a.returned_minor then 'not_expected'
      when a.status in ('failed', 'canceled') then 'over'
      when a.returned_minor > 0 then 'returned'
      when a.arrived = 0 and a.covered and a.covered_until > a.due
        and a.covered_until >= payops.add_bank_days(a.due, 1) then 'missing'
      when a.arrived = 0 and (a.due >= p_today or a.covered) then 'on_the_way'
      when a.arrived = 0 then 'not_imported'
      when a.arrived_minor not in (a.amount_minor, coalesce(a.booked_minor, a.amount_minor))
        and a.arrived_minor < a.amount_minor then 'short'
      when a.arrived_minor not in (a.amount_minor, coalesce(a.booked_minor, a.amount_minor)) then 'over'
      when a.first_on > a.due and payops.bank_days_late(a.due, a.first_on) > 0 then 'late'
      else 'arrived'
    end,
    a.arrived_minor, a.first_on, a.returned_minor, a.entries,
    case when a.first_on > a.due then payops.bank_days_late(a.due, a.first_on) else 0 end
  from payops.payout_arrivals(p_since, p_until) as a
$$;

-- find_deposit_mismatches: reports payouts of these days that did not arrive as they should as findings.
create function payops.find_deposit_mismatches(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  deposit record;
begin
  for deposit in
    with states as materialized (
      select s.* from payops.deposit_states(p_since, p_until, payops.business_day(p_now)) as s
    ),
    written as (
      update payops.reconciled_payouts as r set
        expected_on = s.due, deposit_state = s.state, deposited_on = s.first_on,
        deposited_minor = s.arrived_minor - s.returned_minor
      from states as s
      where r.payout_id = s.payout_id
    )
    select s.* from states as s
    where s.state in ('missing', 'short', 'returned', 'over', 'late') or s.days_late > 0 and s.state <> 'not_expected'
  loop
    perform payops.note_finding(
      f.class, 'deposits', deposit.day, deposit.currency,
      case when f.class = 'duplicate' then 'bank_entry_' || deposit.entries[cardinality(deposit.entries)] else deposit.payout_id end,
      case when f.class = 'duplicate' then 'bank_entry' else 'payout' end, deposit.amount_minor, f.difference,
      jsonb_strip_nulls(jsonb_build_object(
        'line', 'deposit', 'object', deposit.payout_id, 'ours_minor', deposit.amount_minor,
        'ours_currency', deposit.currency, 'ours_day', deposit.due,
        'theirs_minor', deposit.arrived_minor - deposit.returned_minor, 'theirs_currency', deposit.currency,
        'theirs_day', deposit.first_on, 'bank_days_late', nullif(deposit.days_late, 0)
      )),
      p_payout => deposit.payout_id
    )
    from (values
      ('deposit_missing', deposit.amount_minor, deposit.state = 'missing'),
      ('deposit_short', deposit.amount_minor - deposit.arrived_minor, deposit.state = 'short'),
      ('deposit_returned', deposit.returned_minor, deposit.state = 'returned'),
      (
        case when cardinality(deposit.entries) > 1 then 'duplicate' else 'amount' end,
        deposit.amount_minor - deposit.arrived_minor, deposit.state = 'over'
      ),
      ('deposit_late', 0, deposit.days_late > 0)
    ) as f (class, difference, is_so)
    where f.is_so;
  end loop;
end
$$;

-- find_unmatched_entries: reports money at the bank on these days that no payout explains as a finding, once there was
-- time to match it. An entry like another, matched one is reported as its duplicate.
create function payops.find_unmatched_entries(p_since date, p_until date, p_now timestamptz) returns void
language sql
set search_path = '' as $$
  select payops.note_finding(
    case
      when e.is_return then 'deposit_returned'
      when twin.payout_id is not null then 'duplicate'
      else 'missing_at_stripe'
    end,
    'deposits', e.booked_on, e.currency, 'bank_entry_' || e.id, 'bank_entry', abs(e.amount_minor::numeric), -e.amount_minor::numeric,
    jsonb_strip_nulls(jsonb_build_object(
      'line', 'deposit', 'object', twin.payout_id, 'theirs_minor', e.amount_minor, 'theirs_currency', e.currency,
      'theirs_day', e.booked_on, 'reference', e.reference
    )),
    p_payout => twin.payout_id
  )
  from payops.bank_entries as e
  left join lateral (
    select m.payout_id
    from payops.bank_entries as o
    inner join payops.payout_deposits as m on o.id = m.bank_entry_id
    where o.account_id = e.account_id and o.currency = e.currency and o.amount_minor = e.amount_minor and o.id <> e.id
      and o.booked_on between e.booked_on - 7 and e.booked_on + 7
      and (o.reference is not distinct from e.reference or o.description is not distinct from e.description)
    limit 1
  ) as twin on true
  where e.booked_on between p_since and p_until and e.status = 'booked'
    and e.booked_on < (select payops.business_day(p_now)) - 3
    and not exists (select from payops.payout_deposits as d where d.bank_entry_id = e.id)
$$;

-- reconcile_deposits: compares the deposits of these business days' payouts, and other money at the bank, again.
create function payops.reconcile_deposits(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  perform payops.find_deposit_mismatches(p_since, p_until, p_now);
  perform payops.find_unmatched_entries(p_since, p_until, p_now);
end
$$;
