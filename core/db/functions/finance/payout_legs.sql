-- Payouts: the contents of each, with its remainder, and how much of it arrived at the bank.

-- payout_sums: the totals of the movements in the payouts of these business days. `movements` and `net_minor` exclude
-- the payout's own movement; `unlisted` are those missing from the mirror.
create function payops.payout_sums(p_since date, p_until date)
returns table (payout_id text, listed bigint, movements bigint, net_minor numeric, unlisted bigint)
language plpgsql stable
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '64MB' as $$
declare
  starts timestamptz := payops.day_starts(p_since);
  ends timestamptz := payops.day_starts(p_until + 1);
begin
  return query
  select
    p.id, count(*), count(b.id) filter (where b.reporting_category <> 'payout'),
    coalesce(sum(b.net_minor) filter (where b.currency = p.currency and b.reporting_category <> 'payout'), 0),
    count(*) filter (
      where b.id is null and k.balance_transaction_id <> p.id
        and k.balance_transaction_id is distinct from p.balance_transaction_id
    )
  from payops.payouts as p
  inner join payops.payout_contents as k on p.id = k.payout_id
  left join payops.balance_transactions as b on k.balance_transaction_id = b.id
  where p.created >= starts and p.created < ends
  group by p.id;
end
$$;

-- reconcile_contents: updates the contents of these days' payouts, with the remainder that should be zero. Stripe lists
-- no movements for a manual or instant payout, so it has no remainder. The lists are fetched newest payout first, so a
-- payout without a list that is newer than one with a list has none.
create function payops.reconcile_contents(p_since date, p_until date, p_now timestamptz) returns void
language sql
set search_path = '' as $$
  delete from payops.reconciled_payouts where day between p_since and p_until;
  insert into payops.reconciled_payouts (
    payout_id, day, currency, amount_minor, kind, status, transactions, contents_state, remainder_minor, deposit_state,
    deposited_minor
  )
  select
    r.id, (r.created at time zone z.timezone)::date, r.currency, r.amount_minor, r.kind, r.status, coalesce(r.movements, 0), r.state,
    case when r.state = 'known' then r.amount_minor - r.net_minor end, 'not_expected', 0
  from (
    select
      k.*, s.movements, s.net_minor,
      case
        when k.kind <> 'automatic' then 'not_listed'
        when s.movements + s.unlisted > 0 then 'known'
        when k.reconciliation_status is distinct from 'completed' then 'pending'
        when s.payout_id is not null then 'missing'
        when
          k.created < p_now - interval '1 day'
          and (k.event_id = 'fetch' or k.as_of < p_now - interval '10 minutes')
          and exists (
            select from payops.payouts as older
            inner join payops.payout_contents as c on older.id = c.payout_id
            where older.created < k.created
          ) then 'missing'
        else 'pending'
      end as state
    from (
      select
        p.*,
        case
          when p.method = 'instant' then 'instant'
          when p.automatic is false or p.reconciliation_status = 'not_applicable' then 'manual'
          else 'automatic'
        end as kind
      from payops.payouts as p
      where p.created >= (select payops.day_starts(p_since)) and p.created < (select payops.day_starts(p_until + 1))
    ) as k
    left join payops.payout_sums(p_since, p_until) as s on k.id = s.payout_id
  ) as r
  cross join payops.business as z
  on conflict (payout_id) do update set
    day = excluded.day, currency = excluded.currency, amount_minor = excluded.amount_minor, kind = excluded.kind,
    status = excluded.status, transactions = excluded.transactions, contents_state = excluded.contents_state,
    remainder_minor = excluded.remainder_minor, expected_on = null, deposit_state = excluded.deposit_state,
    deposited_minor = 0, deposited_on = null
$$;

-- is_sum_of_some: whether some of these amounts, each used at most once, add up to this one; at most 12 are tried.
create function payops.is_sum_of_some(p_wanted numeric, p_amounts numeric[]) returns boolean
language plpgsql immutable
set search_path = '' as $$
declare
  sums numeric[] := '{0}';
  each numeric;
begin
  foreach each in array coalesce(p_amounts[1:12], '{}')
  loop
    sums := array(select s from unnest(sums) as s union select s + each from unnest(sums) as s);
  end loop;
  return p_wanted = any(sums);
end
$$;

