-- note_failed_payment: puts this failed payment on the recovery list, with who reported it and its invoice.
create function payops_api.note_failed_payment(
  p_payment_intent_id text, p_told_by text, p_now timestamptz, p_invoice_id text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.recovery_cases (payment_intent_id, changed_by, changed_at)
  values (p_payment_intent_id, p_told_by, p_now)
  on conflict do nothing;
  insert into payops.recovery_facts as f (payment_intent_id, invoice_id)
  select p_payment_intent_id, p_invoice_id where p_invoice_id is not null
  on conflict (payment_intent_id) do update set invoice_id = excluded.invoice_id;
  select to_jsonb(true)
$$;

-- invoices_without_payment: past-due invoices whose payment is unknown, to be looked up at Stripe at most once an hour
-- each.
create function payops_api.invoices_without_payment(p_most integer, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  with wanted as (
    select i.id from payops.invoices as i
    left join payops.invoices_asked_about as a on i.id = a.invoice_id
    where i.status = 'open' and (i.attempt_count > 0 or i.due_date < p_now)
      and not exists (select from payops.recovery_facts as f where f.invoice_id = i.id)
      and (a.asked_at is null or a.asked_at < p_now - interval '1 hour')
    order by a.asked_at nulls first, i.created desc
    limit p_most
  ),
  noted as (
    insert into payops.invoices_asked_about as a (invoice_id, asked_at)
    select w.id, p_now from wanted as w
    on conflict (invoice_id) do update set asked_at = excluded.asked_at
    returning a.invoice_id
  )
  select coalesce(jsonb_agg(n.invoice_id), '[]') from noted as n
$$;

-- failed_payments_to_look_at: failed payments not yet looked up at Stripe since they last failed, newest first.
create function payops_api.failed_payments_to_look_at(p_most integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'as_of', n.as_of, 'order_id', n.order_id)), '[]')
  from (
    select i.id, i.as_of, i.order_id from payops.payment_intents as i
    left join payops.recovery_facts as f on i.id = f.payment_intent_id
    where i.status = 'requires_payment_method' and i.error_code is not null
      and i.created > p_now - interval '60 days' and f.looked_at is distinct from i.as_of
    order by i.created desc
    limit p_most
  ) as n
$$;

-- record_recovery_facts: stores what was looked up at Stripe; a fact that is not given keeps its value.
create function payops_api.record_recovery_facts(p_facts jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.recovery_facts as f (payment_intent_id, invoice_id, card_saved, looked_at)
  select g.payment_intent_id, g.invoice_id, g.card_saved, g.looked_at
  from jsonb_to_recordset(p_facts) as g (
    payment_intent_id text, invoice_id text, card_saved boolean, looked_at timestamptz
  )
  on conflict (payment_intent_id) do update set
    invoice_id = coalesce(excluded.invoice_id, f.invoice_id), card_saved = coalesce(excluded.card_saved, f.card_saved),
    looked_at = coalesce(excluded.looked_at, f.looked_at);
  select to_jsonb(jsonb_array_length(p_facts))
$$;
