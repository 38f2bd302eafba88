-- Our operations against Stripe's balance: what a payment, refund or dispute should have moved, and what moved.

-- day_starts: the moment at which a business day begins.
create function payops.day_starts(p_day date) returns timestamptz
language sql stable parallel safe
set search_path = '' as $$
  select p_day::timestamp at time zone b.timezone from payops.business as b
$$;

-- booking_grace: how long Stripe may take to book an operation before its movement counts as missing.
create function payops.booking_grace() returns interval
language sql immutable
set search_path = '' as $$ select interval '2 hours' $$;

-- suspect_pairs: of the payments and refunds made, and the movements booked, on these business days: the pairs that
-- differ in any column, and those with one half missing. All other pairs are right.
create function payops.suspect_pairs(p_since date, p_until date)
returns table (object_id text, movement_id text)
language plpgsql stable
set search_path = '' set plan_cache_mode = force_custom_plan set work_mem = '64MB' as $$
declare
  zone text := (select b.timezone from payops.business as b);
  starts timestamptz := payops.day_starts(p_since);
  ends timestamptz := payops.day_starts(p_until + 1);
begin
  return query
  select o.id, t.id
  from (
    select c.id, c.balance_transaction_id as booked_as, c.amount_minor, c.currency, c.created, 'charge' as kind
    from payops.charges as c
    where c.created >= starts and c.created < ends
      and (c.balance_transaction_id is not null or c.status = 'succeeded' and c.captured)
    union all
    select r.id, r.balance_transaction_id, -greatest(r.amount_minor, -9223372036854775807), r.currency, r.created, 'refund'
    from payops.refunds as r
    where r.created >= starts and r.created < ends
      and (r.balance_transaction_id is not null or r.status = 'succeeded')
  ) as o
  full join (
    select b.id, b.source_id, b.amount_minor, b.currency, b.created, b.reporting_category as kind
    from payops.balance_transactions as b
    where b.created >= starts and b.created < ends and b.reporting_category in ('charge', 'refund')
  ) as t on o.booked_as = t.id
  where o.id is null or t.id is null
    or o.amount_minor <> t.amount_minor or o.currency <> t.currency or o.kind <> t.kind
    or t.source_id is distinct from o.id
    or o.created <> t.created and (o.created at time zone zone)::date <> (t.created at time zone zone)::date;
end
$$;

-- operation: a payment or a refund in our ledger; `happened_at` is when it was captured or made.
create function payops.operation(p_id text)
returns table (
  id text, kind text, amount_minor numeric, currency text, created timestamptz, happened_at timestamptz,
  booked_as text, payment_intent_id text
)
language sql stable
set search_path = '' as $$
  select
    c.id, 'charge', c.amount_minor, c.currency, c.created, greatest(c.created, k.created), c.balance_transaction_id,
    c.payment_intent_id
  from payops.charges as c
  left join payops.charge_captures as k on c.id = k.id
  where c.id = p_id
  union all
  select r.id, 'refund', -r.amount_minor::numeric, r.currency, r.created, r.created, r.balance_transaction_id,
    r.payment_intent_id
  from payops.refunds as r
  where r.id = p_id
$$;

-- converts: whether this amount at this exchange rate equals that amount in another currency. The rate may be one of
-- major units.
create function payops.converts(p_amount numeric, p_rate numeric, p_settled numeric) returns boolean
language sql immutable
set search_path = '' as $$
  select coalesce(bool_or(
    abs(p_amount * p_rate * power(10::numeric, n) - p_settled) <= 1 + abs(p_settled) * 0.0005
  ), false)
  from generate_series(-3, 3) as n
$$;

