-- customers_of_person: the IDs of this person's customers at Stripe: the customer itself and all customers of the same
-- patient, or all customers of the patient with this reference.
create function payops.customers_of_person(p_customer_id text, p_patient_id text) returns setof text
language sql stable
set search_path = '' as $$
  select c.id from payops.customers as c where c.id = p_customer_id
  union
  select c.id from payops.customers as c where c.patient_id = p_patient_id
$$;

-- customer_cases: the person's newest subscriptions, disputes, refunds and consultations, at most 50 of each.
create function payops.customer_cases(p_customers text[], p_patient_id text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'subscriptions', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', s.id, 'created', s.created, 'status', s.status, 'current_period_end', s.current_period_end,
        'cancel_at', s.cancel_at, 'ended_at', s.ended_at
      ) order by s.created desc), '[]')
      from (
        select f.* from (
          select u.* from payops.subscriptions as u where u.customer_id = any(p_customers)
          union
          select u.* from payops.subscriptions as u where u.patient_id = p_patient_id
        ) as f
        order by f.created desc limit 50
      ) as s
    ),
    'disputes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'created', d.created, 'status', d.status, 'reason', d.reason, 'amount_minor', d.amount_minor,
        'currency', d.currency, 'evidence_due_by', d.evidence_due_by
      ) order by d.created desc), '[]')
      from (
        select t.* from payops.payment_intents as i inner join payops.disputes as t on i.id = t.payment_intent_id
        where i.customer_id = any(p_customers)
        order by t.created desc limit 50
      ) as d
    ),
    'refunds', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', r.id, 'created', r.created, 'status', r.status, 'amount_minor', r.amount_minor, 'currency', r.currency,
        'payment_intent_id', r.payment_intent_id
      ) order by r.created desc), '[]')
      from (
        select t.* from payops.payment_intents as i inner join payops.refunds as t on i.id = t.payment_intent_id
        where i.customer_id = any(p_customers)
        order by t.created desc limit 50
      ) as r
    ),
    'consultations', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', k.id, 'received_at', k.received_at, 'status', k.status, 'state', k.state, 'specialty', k.specialty,
        'order_id', k.order_id, 'provider', v.name
      ) order by k.received_at desc), '[]')
      from (
        select c.* from payops.consultations as c where c.patient_id = p_patient_id
        order by c.received_at desc limit 50
      ) as k
      left join payops.providers as v on k.provider_id = v.id
    )
  )
$$;

-- customer_payments: the person's newest 50 payments, and their number and sums by currency over all time.
create function payops.customer_payments(p_customers text[], p_patient_id text) returns jsonb
language sql stable
set search_path = '' as $$
  with theirs as (
    select i.* from payops.payment_intents as i where i.customer_id = any(p_customers)
    union
    select i.* from payops.payment_intents as i where i.patient_id = p_patient_id
  )
  select jsonb_build_object(
    'payments', (
      select coalesce(jsonb_agg(payops.payment_row(p) order by p.created desc, p.id desc), '[]')
      from (
        select i.* from payops.payment_intents as i
        where i.id in (select t.id from theirs as t order by t.created desc, t.id desc limit 50)
      ) as p
    ),
    'sums', (
      select coalesce(jsonb_agg(to_jsonb(s) order by s.payments desc), '[]')
      from (
        select
          t.currency, count(*) as payments, count(*) filter (where t.status = 'succeeded') as succeeded,
          count(*) filter (where t.status = 'requires_payment_method' and t.error_code is not null) as failed,
          coalesce(sum(t.amount_received_minor), 0) as received_minor
        from theirs as t group by t.currency
      ) as s
    )
  )
$$;

-- customer_life: everything known about one person, found by customer or patient; null if there is nobody.
create function payops_api.customer_life(p_customer_id text, p_patient_id text) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  patient constant text := coalesce(
    p_patient_id, (select c.patient_id from payops.customers as c where c.id = p_customer_id)
  );
  theirs constant text[] := array(select c from payops.customers_of_person(p_customer_id, patient) as c);
  paid constant jsonb := payops.customer_payments(theirs, patient);
  cases constant jsonb := payops.customer_cases(theirs, patient);
begin
  if cardinality(theirs) = 0 and paid -> 'payments' = '[]' and cases -> 'consultations' = '[]' then
    return null;
  end if;
  return jsonb_build_object(
    'customer_id', p_customer_id, 'patient_id', patient,
    'customers', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', c.id, 'created', c.created, 'delinquent', c.delinquent, 'deleted', c.deleted
      ) order by c.created desc, c.id), '[]')
      from payops.customers as c where c.id = any(theirs)
    ),
    'notes', (
      select coalesce(jsonb_agg(to_jsonb(n) order by n.at, n.id), '[]')
      from (
        select w.* from payops.customer_notes as w
        where w.subject = any(theirs || patient)
        order by w.at desc limit 200
      ) as n
    )
  ) || paid || cases;
end
$$;

-- newest_customers: the most recently created customers, at most so many, each with their number of payments.
create function payops_api.newest_customers(p_limit integer) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', c.id, 'created', c.created, 'patient_id', c.patient_id, 'delinquent', c.delinquent,
    'payments', (select count(*) from payops.payment_intents as i where i.customer_id = c.id),
    'subscriptions', (select count(*) from payops.subscriptions as s where s.customer_id = c.id)
  ) order by c.created desc, c.id), '[]')
  from (
    select u.* from payops.customers as u where not u.deleted order by u.created desc, u.id limit least(p_limit, 200)
  ) as c
$$;

-- add_customer_note: adds this note to the customer or patient, and writes to the audit log who wrote it.
create function payops_api.add_customer_note(
  p_subject text, p_note text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  written payops.customer_notes;
begin
  if not exists (select from payops.people_hit(p_subject)) then
    perform payops.refuse('not_found', 'There is no such customer.');
  end if;
  perform payops.require_note(p_note);
  insert into payops.customer_notes (subject, at, written_by, role, note)
  values (p_subject, p_now, p_actor, p_role, btrim(p_note))
  returning * into written;
  perform payops.record_audit(
    p_actor, p_role, 'customers:note:added', 'customer:' || p_subject, p_now,
    null, jsonb_build_object('note', written.id)
  );
  return to_jsonb(written);
end
$$;

-- withdraw_customer_note: deletes the text of a note and records who removed it; another user's note only with `p_any`.
create function payops_api.withdraw_customer_note(
  p_note_id bigint, p_any boolean, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  kept payops.customer_notes;
begin
  select n.* into kept from payops.customer_notes as n where n.id = p_note_id for update;
  perform payops.require_removable(kept.written_by, p_actor, p_any);
  if kept.note is not null then
    update payops.customer_notes as n set note = null, withdrawn_by = p_actor, withdrawn_at = p_now
    where n.id = p_note_id
    returning n.* into kept;
    perform payops.record_audit(
      p_actor, p_role, 'customers:note:withdrawn', 'customer:' || kept.subject, p_now,
      null, jsonb_build_object('note', kept.id)
    );
  end if;
  return to_jsonb(kept);
end
$$;