-- explained_in_payout: the change in net that the mismatches of the movements in a payout explain. A wrong fee may have
-- left the net right, so each is tried with and without.
create function payops.explained_in_payout(p_payout_id text) returns numeric[]
language sql stable
set search_path = '' as $$
  select array_agg(e.effect)
  from payops.payout_contents as k
  inner join payops.balance_transactions as b on k.balance_transaction_id = b.id
  inner join payops.mismatches as m
    on m.state <> 'fixed' and m.leg = 'operations' and m.facts ->> 'movement' = b.id
  cross join lateral (
    select case m.class
      when 'amount' then (m.facts ->> 'ours_minor')::numeric - b.amount_minor
      when 'fee' then b.amount_minor::numeric - b.fee_minor - b.net_minor
      when 'currency' then b.net_minor
      when 'duplicate' then -b.net_minor::numeric
    end as effect
  ) as e
  where k.payout_id = p_payout_id and e.effect is not null
$$;

-- odd_fees: the payments in a payout whose fee differs by this amount from the fee that most payments of the same
-- amount, currency and kind of card paid within 90 days.
create function payops.odd_fees(p_payout_id text, p_too_much numeric)
returns table (movement_id text, usual_fee_minor bigint)
language sql stable
set search_path = '' as $$
  select b.id, u.fee_minor
  from payops.payout_contents as k
  inner join payops.balance_transactions as b on k.balance_transaction_id = b.id
  inner join payops.charges as c on b.source_id = c.id
  cross join lateral (
    select o.fee_minor, count(*) as n
    from payops.charges as other
    inner join payops.balance_transactions as o on other.balance_transaction_id = o.id
    where other.created between c.created - interval '45 days' and c.created + interval '45 days'
      and other.amount_minor = c.amount_minor and other.currency = c.currency and other.id <> c.id
      and other.method_type is not distinct from c.method_type
      and other.card_country is not distinct from c.card_country
      and o.reporting_category = 'charge' and o.currency = b.currency
    group by o.fee_minor
    order by n desc, o.fee_minor
    limit 1
  ) as u
  where k.payout_id = p_payout_id and b.reporting_category = 'charge' and b.fee_minor::numeric - u.fee_minor = p_too_much
    and u.n > 1
$$;

-- unpaid_movements: movements that no payout lists, that add up to this net and became available on the days of the
-- payout's others: what its list may be missing.
create function payops.unpaid_movements(p_payout payops.payouts, p_net numeric) returns setof text
language sql stable
set search_path = '' as $$
  select b.id
  from payops.balance_transactions as b
  where b.created between p_payout.created - interval '30 days' and p_payout.created and b.net_minor = p_net
    and b.currency = p_payout.currency and b.reporting_category <> 'payout'
    and b.available_on <= (p_payout.created at time zone 'UTC')::date
    and (
      select b.available_on between min(o.available_on) and max(o.available_on)
      from payops.payout_contents as c
      inner join payops.balance_transactions as o on c.balance_transaction_id = o.id
      where c.payout_id = p_payout.id and o.reporting_category <> 'payout'
    ) is not false
    and not exists (select from payops.payout_contents as k where k.balance_transaction_id = b.id)
$$;

-- find_remainder: reports a payout whose remainder is not explained by mismatches of its movements as a finding: about
-- the payment whose fee is unusual by just that amount, about the movement missing from its list, or else about the
-- payout itself.
create function payops.find_remainder(p_payout payops.payouts, p_day date, p_moved numeric, p_remainder numeric) returns void
language plpgsql
set search_path = '' as $$
declare
  explained numeric[] := payops.explained_in_payout(p_payout.id);
  found_ids text[];
  usual bigint;
  facts jsonb := jsonb_build_object(
    'line', 'payout', 'object', p_payout.id, 'ours_minor', p_payout.amount_minor, 'ours_currency', p_payout.currency,
    'theirs_minor', p_payout.amount_minor - p_remainder, 'theirs_currency', p_payout.currency, 'ours_day', p_day
  );
