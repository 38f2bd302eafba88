-- Bank statements: of each one only Stripe's deposits and withdrawals are stored, and which payout each belongs to.
create table payops.bank_accounts (
  id bigint generated always as identity primary key,
  name text not null unique check (name <> ''),
  last4 text check (last4 ~ '^[0-9A-Z]{1,4}$'), -- null where no statement has said it yet: a CSV names no account
  currency text not null,
  csv_mapping jsonb -- which column of this bank's CSV holds what
);

-- statement_key is a digest of what the statement says, so that the same one is known again in another file.
create table payops.bank_statements (
  id bigint generated always as identity primary key,
  account_id bigint not null references payops.bank_accounts (id),
  format text not null check (format in ('camt053', 'mt940', 'bai2', 'ofx', 'csv')),
  file_name text not null,
  file_sha256 text not null,
  statement_key text not null,
  statement_ref text,
  from_date date,
  to_date date,
  opening_minor bigint,
  closing_minor bigint,
  entries_read integer not null,
  imported_at timestamptz not null,
  imported_by text not null,
  unique (account_id, statement_key)
);
create index bank_statements_days on payops.bank_statements (account_id, from_date, to_date);

-- amount_minor is signed: plus is money into our account. bank_id is the bank's own number of the entry. description
-- and reference hold Stripe's words and numbers alone; both are empty for an entry that was recognised by its amount.
create table payops.bank_entries (
  id bigint generated always as identity primary key,
  account_id bigint not null references payops.bank_accounts (id),
  statement_id bigint not null references payops.bank_statements (id),
  entry_key text not null,
  -- dropped: was pending, and a later statement lists it no more; withdrawn: the bank took it back. Neither is counted.
  status text not null check (status in ('booked', 'pending', 'dropped', 'withdrawn')),
  booked_on date not null,
  value_on date,
  amount_minor bigint not null check (amount_minor <> 0),
  currency text not null,
  bank_id text,
  bank_id_sha256 text, -- of the bank's own number, also where bank_id is not kept
  reference text,
  description text,
  recognised_by text not null check (recognised_by in ('trace_id', 'descriptor', 'amount')),
  is_return boolean not null default false,
  unique (account_id, entry_key)
);
create index bank_entries_booked on payops.bank_entries (booked_on);
create index bank_entries_amount on payops.bank_entries (currency, amount_minor);
create index bank_entries_statement on payops.bank_entries (statement_id);

-- The entries that a bank took back by their own number, whether they came before or will come after.
create table payops.bank_corrections (
  account_id bigint not null references payops.bank_accounts (id),
  bank_id_sha256 text not null,
  statement_id bigint not null references payops.bank_statements (id),
  primary key (account_id, bank_id_sha256)
);

-- A payout has more than one row where its deposit came twice or was returned.
create table payops.payout_deposits (
  payout_id text not null,
  bank_entry_id bigint primary key references payops.bank_entries (id),
  matched_by text not null check (matched_by in ('trace_id', 'amount', 'person')),
  matched_at timestamptz not null,
  matched_by_user text not null
);
create index payout_deposits_payout on payops.payout_deposits (payout_id);

-- What a person has said do not belong together: they are never matched automatically again.
create table payops.separated_deposits (
  bank_entry_id bigint not null references payops.bank_entries (id),
  payout_id text not null,
  separated_at timestamptz not null,
  separated_by text not null,
  reason text not null,
  primary key (bank_entry_id, payout_id)
);

-- Stripe names a payout's trace id up to ten days after it arrived; trace_id_status is null until it was asked for.
alter table payops.payouts
  add column trace_id text,
  add column trace_id_status text,
  add column method text;
create index payouts_trace_id on payops.payouts (trace_id) where trace_id is not null;
create index payouts_arrival on payops.payouts (arrival_date);
create index payouts_without_trace_id on payops.payouts (as_of)
where trace_id_status is null or trace_id_status = 'pending';

-- The reconciliation: our ledger by day, what explains its difference from Stripe's balance, and the mismatches.

-- Days to reconcile again. No key: marking never waits for a reconciliation that is running.
create table payops.stale_reconciliation_days (
  id bigint generated always as identity primary key,
  day date not null
);

-- Days on which something is still under way, such as a deposit that is not due yet: looked at again from then on.
create table payops.reconciliation_rechecks (
  day date primary key,
  at timestamptz not null
);

-- Our own ledger: what payments, refunds and disputes should have moved, by the day they happened here.
create table payops.daily_ledger (
  day date not null,
  currency text not null,
  line text not null check (line in ('charge', 'refund', 'dispute')),
  entries bigint not null,
  amount_minor numeric not null,
  primary key (day, currency, line)
);

