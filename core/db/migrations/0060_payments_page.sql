-- What finding a payment and telling its life needs: which object a call to Stripe was about, staff's notes, and indexes.

-- The payment intent where the call was about a payment, else the object it named.
alter table payops.stripe_calls add column subject text;
create index stripe_calls_subject on payops.stripe_calls (subject, at) where subject is not null;

-- What staff wrote about a payment. The words may be taken back, since somebody may write what must not be kept; that
-- they were there, whose they were and who took them back stays.
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

-- Pages are read newest first, by time and id; the id tells those of one second apart.
create index payment_intents_newest on payops.payment_intents (created desc, id desc);
drop index payops.payment_intents_created;
create index payment_intents_patient on payops.payment_intents (patient_id) where patient_id is not null;
create index payment_intents_amount on payops.payment_intents (amount_minor, created desc);
create index charges_last4 on payops.charges (card_last4, created desc);
create index disputes_payment on payops.disputes (payment_intent_id);
create index disputes_charge on payops.disputes (charge_id);
create index early_fraud_warnings_payment on payops.early_fraud_warnings (payment_intent_id);
create index early_fraud_warnings_charge on payops.early_fraud_warnings (charge_id);
create index checkout_sessions_payment on payops.checkout_sessions (payment_intent_id);
create index api_requests_payment on payops.api_requests ((answer ->> 'paymentIntentId'));
