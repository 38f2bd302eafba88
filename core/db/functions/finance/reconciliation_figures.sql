-- The figures of a reconciliation: both sides of each line, the steps from gross to the bank, and what is unexplained.

-- ledger_lines: in one currency, what our ledger and Stripe's balance say of payments, refunds and disputes, why they
-- differ, and the remainder that nothing explains, which should be zero.
create function payops.ledger_lines(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_agg(jsonb_build_object(
    'line', l.line, 'ours_minor', o.minor, 'ours_entries', o.entries, 'stripe_minor', s.minor,
    'stripe_transactions', s.transactions, 'timing_minor', d.timing + d.pending, 'conversion_minor', d.conversion,
    'mismatch_minor', d.mismatch, 'remainder_minor', o.minor - s.minor - d.timing - d.pending - d.conversion - d.mismatch
  ) order by l.place)
  from (values ('charge', 1), ('refund', 2), ('dispute', 3)) as l (line, place)
  cross join lateral (
    select coalesce(sum(g.amount_minor), 0) as minor, coalesce(sum(g.entries), 0) as entries
    from payops.daily_ledger as g
    where g.day between p_since and p_until and g.currency = p_currency and g.line = l.line
  ) as o
  cross join lateral (
    select coalesce(sum(b.amount_minor), 0) as minor, coalesce(sum(b.transactions), 0) as transactions
    from payops.daily_balances as b
    where b.day between p_since and p_until and b.currency = p_currency
      and payops.counted_as(b.reporting_category) = l.line
  ) as s
  cross join lateral (
    select
      coalesce(sum(f.amount_minor) filter (where f.kind = 'timing'), 0) as timing,
      coalesce(sum(f.amount_minor) filter (where f.kind = 'pending'), 0) as pending,
      coalesce(sum(f.amount_minor) filter (where f.kind = 'conversion'), 0) as conversion,
      coalesce(sum(f.amount_minor) filter (where f.kind = 'mismatch'), 0) as mismatch
    from payops.ledger_differences as f
    where f.day between p_since and p_until and f.currency = p_currency and f.line = l.line
  ) as d
$$;

-- balance_categories: what moved Stripe's balance in one currency, by reporting category.
create function payops.balance_categories(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'category', c.reporting_category, 'counted_as', coalesce(payops.counted_as(c.reporting_category), 'other'),
    'transactions', c.n, 'amount_minor', c.amount, 'fee_minor', c.fee, 'net_minor', c.net
  ) order by c.reporting_category), '[]')
  from (
    select
      b.reporting_category, sum(b.transactions) as n, sum(b.amount_minor) as amount, sum(b.fee_minor) as fee,
      sum(b.net_minor) as net
    from payops.daily_balances as b
    where b.day between p_since and p_until and b.currency = p_currency
    group by b.reporting_category
  ) as c
$$;

-- period_figures: the figures of a period in one currency: the lines, Stripe's balance from opening to closing, the
-- payouts with the sum of their remainders, and what the bank booked. A closed month freezes these.
create function payops.period_figures(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'currency', p_currency,
    'lines', payops.ledger_lines(p_since, p_until, p_currency),
    'categories', payops.balance_categories(p_since, p_until, p_currency),
    'opening_minor', b.opening, 'closing_minor', b.closing, 'payouts', p.counted, 'deposits', d.counted
  )
  from (
    select
      coalesce(sum(g.net_minor) filter (where g.day < p_since), 0) as opening, coalesce(sum(g.net_minor), 0) as closing
    from payops.daily_balances as g
    where g.day <= p_until and g.currency = p_currency
  ) as b
  cross join (
    select jsonb_build_object(
      'payouts', count(*), 'amount_minor', coalesce(sum(r.amount_minor), 0),
      'automatic', count(*) filter (where r.kind = 'automatic'),
      'remainder_minor', coalesce(sum(r.remainder_minor), 0)
    ) as counted
    from payops.reconciled_payouts as r
    where r.day between p_since and p_until and r.currency = p_currency and r.status not in ('failed', 'canceled')
  ) as p
  cross join (
    select jsonb_build_object('entries', count(*), 'amount_minor', coalesce(sum(e.amount_minor), 0)) as counted
    from payops.bank_entries as e
    where e.booked_on between p_since and p_until and e.currency = p_currency and e.status = 'booked'
  ) as d
