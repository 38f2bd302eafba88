-- Daily rollups, kept exact by recomputing the days that were touched.

-- A failed confirmation that made no charge (a failed 3-D Secure check): an attempt of its own.
create table payops.failed_confirmations (
  like payops.mirrored including defaults,
  payment_intent_id text not null,
  currency text not null,
  code text,
  decline_code text,
  primary key (id)
);
create index failed_confirmations_payment_intent on payops.failed_confirmations (payment_intent_id);
create index failed_confirmations_created on payops.failed_confirmations (created);

-- Payments whose days have to be counted again. No key: a mark made while a refresh runs waits for nobody.
create table payops.touched_payments (
  id bigint generated always as identity primary key,
  payment_intent_id text not null
);

-- What the figures need to know of a payment intent, once.
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
