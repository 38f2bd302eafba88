-- Recovery: what Stripe says of a failed payment only when it is asked, and links to pay as actions of their own.

-- Of a failed payment: the invoice it is to pay, which events tell only once it is paid, and whether the card that was
-- declined is saved, so that it can be tried without the customer. `looked_at` is the state of the payment that was looked at.
create table payops.recovery_facts (
  payment_intent_id text primary key,
  invoice_id text,
  card_saved boolean,
  looked_at timestamptz
);
create index recovery_facts_invoice on payops.recovery_facts (invoice_id) where invoice_id is not null;

alter table payops.money_actions drop constraint money_actions_kind_check;
alter table payops.money_actions add constraint money_actions_kind_check check (kind in (
  'refund', 'retry', 'cancel_subscription', 'accept_dispute', 'submit_evidence', 'payment', 'create_subscription',
  'recovery_link', 'stop_collection'
));

-- Who was sent a link is what became of the action that made it.
alter table payops.recovery_cases drop column told;

create index payment_intents_failed on payops.payment_intents (created desc)
where status = 'requires_payment_method' and error_code is not null;
create index charges_declined on payops.charges (customer_id, created) where status = 'failed';
create index invoices_unpaid on payops.invoices (finalized_at) where status <> 'paid' and attempt_count > 0;
create index invoices_open on payops.invoices (id) where status = 'open';
