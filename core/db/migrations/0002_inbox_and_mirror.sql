-- The inbox: every event Stripe sent, once. The mirror: what Stripe holds, one row an object, ids and no foreign
-- keys, since a child may arrive before its parent.

create table payops.events (
  id text primary key,
  type text not null,
  created timestamptz not null,
  received_at timestamptz not null,
  livemode boolean not null,
  api_version text,
  object_id text,
  payload jsonb not null,
  body_sha256 text not null
);
create index events_received_at on payops.events (received_at desc);
create index events_object on payops.events (object_id, created);

-- What became of an event; apart from the event, which never changes.
create table payops.event_handlings (
  event_id text primary key references payops.events (id),
  outcome text not null check (outcome in ('applied', 'ignored', 'quarantined', 'failed', 'dead')),
  attempts integer not null default 1,
  handled_at timestamptz not null,
  next_attempt_at timestamptz,
  error text
);
create index event_handlings_due on payops.event_handlings (next_attempt_at) where outcome = 'failed';
create trigger events_append_only
before update or delete on payops.events
for each row execute function payops.refuse_change();
create trigger events_no_truncate
before truncate on payops.events
for each statement execute function payops.refuse_change();

-- What every mirrored row carries: of two snapshots the greater (as_of, state_rank, event_id) stays. `tied` says
-- that another event of the same second spoke of the object, so that Stripe has to be asked.
create table payops.mirrored (
  id text not null,
  livemode boolean not null,
  created timestamptz not null,
  as_of timestamptz not null,
  state_rank integer not null,
  event_id text not null,
  tied boolean not null default false
);

create table payops.payment_intents (
  like payops.mirrored including defaults,
  amount_minor bigint not null,
  currency text not null,
  amount_received_minor bigint not null default 0,
  status text not null,
  customer_id text,
  payment_method_id text,
  latest_charge_id text,
  order_id text,
  patient_id text,
  capture_method text,
  cancellation_reason text,
  canceled_at timestamptz,
  error_code text,
  error_decline_code text,
  error_charge_id text,
  primary key (id)
);
create index payment_intents_created on payops.payment_intents (created);
create index payment_intents_customer on payops.payment_intents (customer_id);

create table payops.charges (
  like payops.mirrored including defaults,
  payment_intent_id text,
  customer_id text,
  amount_minor bigint not null,
  amount_captured_minor bigint not null default 0,
  amount_refunded_minor bigint not null default 0,
  currency text not null,
  status text not null,
  captured boolean not null default false,
  disputed boolean not null default false,
  failure_code text,
  decline_code text,
  network_status text,
  outcome_reason text,
  advice_code text,
  method_type text,
  card_brand text,
  card_last4 text,
  card_exp_month integer,
  card_exp_year integer,
  card_country text,
  balance_transaction_id text,
  primary key (id)
);
create index charges_payment_intent on payops.charges (payment_intent_id);
create index charges_created on payops.charges (created);

create table payops.refunds (
  like payops.mirrored including defaults,
  charge_id text,
  payment_intent_id text,
  amount_minor bigint not null,
  currency text not null,
  status text not null,
  reason text,
  failure_reason text,
  balance_transaction_id text,
  primary key (id)
);
create index refunds_payment_intent on payops.refunds (payment_intent_id);

create table payops.disputes (
  like payops.mirrored including defaults,
  charge_id text,
  payment_intent_id text,
  amount_minor bigint not null,
  currency text not null,
  status text not null,
  reason text,
  network_reason_code text,
  card_brand text,
  evidence_due_by timestamptz,
  has_evidence boolean not null default false,
  submission_count integer not null default 0,
  primary key (id)
);
create index disputes_created on payops.disputes (created);

create table payops.early_fraud_warnings (
  like payops.mirrored including defaults,
  charge_id text,
  payment_intent_id text,
  actionable boolean not null,
  fraud_type text,
  primary key (id)
);

create table payops.customers (
  like payops.mirrored including defaults,
  patient_id text,
  currency text,
  delinquent boolean not null default false,
  deleted boolean not null default false,
  primary key (id)
);
create index customers_patient on payops.customers (patient_id);

create table payops.checkout_sessions (
  like payops.mirrored including defaults,
  mode text not null,
  status text,
  payment_status text,
  amount_total_minor bigint,
  currency text,
  customer_id text,
  payment_intent_id text,
  subscription_id text,
  order_id text,
  patient_id text,
  expires_at timestamptz,
  primary key (id)
);

create table payops.subscriptions (
  like payops.mirrored including defaults,
  status text not null,
  customer_id text,
  currency text,
  start_date timestamptz,
  trial_start timestamptz,
  trial_end timestamptz,
  current_period_start timestamptz,
  current_period_end timestamptz,
  cancel_at timestamptz,
  cancel_at_period_end boolean not null default false,
  canceled_at timestamptz,
  ended_at timestamptz,
  cancellation_reason text,
  items jsonb not null default '[]',
  latest_invoice_id text,
  order_id text,
  patient_id text,
  primary key (id)
);
create index subscriptions_customer on payops.subscriptions (customer_id);

create table payops.invoices (
  like payops.mirrored including defaults,
  status text,
  customer_id text,
  subscription_id text,
  billing_reason text,
  currency text not null,
  amount_due_minor bigint not null default 0,
  amount_paid_minor bigint not null default 0,
  amount_remaining_minor bigint not null default 0,
  attempt_count integer not null default 0,
  next_payment_attempt timestamptz,
  due_date timestamptz,
  finalized_at timestamptz,
  paid_at timestamptz,
  voided_at timestamptz,
  marked_uncollectible_at timestamptz,
  primary key (id)
);
create index invoices_subscription on payops.invoices (subscription_id);

create table payops.invoice_payments (
  like payops.mirrored including defaults,
  invoice_id text,
  payment_intent_id text,
  charge_id text,
  amount_paid_minor bigint,
  amount_requested_minor bigint,
  currency text,
  status text not null,
  is_default boolean not null default false,
  paid_at timestamptz,
  primary key (id)
);
create index invoice_payments_payment_intent on payops.invoice_payments (payment_intent_id);

create table payops.payouts (
  like payops.mirrored including defaults,
  amount_minor bigint not null,
  currency text not null,
  status text not null,
  arrival_date timestamptz,
  automatic boolean,
  reconciliation_status text,
  failure_code text,
  balance_transaction_id text,
  primary key (id)
);