$$;

-- currencies_of: the currencies with movements in the period, by our ledger, Stripe's balance or the bank.
create function payops.currencies_of(p_since date, p_until date) returns setof text
language sql stable
set search_path = '' as $$
  select b.currency from payops.daily_balances as b where b.day between p_since and p_until
  union
  select g.currency from payops.daily_ledger as g where g.day between p_since and p_until
  union
  select r.currency from payops.reconciled_payouts as r where r.day between p_since and p_until
  union
  select m.currency from payops.mismatches as m where m.day between p_since and p_until and m.state <> 'fixed'
$$;

-- unexplained: in one currency, how many mismatches of the period are open, their total without regard to sign, and how
-- many were accepted.
create function payops.unexplained(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'open', count(*) filter (where m.state = 'open'), 'accepted', count(*) filter (where m.state = 'accepted'),
    'unexplained_minor', coalesce(sum(abs(m.difference_minor)) filter (where m.state = 'open'), 0),
    'accepted_minor', coalesce(sum(abs(m.difference_minor)) filter (where m.state = 'accepted'), 0)
  )
  from payops.mismatches as m
  where m.day between p_since and p_until and m.currency = p_currency and m.state <> 'fixed'
$$;

-- payout_counts: in one currency, the period's payouts by the state of their deposit, and how many have no list of
-- contents.
create function payops.payout_counts(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'by_deposit', coalesce(jsonb_agg(jsonb_build_object('key', c.deposit_state, 'count', c.n, 'amount', c.amount)
      order by c.deposit_state), '[]'),
    'not_listed', coalesce(sum(c.not_listed), 0), 'pending', coalesce(sum(c.pending), 0)
  )
  from (
    select
      r.deposit_state, count(*) as n, sum(r.amount_minor) as amount,
      count(*) filter (where r.contents_state = 'not_listed') as not_listed,
      count(*) filter (where r.contents_state = 'pending') as pending
    from payops.reconciled_payouts as r
    where r.day between p_since and p_until and r.currency = p_currency
    group by r.deposit_state
  ) as c
$$;

-- rates_unknown: how many movements of the period count as converted without a check, because they were mirrored before
-- exchange rates were stored.
create function payops.rates_unknown(p_since date, p_until date, p_currency text) returns bigint
language sql stable
set search_path = '' as $$
  with converted as (
    select d.subject from payops.ledger_differences as d
    where d.day between p_since and p_until and d.currency = p_currency and d.kind = 'conversion'
      and exists (select from payops.balance_transactions as b where b.exchange_rate_asked is false)
  )
  select count(*)
  from (
    select b.id from converted as c inner join payops.balance_transactions as b on c.subject = b.id
    where b.exchange_rate_asked is false
    union
    select b.id from converted as c inner join payops.balance_transactions as b on c.subject = b.source_id
    where b.exchange_rate_asked is false
  ) as u
$$;

-- reconciliation: the stored results of a period by currency, the one with the most movements first. `stale_days` are
-- days of the period that have to be compared again.
create function payops_api.reconciliation(p_since date, p_until date) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'fresh_at', payops.fresh_at(),
    'stale_days', (
      select count(distinct s.day) from payops.stale_reconciliation_days as s where s.day between p_since and p_until
    ),
    'currencies', (
      select coalesce(jsonb_agg(
        payops.period_figures(p_since, p_until, c.currency) || payops.unexplained(p_since, p_until, c.currency)
        || jsonb_build_object(
          'payout_states', payops.payout_counts(p_since, p_until, c.currency),
          'rates_unknown', payops.rates_unknown(p_since, p_until, c.currency)
        )
        order by (
          select sum(b.transactions) from payops.daily_balances as b
          where b.day between p_since and p_until and b.currency = c.currency
        ) desc nulls last, c.currency
      ), '[]')
      from payops.currencies_of(p_since, p_until) as c (currency)
    ),
    'changed_months', payops.changed_months(p_since, p_until)
  )
$$;