-- Why our ledger and Stripe's balance differ on a day: each amount is ours less Stripe's. `checked_day` is the day
-- with which a row is computed again.
create table payops.ledger_differences (
  id bigint generated always as identity primary key,
  checked_day date not null,
  day date not null,
  currency text not null,
  line text not null,
  kind text not null check (kind in ('timing', 'pending', 'conversion', 'mismatch')),
  amount_minor numeric not null,
  subject text not null
);
create index ledger_differences_checked on payops.ledger_differences (checked_day);
create index ledger_differences_day on payops.ledger_differences (day, currency);

create table payops.mismatches (
  key text primary key,
  class text not null check (class in (
    'missing_here', 'missing_at_stripe', 'amount', 'currency', 'fee', 'timing', 'duplicate',
    'payout_without_transactions', 'deposit_missing', 'deposit_late', 'deposit_short', 'deposit_returned',
    'unknown_operation'
  )),
  leg text not null check (leg in ('operations', 'payouts', 'deposits')),
  day date not null,
  currency text not null,
  subject text not null,
  subject_kind text not null,
  payment_intent_id text,
  payout_id text,
  amount_minor numeric not null,
  difference_minor numeric not null,
  net_effect_minor numeric,
  facts jsonb not null,
  state text not null default 'open' check (state in ('open', 'accepted', 'fixed')),
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  fixed_at timestamptz,
  assignee text,
  accepted_by text,
  accepted_at timestamptz,
  accepted_reason text,
  check ((state = 'accepted') = (accepted_by is not null))
);
create index mismatches_day on payops.mismatches (day, leg);
create index mismatches_unfixed on payops.mismatches (currency, day) where state <> 'fixed';
create index mismatches_subject on payops.mismatches (subject);

-- What one run found, before it is merged into the mismatches. Only the run that holds the lock writes here.
create unlogged table payops.mismatch_findings (
  key text not null,
  class text not null,
  leg text not null,
  day date not null,
  currency text not null,
  subject text not null,
  subject_kind text not null,
  payment_intent_id text,
  payout_id text,
  amount_minor numeric not null,
  difference_minor numeric not null,
  net_effect_minor numeric,
  facts jsonb not null
);

create table payops.mismatch_notes (
  id bigint generated always as identity primary key,
  mismatch_key text not null,
  at timestamptz not null,
  written_by text not null,
  note text not null check (length(note) between 1 and 2000)
);
create index mismatch_notes_of on payops.mismatch_notes (mismatch_key, at);

-- Each payout as it was last reconciled: what it took along, and what of it arrived at the bank.
create table payops.reconciled_payouts (
  payout_id text primary key,
  day date not null,
  currency text not null,
  amount_minor numeric not null,
  kind text not null check (kind in ('automatic', 'manual', 'instant')),
  status text not null,
  transactions bigint not null,
  contents_state text not null check (contents_state in ('known', 'pending', 'not_listed', 'missing')),
  remainder_minor numeric,
  expected_on date,
  deposit_state text not null check (deposit_state in (
    'arrived', 'late', 'short', 'over', 'missing', 'returned', 'on_the_way', 'not_imported', 'not_expected'
  )),
  deposited_minor numeric not null,
  deposited_on date
);
create index reconciled_payouts_day on payops.reconciled_payouts (day, currency);

-- A month whose figures are frozen: `sha256` is of their canonical JSON. One that was reopened keeps its row.
create table payops.closed_months (
  id bigint generated always as identity primary key,
  month date not null check (extract(day from month) = 1),
  figures jsonb not null,
  sha256 text not null,
  closed_at timestamptz not null,
  closed_by text not null,
  changes jsonb not null default '[]', -- what is another figure now
  reopened_at timestamptz,
  reopened_by text,
  reopened_reason text
);
create unique index closed_months_closed on payops.closed_months (month) where reopened_at is null;

-- One absurd amount must not stop the days' sums.
alter table payops.daily_balances
  alter column amount_minor type numeric, alter column fee_minor type numeric, alter column net_minor type numeric;

-- Whatever changes a row changes the days it is reconciled with, however the change is made.
create function payops.follow_charges() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select payops.business_day(c.created) from changed as c
  where c.balance_transaction_id is not null or c.status = 'succeeded' and c.captured
  union
  select payops.business_day(b.created)
  from changed as c
  inner join payops.balance_transactions as b on b.id = c.balance_transaction_id or b.source_id = c.id;
  return null;
end
$$;
create function payops.follow_captures() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select payops.business_day(k.created) from changed as k
  union
  select payops.business_day(c.created) from changed as k inner join payops.charges as c on k.id = c.id
  union
  select payops.business_day(b.created)
  from changed as k inner join payops.balance_transactions as b on k.id = b.source_id;
  return null;
