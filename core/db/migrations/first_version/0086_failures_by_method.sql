-- The advice on a failure depends on the payment method too: a bank debit is not tried again like a card.
alter table payops.payment_facts add column method_type text;
alter table payops.daily_failures
  add column method_type text not null default '',
  drop constraint daily_failures_pkey,
  add primary key (day, currency, code, advice_code, method_type);
insert into payops.stale_payments (payment_intent_id)
select f.payment_intent_id from payops.payment_facts as f where f.state = 'failed' order by f.created;