begin
  if payops.is_sum_of_some(p_remainder, explained)
    or payops.is_sum_of_some(p_remainder - p_payout.amount_minor - p_moved, explained)
  then
    return;
  end if;
  select array_agg(o.movement_id), min(o.usual_fee_minor) into found_ids, usual
  from payops.odd_fees(p_payout.id, p_remainder) as o;
  if cardinality(found_ids) = 1 then
    perform payops.note_finding(
      'fee', 'payouts', p_day, p_payout.currency, b.id, 'balance_transaction', b.amount_minor, p_remainder,
      facts || jsonb_build_object('movement', b.id, 'fee_minor', b.fee_minor, 'usual_fee_minor', usual),
      p_payout => p_payout.id
    )
    from payops.balance_transactions as b
    where b.id = found_ids[1];
    return;
  end if;
  found_ids := array(select payops.unpaid_movements(p_payout, p_remainder));
  perform payops.note_finding(
    case when cardinality(found_ids) = 1 then 'missing_here' else 'amount' end, 'payouts', p_day, p_payout.currency,
    case when cardinality(found_ids) = 1 then found_ids[1] else p_payout.id end,
    case when cardinality(found_ids) = 1 then 'payout_content' else 'payout' end,
    p_payout.amount_minor, p_remainder,
    facts || jsonb_strip_nulls(jsonb_build_object('movement', found_ids[1], 'remainder_minor', p_remainder)),
    p_payout => p_payout.id
  );
end
$$;