end
$$;
create function payops.follow_refunds() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select payops.business_day(r.created) from changed as r
  union
  select payops.business_day(b.created)
  from changed as r
  inner join payops.balance_transactions as b on b.id = r.balance_transaction_id or b.source_id = r.id
  union
  select payops.business_day(a.requested_at) from changed as r inner join payops.money_actions as a on r.id = a.result_id;
  return null;
end
$$;
create function payops.follow_disputes() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select payops.business_day(d.created) from changed as d
  union
  select payops.business_day(b.created)
  from changed as d inner join payops.balance_transactions as b on d.id = b.source_id;
  return null;
end
$$;
create function payops.follow_dispute_closings() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select payops.business_day(k.created) from changed as k
  union
  select payops.business_day(d.created) from changed as k inner join payops.disputes as d on k.id = d.id;
  return null;
end
$$;
create function payops.follow_balance_transactions() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_balance_days (day) select distinct payops.business_day(b.created) from changed as b;
  insert into payops.stale_reconciliation_days (day)
  select distinct payops.business_day(m.at)
  from (
    select b.created as at from changed as b
    union all
    select c.created from changed as b inner join payops.charges as c on b.source_id = c.id
    union all
    select r.created from changed as b inner join payops.refunds as r on b.source_id = r.id
    union all
    select d.created from changed as b inner join payops.disputes as d on b.source_id = d.id
    union all
    select p.created from changed as b inner join payops.payouts as p on b.source_id = p.id
    union all
    select p.created
    from changed as b
    inner join payops.payout_contents as k on b.id = k.balance_transaction_id
    inner join payops.payouts as p on k.payout_id = p.id
  ) as m;
  return null;
end
$$;
create function payops.follow_payouts() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select payops.business_day(p.created) from changed as p
  union
  select payops.business_day(b.created)
  from changed as p inner join payops.balance_transactions as b on p.id = b.source_id;
  return null;
end
$$;
-- A payout that lists a movement which is not in the mirror may tell what an operation of the days before lacks.
create function payops.follow_payout_contents() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select distinct payops.business_day(p.created) - n.days_before
  from changed as k
  inner join payops.payouts as p on k.payout_id = p.id
  left join payops.balance_transactions as b on k.balance_transaction_id = b.id
  cross join lateral generate_series(0, case when b.id is null then 10 else 0 end) as n (days_before);
  return null;
end
$$;
create function payops.follow_money_actions() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select distinct payops.business_day(a.requested_at) from changed as a;
  return null;
end
$$;
-- An imported statement says of the payouts that were due in it that they arrived, or did not.
create function payops.follow_bank_statements() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select distinct payops.business_day(p.created)
  from changed as s
  inner join payops.payouts as p on p.arrival_date between s.from_date - 14 and s.to_date + 14;
  return null;
end
$$;
create function payops.follow_bank_entries() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select e.booked_on from changed as e
  union
  select payops.business_day(p.created)
  from changed as e
  inner join payops.payout_deposits as d on e.id = d.bank_entry_id
  inner join payops.payouts as p on d.payout_id = p.id;
  return null;
end
$$;
create function payops.follow_payout_deposits() returns trigger language plpgsql
set search_path = '' as $$
begin
  insert into payops.stale_reconciliation_days (day)
  select payops.business_day(p.created) from changed as d inner join payops.payouts as p on d.payout_id = p.id
  union
  select e.booked_on from changed as d inner join payops.bank_entries as e on d.bank_entry_id = e.id;
  return null;
end
$$;

do $$
declare
  followed record;
begin
  for followed in
    select * from (values
      ('charges', 'follow_charges'), ('charge_captures', 'follow_captures'), ('refunds', 'follow_refunds'),
      ('disputes', 'follow_disputes'), ('dispute_closings', 'follow_dispute_closings'),
      ('balance_transactions', 'follow_balance_transactions'), ('payouts', 'follow_payouts'),
      ('payout_contents', 'follow_payout_contents'), ('money_actions', 'follow_money_actions'),
      ('bank_statements', 'follow_bank_statements'), ('bank_entries', 'follow_bank_entries'),
      ('payout_deposits', 'follow_payout_deposits')
    ) as v (name, follower)
  loop
    execute format(
      'create trigger %1$s_reconcile_added after insert on payops.%1$I referencing new table as changed'
      ' for each statement execute function payops.%2$I()', followed.name, followed.follower
    );
    execute format(
      'create trigger %1$s_reconcile_changed after update on payops.%1$I referencing new table as changed'
      ' for each statement execute function payops.%2$I()', followed.name, followed.follower
    );
    execute format(
      'create trigger %1$s_reconcile_left after update on payops.%1$I referencing old table as changed'
      ' for each statement execute function payops.%2$I()', followed.name, followed.follower
    );
    execute format(
      'create trigger %1$s_reconcile_removed after delete on payops.%1$I referencing old table as changed'
      ' for each statement execute function payops.%2$I()', followed.name, followed.follower
    );
  end loop;
