-- Daily totals, kept exact by computing days again when something on them changed; call records and metric counters.

-- Payments whose days have to be computed again. No key: marking never waits for a refresh that is running.
create table payops.touched_payments (
  id bigint generated always as identity primary key,
  payment_intent_id text not null
);

-- What the figures need to know about each payment intent.
create table payops.payment_facts (
  payment_intent_id text primary key,
  created_day date not null,
  created timestamptz not null,
  currency text not null,
  amount_minor bigint not null,
  first_attempt_at timestamptz,
  day date,
  state text not null check (state in ('none', 'succeeded', 'failed', 'pending')),
  decline_code text,
  processing_ms integer
);
create index payment_facts_day on payops.payment_facts (day);
create index payment_facts_created_day on payops.payment_facts (created_day);
create index payment_facts_created on payops.payment_facts (created);

create table payops.daily_payments (
  day date not null,
  currency text not null,
  succeeded integer not null,
  failed integer not null,
  pending integer not null,
  amount_succeeded_minor bigint not null,
  processing_ms integer[] not null,
  primary key (day, currency)
);

create table payops.daily_failures (
  day date not null,
  currency text not null,
  code text not null,
  failures integer not null,
  amount_minor bigint not null,
  primary key (day, currency, code)
);

create table payops.daily_attempts (
  day date not null,
  currency text not null,
  attempts integer not null,
  succeeded integer not null,
  reached_network integer not null,
  captured integer not null,
  captured_visa integer not null,
  primary key (day, currency)
);

create table payops.daily_intents (
  day date not null,
  currency text not null,
  created integer not null,
  unconfirmed integer not null,
  primary key (day, currency)
);

-- Days whose balance movements have to be summed again.
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

-- Each call to Stripe: the operation, how long it took, and the class of the error if it failed. `subject` is the
-- payment intent of a call about a payment, otherwise the object that the call named.
create table payops.stripe_calls (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  operation text not null,
  duration_ms double precision not null,
  request_id text,
  error text,
  subject text
);
create index stripe_calls_at on payops.stripe_calls (at);
create index stripe_calls_subject on payops.stripe_calls (subject, at) where subject is not null;

-- Each call of the payment API, with our own time and Stripe's.
create table payops.api_calls (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  operation text not null,
  status integer not null,
  own_ms double precision not null,
  stripe_ms double precision not null
);
create index api_calls_at on payops.api_calls (at);

-- The counters of `/metrics`: everything that happened until `counted_until`, each thing counted once.
create table payops.metric_totals (
  name text not null,
  labels jsonb not null default '{}',
  value double precision not null,
  primary key (name, labels)
);
create table payops.metric_clock (
  only_row boolean primary key default true check (only_row),
  counted_until timestamptz not null default '-infinity'
);
insert into payops.metric_clock default values;

-- How often processes got each kind of error from this database, reported once it answers again.
create table payops.database_errors (
  code text primary key,
  times bigint not null,
  last_at timestamptz not null
);
