-- The mirror: one row for each object that Stripe holds.

-- The columns that every mirror table has. Of two snapshots of an object, the one with the greater (as_of,
-- state_rank, event_id) is kept. `tied`: another event of the same second changed the object, so that Stripe has to
-- be asked. Mirror tables have no foreign keys: an object may arrive before the one it belongs to.
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
create index payment_intents_newest on payops.payment_intents (created desc, id desc);
create index payment_intents_customer on payops.payment_intents (customer_id);
create index payment_intents_order on payops.payment_intents (order_id);
create index payment_intents_patient on payops.payment_intents (patient_id) where patient_id is not null;
create index payment_intents_amount on payops.payment_intents (amount_minor, created desc);
create index payment_intents_failed on payops.payment_intents (created desc)
where status = 'requires_payment_method' and error_code is not null;
create index payment_intents_tied on payops.payment_intents (as_of) where tied;

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
create index charges_declined on payops.charges (customer_id, created) where status = 'failed';
create index charges_last4 on payops.charges (card_last4, created desc);
create index charges_unbooked on payops.charges (as_of)
where status = 'succeeded' and captured and balance_transaction_id is null;
create index charges_tied on payops.charges (as_of) where tied;

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
create index refunds_created on payops.refunds (created desc, id desc);
create index refunds_unbooked on payops.refunds (as_of)
where status = 'succeeded' and balance_transaction_id is null;
create index refunds_tied on payops.refunds (as_of) where tied;

-- A refund that fails is an incident, unless it failed long ago and only now came into the mirror.
create function payops.notice_failed_refund() returns trigger language plpgsql
set search_path = '' as $$
begin
  if new.as_of > now() - interval '14 days' then
    perform payops.record_incident(
      'refund_failed', new.id, 'A refund failed after it was made: the customer does not have the money.', new.as_of,
      'error', jsonb_build_object(
        'refund', new.id, 'payment', new.payment_intent_id, 'failure_reason', new.failure_reason,
        'amount_minor', new.amount_minor, 'currency', new.currency
      )
    );
  end if;
  return null;
end
$$;
create trigger refunds_notice_failed_new
after insert on payops.refunds
for each row when (new.status = 'failed') execute function payops.notice_failed_refund();
create trigger refunds_notice_failed_later
after update on payops.refunds
for each row when (new.status = 'failed' and old.status is distinct from 'failed')
execute function payops.notice_failed_refund();

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
create index disputes_payment on payops.disputes (payment_intent_id);
create index disputes_charge on payops.disputes (charge_id);
create index disputes_tied on payops.disputes (as_of) where tied;

create table payops.early_fraud_warnings (
  like payops.mirrored including defaults,
  charge_id text,
  payment_intent_id text,
  actionable boolean not null,
  fraud_type text,
  primary key (id)
);
create index early_fraud_warnings_payment on payops.early_fraud_warnings (payment_intent_id);
create index early_fraud_warnings_charge on payops.early_fraud_warnings (charge_id);
create index early_fraud_warnings_tied on payops.early_fraud_warnings (as_of) where tied;

create table payops.customers (
  like payops.mirrored including defaults,
  patient_id text,
  currency text,
  delinquent boolean not null default false,
  deleted boolean not null default false,
  primary key (id)
);
create index customers_patient on payops.customers (patient_id);
create index customers_tied on payops.customers (as_of) where tied;

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
create index checkout_sessions_payment on payops.checkout_sessions (payment_intent_id);
create index checkout_sessions_tied on payops.checkout_sessions (as_of) where tied;

create table payops.promotion_codes (
  like payops.mirrored including defaults,
  coupon_id text,
  customer_id text,
  active boolean not null,
  expires_at timestamptz,
  max_redemptions integer,
  times_redeemed integer not null default 0,
  primary key (id)
);
create index promotion_codes_tied on payops.promotion_codes (as_of) where tied;

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
create index subscriptions_tied on payops.subscriptions (as_of) where tied;

-- The items that a subscription had at each of its events: today's prices do not tell last year's revenue.
create table payops.subscription_changes (
  like payops.mirrored including defaults,
  subscription_id text not null,
  items jsonb not null,
  primary key (id)
);
create index subscription_changes_of on payops.subscription_changes (subscription_id, created, id);

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
create index invoices_unpaid on payops.invoices (finalized_at) where status <> 'paid' and attempt_count > 0;
create index invoices_open on payops.invoices (id) where status = 'open';
create index invoices_tied on payops.invoices (as_of) where tied;

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
create index invoice_payments_tied on payops.invoice_payments (as_of) where tied;

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
create index payouts_tied on payops.payouts (as_of) where tied;

-- Movements of Stripe's balance. No event reports them: they are listed by the worker. They never change, except for
-- the payout that includes them, which is known only once it is reconciled.
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

-- Which payout includes a balance transaction.
create table payops.payout_contents (
  balance_transaction_id text primary key,
  payout_id text not null
);
create index payout_contents_payout on payops.payout_contents (payout_id);
