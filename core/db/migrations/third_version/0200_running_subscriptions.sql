-- The subscriptions that run, as of one moment, and what each list of them comes to: kept beside their history, so that
-- a page of a list costs what it shows.
create table payops.running_subscriptions (
  subscription_id text primary key,
  currency text not null,
  customer_id text not null, -- empty where it is not known
  status text not null,
  pause_behavior text,
  scheduled boolean not null,
  price_minor bigint not null,
  monthly_minor bigint not null
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
create index running_subscriptions_customer on payops.running_subscriptions (customer_id);
create index running_subscriptions_largest on payops.running_subscriptions
(currency, monthly_minor desc, price_minor desc, subscription_id);
create index running_subscriptions_status on payops.running_subscriptions
(currency, status, monthly_minor desc, price_minor desc, subscription_id)
where status in ('trialing', 'past_due', 'unpaid');
create index running_subscriptions_leaving on payops.running_subscriptions
(currency, monthly_minor desc, price_minor desc, subscription_id)
where scheduled and status in ('active', 'past_due', 'trialing');
create index running_subscriptions_paused on payops.running_subscriptions
(currency, monthly_minor desc, price_minor desc, subscription_id)
where pause_behavior is not null and status in ('active', 'past_due') or status = 'paused';

create table payops.running_lists (
  currency text not null,
  list text not null,
  subscriptions bigint not null,
  customers bigint not null,
  monthly_minor bigint not null,
  price_minor bigint not null,
  primary key (currency, list)
) with (fillfactor = 50);

-- The moment that both are as of; they are moved on from there step by step, at first from the beginning of time.
create table payops.running_clock (
  only_row boolean primary key default true check (only_row),
  moment timestamptz not null
);

-- What begins or ends between two moments.
create index subscription_history_starts on payops.subscription_history (starts_at);
create index subscription_history_ends on payops.subscription_history (ends_at) where ends_at < 'infinity';
-- Nothing else is looked for by when it ends in one currency.
drop index payops.subscription_history_present;