end
$$;

insert into payops.stale_reconciliation_days (day)
select (m.created at time zone b.timezone)::date
from (
  select created from payops.balance_transactions
  union all
  select created from payops.charges
  union all
  select created from payops.payouts
) as m, payops.business as b
group by 1;

-- What finance reads of revenue and subscriptions: exchange rates, what an invoice was for, why customers leave, and
-- revenue by product, plan, state and card.

-- `exchange_rate_asked` is false for a movement that was mirrored before exchange rates were.
alter table payops.balance_transactions
  add column exchange_rate numeric,
  add column exchange_rate_asked boolean default false;
alter table payops.balance_transactions alter column exchange_rate_asked set default true;
create index balance_transactions_without_rate on payops.balance_transactions (id, source_id)
where exchange_rate_asked is false;
-- The lines of an invoice with a positive amount: `[{price_id, product_id, amount_minor}]`.
alter table payops.invoices add column lines jsonb;
-- What was bought with a single payment, in the same shape, where the payment API knew its cart.
alter table payops.payment_intents add column cart jsonb;
alter table payops.subscriptions add column cancellation_feedback text, add column pause_resumes_at timestamptz;
create index invoice_payments_invoice on payops.invoice_payments (invoice_id);

-- What moved the balance on a day, by one dimension. In each dimension the keys of a day add up to the day. `payments`
-- counts charges; `charge_fees_minor` are the fees of charges alone. `presented_minor` is what customers paid in their
-- own currency, in the dimension `presentment` only.
create table payops.daily_revenue (
  day date not null,
  currency text not null,
  dimension text not null check (dimension in ('product', 'plan', 'state', 'card', 'presentment')),
  key text not null,
  payments integer not null,
  gross_minor bigint not null,
  refunded_minor bigint not null,
  disputed_minor bigint not null,
  fees_minor bigint not null,
  taxes_minor bigint not null,
  net_minor bigint not null,
  charge_fees_minor bigint not null,
  presented_minor bigint not null,
  lowest_rate numeric,
  highest_rate numeric,
  primary key (currency, dimension, day, key)
);
create table payops.stale_revenue_days (
  id bigint generated always as identity primary key,
  day date not null
);
insert into payops.stale_revenue_days (day)
select distinct (t.created at time zone b.timezone)::date
from payops.balance_transactions as t, payops.business as b;

-- A consultation says in which state a patient is: the days of its payments are counted again.
create function payops.follow_consultations() returns trigger language plpgsql
set search_path = '' as $$
begin
  perform payops.mark_stale_revenue(payops.payments_of_consultations(array(select a.id from added as a)));
  return null;
end
$$;
create trigger consultations_place_revenue
after insert on payops.consultations referencing new table as added
for each statement execute function payops.follow_consultations();

-- Changes of a subscription by staff, one at a time for each subscription.
alter table payops.money_actions
  drop constraint money_actions_kind_check,
  add constraint money_actions_kind_check check (kind in (
    'refund', 'retry', 'cancel_subscription', 'accept_dispute', 'submit_evidence', 'payment', 'create_subscription',
    'recovery_link', 'stop_collection', 'resume_subscription', 'pause_collection', 'resume_collection', 'change_plan'
  ));
create unique index money_actions_one_subscription_change on payops.money_actions (subject)
where kind in ('resume_subscription', 'pause_collection', 'resume_collection', 'change_plan')
  and state in ('sending', 'unknown');
create index subscription_history_customer on payops.subscription_history (customer_id) where monthly_minor > 0;

-- The company's accounts that journal entries are booked on, one for each role (sales, refunds, clearing …).
create table payops.journal_accounts (
  role text primary key,
  code text not null,
  name text not null,
  changed_at timestamptz not null,
  changed_by text not null
);

-- Tables that are exported every week: written to a folder, or sent to ALERT_URLS.
create table payops.export_schedules (
  id bigint generated always as identity primary key,
  table_name text not null,
  file_format text not null check (file_format in ('csv', 'xlsx')),
  weekday integer not null check (weekday between 1 and 7), -- 1 is Monday
  delivery text not null check (delivery in ('folder', 'alerts')),
  filters jsonb not null,
  created_at timestamptz not null,
  created_by text not null,
  removed_at timestamptz,
  done_for date, -- the day of the last export
  done_at timestamptz,
  rows integer,
  file_name text,
  problem text
);
