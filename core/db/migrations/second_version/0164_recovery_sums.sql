-- Failed subscription invoices by the day on which they first failed, kept as what they depend on changes.

create table payops.recovery_invoices (
  invoice_id text primary key,
  currency text not null,
  day date not null,
  amount_due_minor bigint not null,
  status text not null
);
create table payops.daily_recovery (
  currency text not null,
  day date not null,
  status text not null,
  invoices bigint not null,
  amount_minor bigint not null,
  primary key (currency, day, status)
);
-- Invoices, and payments whose invoices have to be looked at again. No key: noting never waits.
create table payops.stale_recovery (
  id bigint generated always as identity primary key,
  invoice_id text,
  payment_intent_id text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create function payops.follow_failed_attempts() returns trigger language plpgsql
set search_path = '' as $$
begin
  if tg_table_name = 'charges' then
    insert into payops.stale_recovery (payment_intent_id)
    select distinct c.payment_intent_id from changed as c where c.status = 'failed' and c.payment_intent_id is not null;
  else
    insert into payops.stale_recovery (payment_intent_id) select distinct c.payment_intent_id from changed as c;
  end if;
  return null;
end
$$;
create function payops.follow_recovery_invoices() returns trigger language plpgsql
set search_path = '' as $$
begin
  if tg_table_name = 'invoices' then
    insert into payops.stale_recovery (invoice_id)
    select c.id from changed as c
    where c.subscription_id is not null and (
      c.status <> 'paid' and c.attempt_count > 0
      or exists (select from payops.recovery_invoices as r where r.invoice_id = c.id)
      or exists (select from payops.recovery_facts as f where f.invoice_id = c.id)
      or exists (select from payops.invoice_payments as p where p.invoice_id = c.id and p.status <> 'paid')
      or c.attempt_count > 1
    );
  else
    insert into payops.stale_recovery (invoice_id, payment_intent_id)
    select c.invoice_id, c.payment_intent_id from changed as c where c.invoice_id is not null;
  end if;
  return null;
end
$$;
do $$
declare
  followed record;
begin
  for followed in
    select * from (values
      ('charges', 'follow_failed_attempts'), ('failed_confirmations', 'follow_failed_attempts'),
      ('invoices', 'follow_recovery_invoices'), ('invoice_payments', 'follow_recovery_invoices'),
      ('recovery_facts', 'follow_recovery_invoices')
    ) as v (name, follower)
  loop
    execute format(
      'create trigger %1$s_recovery_added after insert on payops.%1$I referencing new table as changed'
      ' for each statement execute function payops.%2$I()', followed.name, followed.follower
    );
    execute format(
      'create trigger %1$s_recovery_changed after update on payops.%1$I referencing new table as changed'
      ' for each statement execute function payops.%2$I()', followed.name, followed.follower
    );
  end loop;
end
$$;

insert into payops.stale_recovery (invoice_id)
select n.id from payops.invoices as n where n.status <> 'paid' and n.attempt_count > 0
union
select p.invoice_id
from payops.charges as c
inner join payops.invoice_payments as p on c.payment_intent_id = p.payment_intent_id
where c.status = 'failed'
union
select p.invoice_id
from payops.failed_confirmations as c
inner join payops.invoice_payments as p on c.payment_intent_id = p.payment_intent_id
union
select f.invoice_id from payops.recovery_facts as f where f.invoice_id is not null;
