-- What moved Stripe's balance. No event tells of these: they are pulled. They never change, but for the payout that
-- takes them along, which is known only once it is reconciled.
create table payops.balance_transactions (
  like payops.mirrored including defaults,
  amount_minor bigint not null,
  fee_minor bigint not null,
  net_minor bigint not null,
  currency text not null,
  type text not null,
  reporting_category text not null,
  source_id text,
  available_on timestamptz,
  primary key (id)
);
create index balance_transactions_created on payops.balance_transactions (created);
create index balance_transactions_source on payops.balance_transactions (source_id);

-- Which payout took a balance transaction along.
create table payops.payout_contents (
  balance_transaction_id text primary key,
  payout_id text not null
);
create index payout_contents_payout on payops.payout_contents (payout_id);

-- Days whose balance has to be summed again.
create table payops.touched_days (
  id bigint generated always as identity primary key,
  day date not null
);

create table payops.daily_balances (
  day date not null,
  currency text not null,
  reporting_category text not null,
  transactions integer not null,
  amount_minor bigint not null,
  fee_minor bigint not null,
  net_minor bigint not null,
  primary key (day, currency, reporting_category)
);