-- find_payout_mismatches: reports payouts of these days as findings that Stripe's balance shows differently, that
-- contain nothing, that contain movements missing from the mirror, or that have a remainder.
create function payops.find_payout_mismatches(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  paid record;
  fault text;
begin
  for paid in
    select
      p as payout, r.day, r.contents_state, r.remainder_minor, m.id as movement_id, m.amount_minor::numeric as moved_minor,
      m.currency as moved_currency, m.source_id
    from payops.reconciled_payouts as r
    inner join payops.payouts as p on r.payout_id = p.id
    left join lateral (
      select b.id from payops.balance_transactions as b
      where p.balance_transaction_id is null and b.source_id = p.id and b.reporting_category = 'payout'
      limit 1
    ) as unnamed on true
    left join payops.balance_transactions as m on m.id = coalesce(p.balance_transaction_id, unnamed.id)
    where r.day between p_since and p_until and (
      m.id is null or m.amount_minor::numeric <> -p.amount_minor::numeric or m.currency <> p.currency or m.source_id is distinct from p.id
      or r.contents_state = 'missing' or r.remainder_minor <> 0
    )
  loop
    fault := case
      when paid.movement_id is null and (paid.payout).balance_transaction_id is not null then 'missing_here'
      when paid.movement_id is null and (paid.payout).created > p_now - payops.booking_grace() then null
      when paid.movement_id is null then 'missing_at_stripe'
      when paid.source_id <> (paid.payout).id then 'duplicate'
      when paid.moved_currency <> (paid.payout).currency then 'currency'
      when paid.moved_minor <> -(paid.payout).amount_minor::numeric then 'amount'
    end;
    if fault is not null then
      perform payops.note_finding(
        fault, 'payouts', paid.day, (paid.payout).currency,
        case when fault = 'missing_here' then (paid.payout).balance_transaction_id else (paid.payout).id end,
        case when fault = 'missing_here' then 'balance_transaction' else 'payout' end, (paid.payout).amount_minor,
        case fault
          when 'amount' then (paid.payout).amount_minor::numeric + paid.moved_minor
          else (paid.payout).amount_minor
        end,
        jsonb_strip_nulls(jsonb_build_object(
          'line', 'payout', 'object', (paid.payout).id, 'movement', paid.movement_id,
          'ours_minor', (paid.payout).amount_minor, 'ours_currency', (paid.payout).currency, 'ours_day', paid.day,
          'theirs_minor', -paid.moved_minor::numeric, 'theirs_currency', paid.moved_currency
        )),
        p_payout => (paid.payout).id
      );
    end if;
    if paid.contents_state = 'missing' and fault is distinct from 'duplicate' then
      perform payops.note_finding(
        'payout_without_transactions', 'payouts', paid.day, (paid.payout).currency, (paid.payout).id, 'payout',
        (paid.payout).amount_minor, (paid.payout).amount_minor,
        jsonb_build_object('line', 'payout', 'object', (paid.payout).id, 'ours_minor', (paid.payout).amount_minor,
          'ours_currency', (paid.payout).currency, 'ours_day', paid.day),
        p_payout => (paid.payout).id
      );
    elsif paid.remainder_minor <> 0 and fault is distinct from 'currency' and fault is distinct from 'duplicate' then
      perform payops.find_payout_remainder(
        paid.payout, paid.day, coalesce(paid.moved_minor, -(paid.payout).amount_minor::numeric), paid.remainder_minor
      );
    end if;
  end loop;
end
$$;

-- find_payout_remainder: reports a remainder as a finding. If movements of the payout are missing from the mirror, each
-- of these is a finding instead, and the remainder is their total.
create function payops.find_payout_remainder(p_payout payops.payouts, p_day date, p_moved numeric, p_remainder numeric) returns void
language plpgsql
set search_path = '' as $$
declare
  unlisted text[] := array(
    select k.balance_transaction_id
    from payops.payout_contents as k
    where k.payout_id = p_payout.id and k.balance_transaction_id <> p_payout.id
      and k.balance_transaction_id is distinct from p_payout.balance_transaction_id
      and not exists (select from payops.balance_transactions as b where b.id = k.balance_transaction_id)
  );
begin
  if cardinality(unlisted) = 0 then
    perform payops.find_remainder(p_payout, p_day, p_moved, p_remainder);
    return;
  end if;
  perform payops.note_finding(
    'missing_here', 'payouts', p_day, p_payout.currency, u.id, 'balance_transaction', p_remainder, p_remainder,
    jsonb_build_object('line', 'payout', 'movement', u.id, 'theirs_minor', p_remainder, 'theirs_currency', p_payout.currency),
    p_payout => p_payout.id
  )
  from unnest(unlisted) as u (id)
  where not exists ( -- an operation of ours is already reported as missing this movement
    select from payops.mismatches as m
    where m.state <> 'fixed' and m.class = 'missing_here' and m.leg = 'operations'
      and (m.subject = u.id or m.facts ->> 'movement' = u.id)
  );
end
$$;

-- find_reversal_mismatches: checks that each payout that failed or was canceled came back to the balance whole, and no
-- other did. While Stripe may still book it or send its event, nothing is reported.
create function payops.find_reversal_mismatches(p_since date, p_until date, p_now timestamptz) returns void
language sql
set search_path = '' as $$
  select payops.note_finding(
    j.fault, 'payouts', j.day, j.currency, j.payout_id, 'payout', j.amount_minor,
    case j.fault when 'deposit_returned' then j.back_minor else j.amount_minor::numeric - coalesce(j.back_minor, 0) end,
    jsonb_strip_nulls(jsonb_build_object(
      'line', 'payout_reversal', 'object', j.payout_id, 'movement', j.movement_id, 'ours_minor', j.amount_minor,
      'ours_currency', j.currency, 'ours_day', j.day, 'theirs_minor', j.back_minor, 'theirs_currency', j.currency
    )),
    p_payout => j.payout_id
  )
  from (
    select
      r.payout_id, r.day, r.currency, r.amount_minor, b.back_minor, b.movement_id,
      case
        when p.status in ('failed', 'canceled') and m.id is not null and b.back_minor is null
          and p.as_of <= p_now - payops.booking_grace() then 'missing_at_stripe'
        when p.status in ('failed', 'canceled') and b.back_minor <> r.amount_minor then 'amount'
        when p.status not in ('failed', 'canceled') and b.latest <= p_now - payops.booking_grace() then 'deposit_returned'
      end as fault
    from payops.reconciled_payouts as r
    inner join payops.payouts as p on r.payout_id = p.id
    left join payops.balance_transactions as m on p.balance_transaction_id = m.id
    cross join lateral (
      select sum(t.amount_minor) as back_minor, max(t.id) as movement_id, max(t.created) as latest
      from payops.balance_transactions as t
      where t.source_id = p.id and t.reporting_category = 'payout_reversal'
        and t.id is distinct from p.balance_transaction_id
    ) as b
    where r.day between p_since and p_until and (p.status in ('failed', 'canceled') or b.back_minor is not null)
  ) as j
  where j.fault is not null
$$;

-- reconcile_payouts: compares the payouts of these business days with Stripe's balance again.
create function payops.reconcile_payouts(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  perform payops.reconcile_contents(p_since, p_until, p_now);
  perform payops.find_payout_mismatches(p_since, p_until, p_now);
  perform payops.find_reversal_mismatches(p_since, p_until, p_now);
end
$$;
