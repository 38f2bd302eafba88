-- Which payout a bank entry belongs to: by trace ID, by amount and day if that is unambiguous, or by hand.

-- unmatched_entries: booked entries that are not matched to a payout yet.
create function payops.unmatched_entries() returns setof payops.bank_entries
language sql stable
set search_path = '' as $$
  select e.* from payops.bank_entries as e
  where e.status = 'booked' and not exists (select from payops.payout_deposits as d where d.bank_entry_id = e.id)
$$;

-- is_separated: whether staff undid a match of these two, so that they are not matched automatically again.
create function payops.is_separated(p_entry_id bigint, p_payout_id text) returns boolean
language sql stable
set search_path = '' as $$
  select exists (
    select from payops.separated_deposits as s where s.bank_entry_id = p_entry_id and s.payout_id = p_payout_id
  )
$$;

-- in_arrival_window: whether a deposit of this day can be the payout: from one bank day before the expected arrival to
-- five after it.
create function payops.in_arrival_window(p_arrival_date date, p_booked_on date) returns boolean
language sql immutable
set search_path = '' as $$
  select case
    when abs(p_booked_on - p_arrival_date) > 15 then false
    else payops.bank_days_between(payops.next_bank_day(p_arrival_date), p_booked_on) between -1 and 5
  end
$$;

-- match_by_trace_id: matches entries to the one payout whose trace ID they name, whatever their amount; money in the
-- opposite direction is a return of the payout.
create function payops.match_by_trace_id(p_now timestamptz, p_user text) returns void
language sql
set search_path = '' as $$
  with named as (
    select e.id as entry_id, min(p.id) as payout_id
    from payops.unmatched_entries() as e
    cross join lateral unnest(string_to_array(payops.plain_reference(e.reference), ' ')) as r (reference)
    inner join payops.payouts as p
      on r.reference = payops.plain_reference(p.trace_id) and length(p.trace_id) >= 6
    where not payops.is_separated(e.id, p.id)
    group by e.id
    having count(distinct p.id) = 1
  ),
  matched as (
    insert into payops.payout_deposits (payout_id, bank_entry_id, matched_by, matched_at, matched_by_user)
    select n.payout_id, n.entry_id, 'trace_id', p_now, p_user from named as n
    returning payout_id, bank_entry_id
  )
  update payops.bank_entries as e set is_return = true
  from matched as m
  inner join payops.payouts as p on m.payout_id = p.id
  where e.id = m.bank_entry_id and sign(e.amount_minor) <> sign(p.amount_minor) and not e.is_return
$$;

-- match_by_amount: matches an entry with Stripe's name to the one payout of its amount, currency and days, if no other
-- entry could be that payout.
create function payops.match_by_amount(p_now timestamptz, p_user text) returns void
language sql
set search_path = '' as $$
  with pairs as (
    select
      e.id as entry_id, p.id as payout_id,
      count(*) over (partition by e.id) as payouts, count(*) over (partition by p.id) as entries
    from payops.unmatched_entries() as e
    inner join payops.payouts as p
      on p.currency = e.currency and p.amount_minor = e.amount_minor
      and p.arrival_date between e.booked_on - 15 and e.booked_on + 15
    where e.recognised_by <> 'amount' and not e.is_return
      and p.status not in ('failed', 'canceled')
      and payops.in_arrival_window(p.arrival_date, e.booked_on)
      and not payops.is_separated(e.id, p.id)
      and not exists (select from payops.payout_deposits as d where d.payout_id = p.id)
  )
  insert into payops.payout_deposits (payout_id, bank_entry_id, matched_by, matched_at, matched_by_user)
  select pairs.payout_id, pairs.entry_id, 'amount', p_now, p_user
  from pairs
  where pairs.payouts = 1 and pairs.entries = 1
$$;

-- match_returns: matches an entry that takes back the amount of one deposit, up to ten bank days after it, as its
-- return.
create function payops.match_returns(p_now timestamptz, p_user text) returns void
language sql
set search_path = '' as $$
  with pairs as (
    select
      e.id as entry_id, d.payout_id,
      count(*) over (partition by e.id) as deposits, count(*) over (partition by x.id) as entries
    from payops.unmatched_entries() as e
    inner join payops.bank_entries as x
      on x.account_id = e.account_id and x.currency = e.currency and x.amount_minor = -e.amount_minor
      and x.booked_on between e.booked_on - 30 and e.booked_on
    inner join payops.payout_deposits as d on x.id = d.bank_entry_id
    where e.recognised_by <> 'amount' and (e.is_return or e.amount_minor < 0) and not x.is_return
      and payops.bank_days_between(x.booked_on, e.booked_on) <= 10
      and not payops.is_separated(e.id, d.payout_id)
      and not exists (
        select from payops.payout_deposits as o
        inner join payops.bank_entries as b on o.bank_entry_id = b.id
        where o.payout_id = d.payout_id and b.is_return
      )
      and (e.is_return or not exists (
        select from payops.payouts as p
        where p.currency = e.currency and p.amount_minor = e.amount_minor
          and p.arrival_date between e.booked_on - 15 and e.booked_on + 15
      ))
  ),
  matched as (
    insert into payops.payout_deposits (payout_id, bank_entry_id, matched_by, matched_at, matched_by_user)
    select pairs.payout_id, pairs.entry_id, 'amount', p_now, p_user
    from pairs
    where pairs.deposits = 1 and pairs.entries = 1
    returning bank_entry_id
  )
  update payops.bank_entries as e set is_return = true
  from matched as m
  where e.id = m.bank_entry_id and not e.is_return