-- pairs: the suspects with both halves; a half that falls on another day is looked up. `fault` is null if the halves
-- agree and only their days or currencies differ.
create function payops.pairs(p_since date, p_until date, p_now timestamptz)
returns table (
  fault text, checked_day date, line text, subject text, subject_kind text, payment_intent_id text,
  ours_minor numeric, ours_currency text, ours_day date, theirs_minor numeric, theirs_currency text, theirs_day date,
  object_id text, movement_id text
)
language sql stable
set search_path = '' as $$
  with found as (
    select
      s.object_id is null as from_stripe, coalesce(s.movement_id, b.id) as movement_id, o.*, s.object_id as suspect_id,
      case when s.movement_id is null then b.id end as booked_elsewhere
    from payops.suspect_pairs(p_since, p_until) as s
    left join payops.balance_transactions as t on s.movement_id = t.id
    left join lateral payops.operation(coalesce(s.object_id, t.source_id)) as o on true
    left join lateral (
      select m.id from payops.balance_transactions as m
      where s.movement_id is null and (
        m.id = o.booked_as
        or o.booked_as is null and m.source_id = o.id and m.reporting_category = o.kind
      )
      limit 1
    ) as b on true
  ),
  judged as (
    select
      f.*, b.amount_minor as moved_minor, b.currency as moved_currency, b.created as moved_at,
      b.source_id, b.reporting_category, b.exchange_rate as rate,
      b.exchange_rate_asked is false as rate_never_asked
    from found as f
    left join payops.balance_transactions as b on f.movement_id = b.id
    where f.booked_elsewhere is null -- that pair is checked on the day of its movement
  )
  select
    case
      when j.movement_id is null and j.booked_as is not null then 'missing_here'
      when j.movement_id is null and j.happened_at > p_now - payops.booking_grace() then 'pending'
      when j.movement_id is null then 'missing_at_stripe'
      when j.id is null and j.source_id is null then 'unknown_operation'
      when j.id is null and j.moved_at > p_now - payops.booking_grace() then 'pending' -- its event is on its way
      when j.id is null then 'missing_here'
      when j.from_stripe and j.booked_as <> j.movement_id then 'duplicate'
      when not j.from_stripe and j.source_id <> j.id then 'duplicate'
      when j.kind <> j.reporting_category then 'unknown_operation'
      when j.currency <> j.moved_currency and j.rate is null and j.rate_never_asked then null -- `rates_unknown` says so
      when j.currency <> j.moved_currency and j.rate is null then 'currency'
      when j.currency <> j.moved_currency and not payops.converts(j.amount_minor, j.rate, j.moved_minor) then 'amount'
      when j.currency = j.moved_currency and j.amount_minor <> j.moved_minor then 'amount'
    end,
    payops.business_day(coalesce(j.moved_at, j.created)), coalesce(j.kind, j.reporting_category),
    case
      when j.movement_id is null then coalesce(j.booked_as, j.id)
      when j.id is null then coalesce(j.source_id, j.movement_id)
      when not j.from_stripe and j.source_id <> j.id then j.id
      else j.movement_id
    end,
    case
      when j.movement_id is null and j.booked_as is not null then 'balance_transaction'
      when j.movement_id is null then j.kind
      when j.id is null and j.source_id is not null then j.reporting_category
      when not j.from_stripe and j.source_id <> j.id then j.kind
      else 'balance_transaction'
    end,
    j.payment_intent_id,
    j.amount_minor::numeric, j.currency, payops.business_day(j.happened_at),
    j.moved_minor::numeric, j.moved_currency, payops.business_day(j.moved_at), j.id, j.movement_id
  from judged as j
$$;

-- note_finding: records that the run found this mismatch; found twice, it counts once.
create function payops.note_finding(
  p_class text, p_leg text, p_day date, p_currency text, p_subject text, p_subject_kind text, p_amount numeric,
  p_difference numeric, p_facts jsonb, p_payment text default null, p_payout text default null,
  p_net_effect numeric default null
) returns void
language sql
set search_path = '' as $$
  insert into payops.mismatch_findings
    (key, class, leg, day, currency, subject, subject_kind, payment_intent_id, payout_id, amount_minor,
     difference_minor, net_effect_minor, facts)
  values
    (p_class || ':' || p_subject, p_class, p_leg, p_day, p_currency, p_subject, p_subject_kind, p_payment, p_payout,
     p_amount, p_difference, p_net_effect, p_facts)
$$;