-- reconciled_payouts: the payouts of a period in one currency, newest first, up to a limit of at most 100,000.
create function payops_api.reconciled_payouts(
  p_since date, p_until date, p_currency text, p_most integer default 2000
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(r) order by r.day desc, r.payout_id), '[]')
  from (
    select p.* from payops.reconciled_payouts as p
    where p.day between p_since and p_until and p.currency = p_currency
    order by p.day desc, p.payout_id
    limit least(p_most, 100000)
  ) as r
$$;

-- movement_row: a movement of Stripe's balance as lists show it, with the payment that it belongs to.
create function payops.movement_row(p_movement payops.balance_transactions) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'id', p_movement.id, 'created', p_movement.created, 'reporting_category', p_movement.reporting_category,
    'source_id', p_movement.source_id, 'currency', p_movement.currency, 'amount_minor', p_movement.amount_minor,
    'fee_minor', p_movement.fee_minor, 'net_minor', p_movement.net_minor,
    'payment_intent_id', coalesce(
      (select c.payment_intent_id from payops.charges as c where c.id = p_movement.source_id),
      (select f.payment_intent_id from payops.refunds as f where f.id = p_movement.source_id),
      (select d.payment_intent_id from payops.disputes as d where d.id = p_movement.source_id)
    )
  )
$$;

-- payout_movements: the movements in this payout, oldest first, at most so many, after this movement if one is named.
create function payops_api.payout_movements(p_payout_id text, p_after_id text default null, p_most integer default 5000)
returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.movement_row(m) order by m.created, m.id), '[]')
  from (
    select b.*
    from payops.payout_contents as k
    inner join payops.balance_transactions as b on k.balance_transaction_id = b.id
    where k.payout_id = p_payout_id and b.reporting_category <> 'payout' and (
      p_after_id is null
      or (b.created, b.id) > (select a.created, a.id from payops.balance_transactions as a where a.id = p_after_id)
    )
    order by b.created, b.id
    limit least(p_most, 5000)
  ) as m
$$;

-- balance_movements: the movements of Stripe's balance under these reporting categories in a period, oldest first, at
-- most so many, after this movement if one is named.
create function payops_api.balance_movements(
  p_since date, p_until date, p_currency text, p_categories jsonb, p_after_id text default null,
  p_most integer default 5000
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(payops.movement_row(m) order by m.created, m.id), '[]')
  from (
    select b.*
    from payops.balance_transactions as b
    where b.created >= payops.day_starts(p_since) and b.created < payops.day_starts(p_until + 1)
      and b.currency = p_currency and p_categories ? b.reporting_category and (
        p_after_id is null
        or (b.created, b.id) > (select a.created, a.id from payops.balance_transactions as a where a.id = p_after_id)
      )
    order by b.created, b.id
    limit least(p_most, 5000)
  ) as m
$$;

-- reconciled_payout: one payout: its contents by category with the remainder, the first 1,000 of its movements, and its
-- deposits; null if there is no such payout.
create function payops_api.reconciled_payout(p_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(r) || jsonb_build_object(
    'trace_id', p.trace_id, 'arrival_date', p.arrival_date,
    'categories', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'category', c.reporting_category, 'transactions', c.n, 'amount_minor', c.amount, 'fee_minor', c.fee,
        'net_minor', c.net
      ) order by c.net desc), '[]')
      from (
        select
          b.reporting_category, count(*) as n, sum(b.amount_minor) as amount, sum(b.fee_minor) as fee,
          sum(b.net_minor) as net
        from payops.payout_contents as k
        inner join payops.balance_transactions as b on k.balance_transaction_id = b.id
        where k.payout_id = p_id and b.reporting_category <> 'payout'
        group by b.reporting_category
      ) as c
    ),
    'movements', payops_api.payout_movements(p_id, p_most => 1000),
    'deposits', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'booked_on', e.booked_on, 'amount_minor', e.amount_minor, 'currency', e.currency, 'reference', e.reference,
        'status', e.status, 'is_return', e.is_return, 'matched_by', d.matched_by
      ) order by e.booked_on, e.id), '[]')
      from payops.payout_deposits as d
      inner join payops.bank_entries as e on d.bank_entry_id = e.id
      where d.payout_id = p_id
    )
  )
  from payops.reconciled_payouts as r
  inner join payops.payouts as p on r.payout_id = p.id
  where r.payout_id = p_id
$$;
