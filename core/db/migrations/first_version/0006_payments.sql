-- Actions with money, the payment API's requests, recovery of failed payments, and what disputes need.

-- Every action is recorded before Stripe is asked, with the request itself; its id is the idempotency key.
create table payops.money_actions (
  id text primary key check (id ~ '^[a-zA-Z0-9_-]{8,64}$'),
  kind text not null check (kind in (
    'refund', 'retry', 'cancel_subscription', 'accept_dispute', 'submit_evidence', 'payment', 'create_subscription',
    'recovery_link', 'stop_collection'
  )),
  subject text not null,
  payment_intent_id text,
  amount_minor bigint check (amount_minor > 0),
  currency text,
  method text not null check (method in ('post', 'delete')),
  path text not null,
  params jsonb not null default '{}',
  state text not null check (state in ('awaiting_approval', 'sending', 'unknown', 'done', 'refused', 'rejected')),
  reason text,
  requested_by text not null,
  requested_role text not null,
  requested_at timestamptz not null,
  decided_by text check (decided_by <> requested_by),
  decided_at timestamptz,
  sent_at timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  settled_at timestamptz,
  result_id text,
  problem_code text,
  problem text
);
create index money_actions_open on payops.money_actions (next_attempt_at) where state in ('sending', 'unknown');
create index money_actions_payment on payops.money_actions (payment_intent_id, requested_at);
create index money_actions_subject on payops.money_actions (subject, requested_at);
create index money_actions_requested on payops.money_actions (requested_at desc);
create index money_actions_code on payops.money_actions ((params ->> 'promotion_code'))
where kind = 'payment' and params ? 'promotion_code';
-- Two retries of the same payment never run at once.
create unique index money_actions_one_retry on payops.money_actions (subject)
where kind = 'retry' and state in ('sending', 'unknown');

-- Flows that were switched off, and the sentence for customers meanwhile; a flow without a row is on.
create table payops.flags (
  flow text primary key check (flow in ('checkout', 'one_time', 'subscriptions', 'discounts', 'retries', 'refunds')),
  open boolean not null,
  sentence text not null,
  reason text not null,
  changed_by text not null,
  changed_at timestamptz not null
);

-- Requests to the payment API with an idempotency key: the request's fingerprint, and its answer without secrets.
create table payops.api_requests (
  caller text not null,
  key text not null,
  fingerprint text not null,
  state text not null check (state in ('in_progress', 'answered')),
  started_at timestamptz not null,
  lease_until timestamptz not null,
  status integer,
  answer jsonb,
  primary key (caller, key)
);
create index api_requests_started on payops.api_requests (started_at);
create index api_requests_payment on payops.api_requests ((answer ->> 'paymentIntentId'));

-- How many requests each caller of the payment API made in the present minute.
create table payops.api_turns (
  caller text primary key,
  minute timestamptz not null,
  taken integer not null
);

-- What staff decided about a failed payment: a later retry, or none; without a row it is open.
create table payops.recovery_cases (
  payment_intent_id text primary key,
  state text not null default 'open' check (state in ('open', 'scheduled', 'stopped')),
  scheduled_at timestamptz,
  payment_method_id text,
  changed_by text not null,
  changed_at timestamptz not null,
  reason text,
  check ((state = 'scheduled') = (scheduled_at is not null))
);
create index recovery_cases_scheduled on payops.recovery_cases (scheduled_at) where state = 'scheduled';

-- What Stripe tells about a failed payment only when asked: its invoice, and whether the declined card is saved and can
-- be retried without the customer. `looked_at` is the `as_of` of the payment that was looked at.
create table payops.recovery_facts (
  payment_intent_id text primary key,
  invoice_id text,
  card_saved boolean,
  looked_at timestamptz
);
create index recovery_facts_invoice on payops.recovery_facts (invoice_id) where invoice_id is not null;

-- Open invoices for which Stripe had no payment when it was last asked; they are asked about again later.
create table payops.invoices_asked_about (
  invoice_id text primary key,
  asked_at timestamptz not null
);

-- Staff's notes on a payment. A note's text may be withdrawn, since somebody may write what must not be kept; who wrote
-- it, when, and who withdrew it stays.
create table payops.payment_notes (
  id bigint generated always as identity primary key,
  payment_intent_id text not null,
  at timestamptz not null,
  written_by text not null,
  role text not null,
  note text check (length(note) between 1 and 2000),
  withdrawn_by text,
  withdrawn_at timestamptz,
  check ((note is null) = (withdrawn_at is not null))
);
create index payment_notes_payment on payops.payment_notes (payment_intent_id, at);

-- Our own texts that banks ask for as evidence.
create table payops.policy_texts (
  kind text primary key
  check (kind in ('product_description', 'refund_policy_disclosure', 'cancellation_policy_disclosure')),
  text text not null check (length(text) between 1 and 20000),
  changed_by text not null,
  changed_at timestamptz not null
);

-- The card networks' limits: from `since` on, a merchant that reaches both the ratio and the number of events in a
-- month is in the network's programme. A changed limit is a new row; the old one stays for the months it applied to.
create table payops.network_lines (
  id bigint generated always as identity primary key,
  network text not null check (network in ('visa', 'mastercard')),
  line text not null check (line in ('excessive', 'early', 'high')),
  ratio numeric not null check (ratio > 0 and ratio < 1),
  events integer not null check (events > 0),
  since date not null,
  source text not null,
  set_by text not null,
  set_at timestamptz not null default now(),
  unique (network, line, since)
);
insert into payops.network_lines (network, line, ratio, events, since, source, set_by)
select
  v.network, v.line, v.ratio, v.events, '2025-04-01', 'https://docs.stripe.com/disputes/monitoring-programs',
  'system:migration'
from (
  values ('visa', 'early', 0.005, 5), ('visa', 'excessive', 0.015, 1500),
  ('mastercard', 'excessive', 0.015, 100), ('mastercard', 'high', 0.03, 300)
) as v (network, line, ratio, events);