$$;

-- match_deposits: matches all entries and payouts that belong together unambiguously. Returns how many entries it
-- matched.
create function payops.match_deposits(p_now timestamptz, p_user text) returns integer
language plpgsql
set search_path = '' as $$
declare
  before bigint := (select count(*) from payops.payout_deposits);
begin
  perform payops.match_by_trace_id(p_now, p_user);
  perform payops.match_by_amount(p_now, p_user);
  perform payops.match_returns(p_now, p_user);
  return (select count(*) from payops.payout_deposits) - before;
end
$$;

-- match_deposits: the same after trace IDs or payouts have arrived; the audit log says how many were matched.
create function payops_api.match_deposits(p_actor text, p_role text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  matched integer;
begin
  perform pg_advisory_xact_lock(payops.advisory_lock('bank entries'));
  matched := payops.match_deposits(p_now, p_actor);
  if matched > 0 then
    perform payops.record_audit(
      p_actor, p_role, 'finance:deposit:matched', 'deposits:all', p_now,
      p_after => jsonb_build_object('matched', matched)
    );
  end if;
  return to_jsonb(matched);
end
$$;

-- match_deposit: matches this entry to this payout by hand.
create function payops_api.match_deposit(
  p_entry_id bigint, p_payout_id text, p_reason text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  entry payops.bank_entries;
  payout payops.payouts;
  before text;
begin
  perform pg_advisory_xact_lock(payops.advisory_lock('bank entries'));
  select e.* into entry from payops.bank_entries as e where e.id = p_entry_id;
  select p.* into payout from payops.payouts as p where p.id = p_payout_id;
  if entry.id is null then
    perform payops.refuse('no_such_entry', 'This bank entry is not known.');
  elsif payout.id is null then
    perform payops.refuse('no_such_payout', 'This payout is not known. Backfill payouts, then try again.');
  elsif entry.status = 'pending' then
    perform payops.refuse('entry_pending', 'The bank has not booked this entry yet. Match it once it is booked.');
  elsif entry.status <> 'booked' then
    perform payops.refuse('entry_void', 'The bank took this entry back, or never booked it. Nothing was changed.');
  elsif entry.currency <> payout.currency then
    perform payops.refuse('other_currency', 'The entry and the payout are in different currencies.');
  end if;
  select d.payout_id into before from payops.payout_deposits as d where d.bank_entry_id = p_entry_id;
  if before is not distinct from p_payout_id then
    return 'false';
  end if;
  delete from payops.separated_deposits as s where s.bank_entry_id = p_entry_id and s.payout_id = p_payout_id;
  insert into payops.payout_deposits (payout_id, bank_entry_id, matched_by, matched_at, matched_by_user)
  values (p_payout_id, p_entry_id, 'person', p_now, p_actor)
  on conflict (bank_entry_id) do update set
    payout_id = excluded.payout_id, matched_by = excluded.matched_by, matched_at = excluded.matched_at,
    matched_by_user = excluded.matched_by_user;
  update payops.bank_entries as e set is_return = sign(e.amount_minor) <> sign(payout.amount_minor)
  where e.id = p_entry_id;
  perform payops.record_audit(
    p_actor, p_role, 'finance:deposit:matched', 'bank-entry:' || p_entry_id, p_now,
    jsonb_build_object('payout', before), jsonb_build_object('payout', p_payout_id), p_reason
  );
  return 'true';
end
$$;

-- unmatch_deposit: undoes the match of this entry and its payout; the two are never matched automatically again.
create function payops_api.unmatch_deposit(
  p_entry_id bigint, p_reason text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before text;
begin
  perform pg_advisory_xact_lock(payops.advisory_lock('bank entries'));
  delete from payops.payout_deposits as d where d.bank_entry_id = p_entry_id returning d.payout_id into before;
  if before is null then
    perform payops.refuse('not_matched', 'This bank entry is matched to no payout.');
  end if;
  insert into payops.separated_deposits (bank_entry_id, payout_id, separated_at, separated_by, reason)
  values (p_entry_id, before, p_now, p_actor, p_reason)
  on conflict (bank_entry_id, payout_id) do nothing;
  perform payops.record_audit(
    p_actor, p_role, 'finance:deposit:unmatched', 'bank-entry:' || p_entry_id, p_now,
    jsonb_build_object('payout', before), jsonb_build_object('payout', null), p_reason
  );
  return to_jsonb(before);
end
$$;
