-- What exact figures need: when a charge was captured and a dispute closed, which only events tell; what was captured on
-- each day; the advice on each failure; and who chose the business's time zone.

alter table payops.touched_payments rename to stale_payments;
alter table payops.touched_days rename to stale_balance_days;

-- Charges whose capture has to be counted again, for what no payment intent tells of.
create table payops.stale_charges (
  id bigint generated always as identity primary key,
  charge_id text not null
);

-- Null: nobody chose the zone yet, and the next migration takes the setting's.
alter table payops.business add column timezone_chosen_at timestamptz;

create table payops.charge_captures (
  like payops.mirrored including defaults,
  payment_intent_id text,
  primary key (id)
);
create table payops.dispute_closings (
  like payops.mirrored including defaults,
  primary key (id)
);

create table payops.capture_facts (
  charge_id text primary key,
  payment_intent_id text,
  captured_at timestamptz not null,
  day date not null,
  currency text not null,
  card_brand text
);
create index capture_facts_day on payops.capture_facts (day);
create index capture_facts_payment on payops.capture_facts (payment_intent_id);

create table payops.daily_captures (
  day date not null,
  currency text not null,
  captured integer not null,
  captured_visa integer not null,
  captured_mastercard integer not null,
  primary key (day, currency)
);
alter table payops.daily_attempts drop column captured, drop column captured_visa;

-- `found_failure_at`: a failed confirmation that no event told of, only the intent's last error.
alter table payops.payment_facts
  add column advice_code text,
  add column found_failure_at timestamptz,
  drop constraint payment_facts_state_check,
  add constraint payment_facts_state_check check (state in ('none', 'succeeded', 'failed', 'pending', 'voided'));
create index payment_facts_found_failure on payops.payment_facts (found_failure_at) where found_failure_at is not null;

alter table payops.daily_failures
  add column advice_code text not null default '',
  drop constraint daily_failures_pkey,
  add primary key (day, currency, code, advice_code);

insert into payops.stale_payments (payment_intent_id) select id from payops.payment_intents order by created;
insert into payops.stale_charges (charge_id) select id from payops.charges where payment_intent_id is null;

-- What is a date at Stripe is one here: it is that day in every time zone.
alter table payops.payouts alter column arrival_date type date using (arrival_date at time zone 'UTC')::date;
alter table payops.balance_transactions alter column available_on type date using (available_on at time zone 'UTC')::date;