-- find_pair_mismatches: records the wrong pairs of these days as findings, and the difference each makes to our ledger,
-- also for a correct pair that was only booked on another day or in another currency.
create function payops.find_pair_mismatches(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  pair record;
begin
  for pair in
    select * from payops.pairs(p_since, p_until, p_now) as p
    where p.fault is not null or p.ours_day <> p.theirs_day or p.ours_currency <> p.theirs_currency
  loop
    -- Our amount counts on our day, Stripe's on the day of its movement: the two together are the difference.
    insert into payops.ledger_differences (checked_day, day, currency, line, kind, amount_minor, subject)
    select
      pair.checked_day, e.day, e.currency, pair.line,
      case
        when pair.fault = 'pending' then 'pending'
        when pair.fault is not null then 'mismatch'
        when pair.ours_currency <> pair.theirs_currency then 'conversion'
        else 'timing'
      end,
      e.amount, pair.subject
    from (values
      (
        pair.ours_day, pair.ours_currency,
        case when pair.fault = 'duplicate' and pair.subject = pair.movement_id then 0 else pair.ours_minor end
      ),
      (
        pair.theirs_day, pair.theirs_currency,
        case when pair.fault = 'duplicate' and pair.subject = pair.object_id then 0 else -pair.theirs_minor end
      )
    ) as e (day, currency, amount)
    where e.amount <> 0;
    continue when pair.fault is null or pair.fault = 'pending';
    perform payops.note_finding(
      pair.fault, 'operations', pair.checked_day, coalesce(pair.ours_currency, pair.theirs_currency), pair.subject,
      pair.subject_kind, coalesce(pair.ours_minor, pair.theirs_minor),
      case pair.fault
        when 'duplicate' then case when pair.subject = pair.movement_id then -pair.theirs_minor else pair.ours_minor end
        when 'currency' then pair.ours_minor
        else coalesce(pair.ours_minor, 0) - coalesce(pair.theirs_minor, 0)
      end,
      jsonb_strip_nulls(jsonb_build_object(
        'line', pair.line, 'object', pair.object_id, 'movement', pair.movement_id,
        'ours_minor', pair.ours_minor, 'ours_currency', pair.ours_currency, 'ours_day', pair.ours_day,
        'theirs_minor', pair.theirs_minor, 'theirs_currency', pair.theirs_currency, 'theirs_day', pair.theirs_day
      )),
      pair.payment_intent_id
    );
  end loop;
end
$$;

-- later_movements: the movements that should follow a payment, refund or dispute: the part that was not captured, a
-- failed debit or refund, a dispute with what was won back. For objects created in this period; for disputes from a
-- separate start, since they are won long after they were opened.
create function payops.later_movements(p_from timestamptz, p_before timestamptz, p_disputes_from timestamptz)
returns table (
  object_id text, kind text, line text, created timestamptz, at timestamptz, currency text, entries_minor numeric[],
  entries_at timestamptz[], categories text[], payment_intent_id text
)
language sql stable
set search_path = '' as $$
  select
    c.id, 'charge', 'charge', c.created, greatest(c.created, k.created), c.currency,
    array[case when c.status = 'failed' then 0 else c.amount_captured_minor end - c.amount_minor::numeric],
    array[c.created], case when c.status = 'failed' then '{charge_failure}' else '{partial_capture_reversal}' end::text[],
    c.payment_intent_id
  from payops.charges as c
  left join payops.charge_captures as k on c.id = k.id
  where c.created >= p_from and c.created < p_before and c.balance_transaction_id is not null
    and (c.status = 'failed' or c.captured and c.amount_captured_minor < c.amount_minor)
    and (c.status = 'failed' or not exists (
      select from payops.balance_transactions as b -- booked with its captured amount: nothing is returned
      where b.id = c.balance_transaction_id and b.amount_minor = c.amount_captured_minor
    ))
  union all
  select
    r.id, 'refund', 'refund', r.created, r.as_of, r.currency, array[r.amount_minor]::numeric[], array[r.created],
    '{refund_failure}', r.payment_intent_id
  from payops.refunds as r
  where r.created >= p_from and r.created < p_before and r.balance_transaction_id is not null
    and r.status in ('failed', 'canceled')
  union all
  select
    d.id, 'dispute', 'dispute', d.created, d.as_of, d.currency,
    case
      when d.status = 'won' then array[-d.amount_minor::numeric, d.amount_minor] else array[-d.amount_minor::numeric]
    end,
    case
      when d.status = 'won' then array[d.created, coalesce(k.created, w.created, d.as_of)] else array[d.created]
    end,
    '{dispute,dispute_reversal}', d.payment_intent_id
  from payops.disputes as d
  left join payops.dispute_closings as k on d.id = k.id
  left join lateral (
    select max(b.created) as created from payops.balance_transactions as b
    where b.source_id = d.id and b.reporting_category = 'dispute_reversal' and k.id is null
  ) as w on true
  where d.created >= p_disputes_from and d.created < p_before and d.status not like 'warning\_%' and d.status <> 'prevented'
$$;

-- unlisted_movements: movements that payouts of the ten days after this moment contain and the mirror does not have,
-- and that no payment or refund of ours claims.
create function payops.unlisted_movements(p_at timestamptz, p_currency text) returns setof text
language sql stable
set search_path = '' as $$
  select k.balance_transaction_id
  from payops.payouts as p
  inner join payops.payout_contents as k on p.id = k.payout_id
  where p.created between p_at and p_at + interval '10 days' and p.currency = p_currency
    and k.balance_transaction_id <> p.id
    and k.balance_transaction_id is distinct from p.balance_transaction_id
    and not exists (select from payops.balance_transactions as b where b.id = k.balance_transaction_id)
    and not exists (select from payops.charges as c where c.balance_transaction_id = k.balance_transaction_id)
    and not exists (select from payops.refunds as r where r.balance_transaction_id = k.balance_transaction_id)
$$;

-- find_later_mismatches: reports objects of these days whose later movements do not add up to what they should as
-- findings.
create function payops.find_later_mismatches(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  late record;
  fault text;
  unlisted text[];
  expected numeric;
begin
  for late in
    select l.*, payops.business_day(l.created) as checked_day, m.*
    from payops.later_movements(
      payops.day_starts(p_since), payops.day_starts(p_until + 1), payops.day_starts(p_since)
    ) as l
    cross join lateral (
      select
        coalesce(sum(b.amount_minor), 0) as moved_minor, count(b.id) as moved,
        array_agg(b.id order by b.created, b.id) as ids, array_agg(b.amount_minor::numeric order by b.created, b.id) as moved_amounts,
        array_agg(payops.business_day(b.created) order by b.created, b.id) as moved_days,
        array_agg(b.currency order by b.created, b.id) as moved_currencies,
        bool_or(b.currency <> l.currency) as foreign_currency,
        bool_and(b.exchange_rate is not null or b.exchange_rate_asked is false) as with_rate
      from payops.balance_transactions as b
      where b.source_id = l.object_id and b.reporting_category = any(l.categories)
    ) as m
  loop
    expected := (select sum(e) from unnest(late.entries_minor) as e);
    fault := case
      when late.foreign_currency and late.with_rate and late.moved = cardinality(late.entries_minor) then null
      when late.foreign_currency then 'currency'
      when late.moved_minor = expected and late.moved >= cardinality(late.entries_minor) then null
      when late.moved < cardinality(late.entries_minor) and late.at > p_now - payops.booking_grace() then 'pending'
      when late.moved < cardinality(late.entries_minor) then 'missing_at_stripe'
      when late.moved > cardinality(late.entries_minor)
        and late.moved_minor - expected = any(late.moved_amounts) then 'duplicate'
      else 'amount'
    end;
    insert into payops.ledger_differences (checked_day, day, currency, line, kind, amount_minor, subject)
    select
      late.checked_day, e.day, e.currency, late.line,
      case
        when fault = 'pending' then 'pending'
        when fault is not null then 'mismatch'
        when late.foreign_currency then 'conversion'
        else 'timing'
      end,
      sum(e.amount), late.object_id
    from (
      select payops.business_day(o.at) as day, late.currency as currency, o.minor as amount
      from unnest(late.entries_at, late.entries_minor) as o (at, minor)
      union all
      select t.day, t.currency, -t.minor
      from unnest(late.moved_days, late.moved_currencies, late.moved_amounts) as t (day, currency, minor)
    ) as e
    group by e.day, e.currency
    having sum(e.amount) <> 0;
    continue when fault is null or fault = 'pending';
    unlisted := null;
    if fault = 'missing_at_stripe' then
      unlisted := array(select payops.unlisted_movements(late.entries_at[1], late.currency));
      if cardinality(unlisted) > 0 then
        fault := 'missing_here';
      end if;
    end if;
    perform payops.note_finding(
      fault, 'operations', late.checked_day, late.currency,
      case
        when cardinality(unlisted) = 1 then unlisted[1]
        when fault = 'duplicate' then late.ids[cardinality(late.ids)]
        else late.object_id
      end,
      case when cardinality(unlisted) = 1 or fault = 'duplicate' then 'balance_transaction' else late.kind end,
      late.entries_minor[cardinality(late.entries_minor)],
      case when fault = 'currency' then expected else expected - late.moved_minor end,
      jsonb_strip_nulls(jsonb_build_object(
        'line', late.line, 'object', late.object_id, 'ours_minor', expected, 'ours_currency', late.currency,
        'ours_day', late.checked_day, 'theirs_minor', case when late.moved > 0 then late.moved_minor end,
        'theirs_currency', late.moved_currencies[1], 'movements', to_jsonb(late.ids),
        'movement', case when cardinality(unlisted) = 1 then unlisted[1] else late.ids[cardinality(late.ids)] end
      )),
      late.payment_intent_id
    );
  end loop;
end
$$;

-- net_is_wrong: whether a movement's amount less its fee differs from its net.
create function payops.net_is_wrong(p_amount bigint, p_fee bigint, p_net bigint) returns boolean
language sql immutable
set search_path = '' as $$ select p_amount::numeric - p_fee <> p_net $$;

-- movement_faults: movements of these business days that do not add up to their net, are of a category without a
-- figure, or whose object is missing or different in our ledger. A movement of which only the amount is wrong has the
-- right net.
create function payops.movement_faults(p_since date, p_until date, p_now timestamptz) returns table (movement_id text, fault text)
language plpgsql stable
set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  starts timestamptz := payops.day_starts(p_since);
  ends timestamptz := payops.day_starts(p_until + 1);
  unplaced text[] := array(
    select distinct b.reporting_category from payops.daily_balances as b
    where b.day between p_since and p_until and payops.counted_as(b.reporting_category) is null
  );
begin
  return query
  select b.id, f.fault
  from ( -- the condition is that of the index `balance_transactions_unusual`, word for word
    select m.id, m.source_id, m.reporting_category, m.created, payops.net_is_wrong(m.amount_minor, m.fee_minor, m.net_minor) as off
    from payops.balance_transactions as m
    where m.created >= starts and m.created < ends and (
      m.reporting_category not in ('charge', 'refund', 'fee')
      or m.amount_minor not between -1000000000000000 and 1000000000000000
      or m.fee_minor not between -1000000000000000 and 1000000000000000
      or case
        when m.amount_minor between -1000000000000000 and 1000000000000000
          and m.fee_minor between -1000000000000000 and 1000000000000000
        then m.net_minor <> m.amount_minor - m.fee_minor
      end
    )
    offset 0
  ) as b
  cross join lateral (
    select case
      when b.reporting_category in ('charge_failure', 'partial_capture_reversal') then (
        select case when c.status = 'failed' or c.captured and c.amount_captured_minor < c.amount_minor then 'known' end
        from payops.charges as c where c.id = b.source_id
      )
      when b.reporting_category = 'refund_failure' then (
        select case when r.status in ('failed', 'canceled') then 'known' end
        from payops.refunds as r where r.id = b.source_id
      )
      when b.reporting_category in ('dispute', 'dispute_reversal') then (
        select case when d.status not like 'warning\_%' and d.status <> 'prevented' then 'known' end
        from payops.disputes as d where d.id = b.source_id
      )
      when b.reporting_category = 'payout' then (
        select case when coalesce(p.balance_transaction_id, b.id) = b.id then 'known' else 'doubled' end
        from payops.payouts as p where p.id = b.source_id
      )
      when b.reporting_category = 'payout_reversal' then (
        select 'known' from payops.payouts as p where p.id = b.source_id
      )
      else 'known'
    end as object_state
    offset 0
  ) as o
  cross join lateral (
    values
    ('fee', b.off),
    ('unknown_operation', b.reporting_category = any(unplaced)),
    ('pending', o.object_state is null and b.created > p_now - payops.booking_grace()),
    ('missing_here', o.object_state is null and b.created <= p_now - payops.booking_grace()),
    ('duplicate', o.object_state = 'doubled')
  ) as f (fault, is_so)
  where f.is_so;
end
$$;

-- find_movement_mismatches: reports the faults of these days' movements as findings.
create function payops.find_movement_mismatches(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  moved record;
begin
  for moved in
    select
      b.*, f.fault, payops.business_day(b.created) as day, payops.counted_as(b.reporting_category) as line
    from payops.movement_faults(p_since, p_until, p_now) as f
    inner join payops.balance_transactions as b on f.movement_id = b.id
    where f.fault <> 'fee' or not exists (
      select from payops.mismatch_findings as m
      where m.class = 'amount' and m.facts ->> 'movement' = b.id
        and (m.facts ->> 'ours_minor')::numeric - b.fee_minor = b.net_minor
    )
  loop
    if moved.fault in ('missing_here', 'pending') and moved.line in ('charge', 'refund', 'dispute') then
      insert into payops.ledger_differences (checked_day, day, currency, line, kind, amount_minor, subject)
      values (
        moved.day, moved.day, moved.currency, moved.line,
        case moved.fault when 'pending' then 'pending' else 'mismatch' end, -moved.amount_minor::numeric, moved.id
      );
    end if;
    continue when moved.fault = 'pending';
    perform payops.note_finding(
      moved.fault, 'operations', moved.day, moved.currency,
      case when moved.fault = 'missing_here' then coalesce(moved.source_id, moved.id) else moved.id end,
      case
        when moved.fault <> 'missing_here' or moved.source_id is null then 'balance_transaction'
        when moved.line = 'transfer' then 'payout'
        else moved.line
      end,
      moved.amount_minor,
      case
        when moved.fault = 'fee' then moved.amount_minor::numeric - moved.fee_minor - moved.net_minor
        else -moved.amount_minor::numeric
      end,
      jsonb_strip_nulls(jsonb_build_object(
        'line', moved.reporting_category, 'object', moved.source_id, 'movement', moved.id,
        'theirs_minor', moved.amount_minor, 'theirs_currency', moved.currency, 'theirs_day', moved.day,
        'fee_minor', moved.fee_minor, 'net_minor', moved.net_minor
      ))
    );
  end loop;
end
$$;

-- find_action_mismatches: reports refunds and payments that we requested at Stripe on these days as findings if their
-- outcome is unknown, or if the mirror does not have them as requested.
create function payops.find_action_mismatches(p_since date, p_until date, p_now timestamptz) returns void
language sql
set search_path = '' as $$
  select payops.note_finding(
    case
      when a.state = 'unknown' then 'unknown_operation'
      when r.id is null then 'missing_at_stripe'
      when r.currency <> a.currency then 'currency'
      else 'amount'
    end,
    'operations', payops.business_day(a.requested_at), a.currency, a.id, 'action', a.amount_minor,
    case when a.kind = 'refund' then -1 else 1 end * (a.amount_minor::numeric - coalesce(r.amount_minor, 0)),
    jsonb_strip_nulls(jsonb_build_object(
      'line', a.kind, 'object', a.result_id, 'ours_minor', a.amount_minor, 'ours_currency', a.currency,
      'ours_day', payops.business_day(a.requested_at), 'theirs_minor', r.amount_minor, 'theirs_currency', r.currency
    )),
    a.payment_intent_id
  )
  from payops.money_actions as a
  left join payops.refunds as r on a.result_id = r.id
  where a.requested_at >= (select payops.day_starts(p_since))
    and a.requested_at < (select payops.day_starts(p_until + 1))
    and a.amount_minor is not null and a.currency is not null
    and a.requested_at < p_now - payops.booking_grace()
    and (
      a.state = 'unknown'
      or a.state = 'done' and a.kind = 'refund' and a.result_id is not null
      and (r.id is null or r.amount_minor <> a.amount_minor or r.currency <> a.currency)
    )
$$;

-- sum_ledger: sums our ledger of these days again.
create function payops.sum_ledger(p_since date, p_until date) returns void
language sql
set search_path = '' as $$
  delete from payops.daily_ledger where day between p_since and p_until;
  insert into payops.daily_ledger (day, currency, line, entries, amount_minor)
  select s.day, s.currency, s.line, sum(s.entries), sum(s.amount_minor)
  from payops.ledger_sums(p_since, p_until) as s
  group by s.day, s.currency, s.line
$$;

-- ledger_sums: the amounts of payments, refunds and disputes in our own ledger, by the business day on which they
-- happened.
create function payops.ledger_sums(p_since date, p_until date)
returns table (day date, currency text, line text, entries bigint, amount_minor numeric)
language plpgsql stable
set search_path = '' set plan_cache_mode = force_custom_plan as $$
declare
  zone text := (select b.timezone from payops.business as b);
  starts timestamptz := payops.day_starts(p_since);
  ends timestamptz := payops.day_starts(p_until + 1);
begin
  return query
  select m.day, m.currency, 'charge', count(*), sum(m.amount_minor)
  from (
    select (c.created at time zone zone)::date as day, c.currency, c.amount_minor
    from payops.charges as c
    where c.created >= starts and c.created < ends
      and (c.balance_transaction_id is not null or c.status = 'succeeded' and c.captured)
    offset 0 -- makes the planner expect few days, and sum them in parallel
  ) as m
  group by 1, 2;
  return query -- payments captured after their creation: from the day of creation to the day of capture
  select m.day, m.currency, 'charge', sum(m.n)::bigint, sum(m.n * m.amount_minor)
  from (
    select (n.at at time zone zone)::date as day, c.currency, n.n, c.amount_minor
    from payops.charge_captures as k
    inner join payops.charges as c on k.id = c.id
    cross join lateral (values (c.created, -1), (k.created, 1)) as n (at, n)
    where n.at >= starts and n.at < ends and k.created > c.created
      and (c.balance_transaction_id is not null or c.status = 'succeeded' and c.captured)
  ) as m
  group by 1, 2;
  return query
  select (r.created at time zone zone)::date, r.currency, 'refund', count(*), -sum(r.amount_minor)
  from payops.refunds as r
  where r.created >= starts and r.created < ends
    and (r.balance_transaction_id is not null or r.status = 'succeeded')
  group by 1, 2;
  return query
  select (e.at at time zone zone)::date, l.currency, l.line, count(*), sum(e.minor)
  from payops.later_movements(starts, ends, '-infinity') as l
  cross join unnest(l.entries_at, l.entries_minor) as e (at, minor)
  where e.at >= starts and e.at < ends
  group by 1, 2, 3;
end
$$;

-- reconcile_operations: compares the operations and movements of these business days again.
create function payops.reconcile_operations(p_since date, p_until date, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  delete from payops.ledger_differences where checked_day between p_since and p_until;
  perform payops.sum_ledger(p_since, p_until);
  perform payops.find_pair_mismatches(p_since, p_until, p_now);
  perform payops.find_later_mismatches(p_since, p_until, p_now);
  perform payops.find_movement_mismatches(p_since, p_until, p_now);
  perform payops.find_action_mismatches(p_since, p_until, p_now);
end
$$;
