-- What is done with money: every action is written down before Stripe is asked, with the request itself, whose
-- idempotency key is the action's id.
create table payops.money_actions (
  id text primary key check (id ~ '^[a-zA-Z0-9_-]{8,64}$'),
  kind text not null check (kind in ('refund', 'retry', 'cancel_subscription', 'accept_dispute', 'submit_evidence')),
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
-- Two tries to collect the same thing never run at once, whoever clicked and wherever.
create unique index money_actions_one_retry on payops.money_actions (subject)
where kind = 'retry' and state in ('sending', 'unknown');

-- A refund that the bank sends back is somebody's to look at; one of long ago is only history.
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

-- A flow that somebody switched off, and what customers are told meanwhile; one without a row is open.
create table payops.flags (
  flow text primary key check (flow in ('checkout', 'one_time', 'subscriptions', 'discounts', 'retries', 'refunds')),
  open boolean not null,
  sentence text not null,
  reason text not null,
  changed_by text not null,
  changed_at timestamptz not null
);

-- Requests to the payment API with an idempotency key: what was asked, and the answer once there is one, without
-- anything secret.
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

-- How often each caller of the payment API came in the present minute.
create table payops.api_turns (
  caller text primary key,
  minute timestamptz not null,
  taken integer not null
);
