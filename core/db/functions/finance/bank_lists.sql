-- What the console lists of bank accounts, statements and deposits.

-- bank_accounts: the accounts whose statements were imported, by name.
create function payops_api.bank_accounts() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', a.id, 'name', a.name, 'last4', a.last4, 'currency', a.currency, 'csv_mapping', a.csv_mapping,
    'booked_until', (select max(s.to_date) from payops.bank_statements as s where s.account_id = a.id)
  ) order by a.name), '[]')
  from payops.bank_accounts as a
$$;

-- bank_statements: the imported statements, newest first, and how many of Stripe's entries each added.
create function payops_api.bank_statements(p_most integer default 100) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(s) order by s.imported_at desc, s.id desc), '[]')
  from (
    select
      s.id, a.name as account, a.last4, a.currency, s.format, s.file_name, s.statement_ref, s.from_date, s.to_date,
      s.opening_minor, s.closing_minor, s.entries_read, s.imported_at, s.imported_by,
      (select count(*) from payops.bank_entries as e where e.statement_id = s.id) as entries_kept
    from payops.bank_statements as s
    inner join payops.bank_accounts as a on s.account_id = a.id
    order by s.imported_at desc, s.id desc
    limit least(p_most, 100000)
  ) as s
$$;

-- deposit_candidates: the payouts that this entry may belong to, most likely first.
create function payops.deposit_candidates(p_entry payops.bank_entries) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(c) order by c.is_same_amount desc, c.is_open desc, c.days_apart, c.payout_id), '[]')
  from (
    select
      p.id as payout_id, p.amount_minor, p.currency, p.arrival_date, p.status, p.trace_id,
      p.amount_minor = p_entry.amount_minor as is_same_amount,
      not exists (select from payops.payout_deposits as d where d.payout_id = p.id) as is_open,
      abs(p.arrival_date - p_entry.booked_on) as days_apart
    from payops.payouts as p
    where p.currency = p_entry.currency and p.status <> 'canceled'
      and p.arrival_date between p_entry.booked_on - 30 and p_entry.booked_on + 10
      and (p.amount_minor = p_entry.amount_minor or p.amount_minor = -p_entry.amount_minor
        or abs(p.arrival_date - p_entry.booked_on) <= 7)
    order by
      p.amount_minor = p_entry.amount_minor desc, abs(p.arrival_date - p_entry.booked_on),
      abs(p.amount_minor - p_entry.amount_minor), p.id
    limit 8
  ) as c
$$;

-- unmatched_deposits: entries that are not matched yet, pending ones too, newest first, each with the payouts that it
-- may belong to.
create function payops_api.unmatched_deposits(p_most integer default 100) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(u) || jsonb_build_object('candidates', payops.deposit_candidates(e)) order by u.booked_on desc, u.id desc
  ), '[]')
  from (
    select
      e.id, a.name as account, a.last4, e.status, e.booked_on, e.value_on, e.amount_minor, e.currency, e.reference,
      e.description, e.recognised_by, e.is_return
    from payops.bank_entries as e
    inner join payops.bank_accounts as a on e.account_id = a.id
    where e.status in ('booked', 'pending')
      and not exists (select from payops.payout_deposits as d where d.bank_entry_id = e.id)
    order by e.booked_on desc, e.id desc
    limit least(p_most, 100000)
  ) as u
  inner join payops.bank_entries as e on u.id = e.id
$$;

-- matched_deposits: matched entries, latest first, each with its payout and who matched it.
create function payops_api.matched_deposits(p_most integer default 100) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(m) order by m.booked_on desc, m.id desc), '[]')
  from (
    select
      e.id, a.name as account, a.last4, e.booked_on, e.amount_minor, e.currency, e.reference, e.is_return,
      d.payout_id, d.matched_by, d.matched_at, d.matched_by_user, p.arrival_date, p.amount_minor as payout_minor,
      payops.days_late(p.arrival_date, e.booked_on) as days_late
    from payops.payout_deposits as d
    inner join payops.bank_entries as e on d.bank_entry_id = e.id
    inner join payops.bank_accounts as a on e.account_id = a.id
    left join payops.payouts as p on d.payout_id = p.id
    order by e.booked_on desc, e.id desc
    limit least(p_most, 100000)
  ) as m
$$;
