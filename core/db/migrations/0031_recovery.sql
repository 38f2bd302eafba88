-- What people decided about a failed payment: to try it later, or no more; and who brought it up. One without a row is
-- only failed. Told: who was sent a link to pay, and when.
create table payops.recovery_cases (
  payment_intent_id text primary key,
  state text not null default 'open' check (state in ('open', 'scheduled', 'stopped')),
  scheduled_at timestamptz,
  payment_method_id text,
  changed_by text not null,
  changed_at timestamptz not null,
  reason text,
  told jsonb not null default '[]',
  check ((state = 'scheduled') = (scheduled_at is not null))
);
create index recovery_cases_scheduled on payops.recovery_cases (scheduled_at) where state = 'scheduled';
