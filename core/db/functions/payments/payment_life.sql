-- objects_of_payment: the ids of all objects at Stripe that belong to this payment.
create function payops.objects_of_payment(p_payment_intent_id text) returns setof text
language sql stable
set search_path = '' as $$
  select p_payment_intent_id
  union select c.id from payops.charges as c where c.payment_intent_id = p_payment_intent_id
  union select r.id from payops.refunds as r where r.payment_intent_id = p_payment_intent_id
  union select d.id from payops.disputes as d where d.payment_intent_id = p_payment_intent_id
  union select w.id from payops.early_fraud_warnings as w where w.payment_intent_id = p_payment_intent_id
  union select s.id from payops.checkout_sessions as s where s.payment_intent_id = p_payment_intent_id
  union select v.invoice_id from payops.invoice_payments as v where v.payment_intent_id = p_payment_intent_id
$$;

-- payment_at_stripe: the objects of this payment at Stripe, as mirrored, and its balance transactions.
create function payops.payment_at_stripe(p_payment_intent_id text, p_objects text[]) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'charges', (
      select coalesce(jsonb_agg(to_jsonb(c) order by c.created), '[]')
      from payops.charges as c where c.payment_intent_id = p_payment_intent_id
    ),
    'failed_confirmations', (
      select coalesce(jsonb_agg(to_jsonb(f) order by f.created), '[]')
      from payops.failed_confirmations as f where f.payment_intent_id = p_payment_intent_id
    ),
    'refunds', (
      select coalesce(jsonb_agg(to_jsonb(r) order by r.created), '[]')
      from payops.refunds as r where r.payment_intent_id = p_payment_intent_id
    ),
    'disputes', (
      select coalesce(jsonb_agg(to_jsonb(d) order by d.created), '[]')
      from payops.disputes as d where d.payment_intent_id = p_payment_intent_id
    ),
    'warnings', (
      select coalesce(jsonb_agg(to_jsonb(w) order by w.created), '[]')
      from payops.early_fraud_warnings as w where w.payment_intent_id = p_payment_intent_id
    ),
    'sessions', (
      select coalesce(jsonb_agg(to_jsonb(s) order by s.created), '[]')
      from payops.checkout_sessions as s where s.payment_intent_id = p_payment_intent_id
    ),
    'invoices', (
      select coalesce(jsonb_agg(to_jsonb(n) order by n.created), '[]')
      from payops.invoices as n where n.id = any(p_objects)
    ),
    'balance_transactions', (
      select coalesce(jsonb_agg(to_jsonb(b) || jsonb_build_object('payout_id', o.payout_id) order by b.created), '[]')
      from payops.balance_transactions as b
      left join payops.payout_contents as o on b.id = o.balance_transaction_id
      where b.source_id = any(p_objects)
    )
  )
$$;

-- payment_with_us: our events, calls, audit entries, actions and notes about this payment; the newest 200 of each kind.
create function payops.payment_with_us(p_payment_intent_id text, p_objects text[], p_order_id text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'events', (
      select coalesce(jsonb_agg(to_jsonb(e) order by e.created), '[]')
      from (
        select v.id, v.type, v.created, v.received_at, v.object_id, v.came_by, h.outcome, h.attempts, h.reason
        from payops.events as v
        left join payops.event_handlings as h on v.id = h.event_id
        where v.object_id = any(p_objects)
        order by v.created desc
        limit 200
      ) as e
    ),
    'calls', (
      select coalesce(jsonb_agg(to_jsonb(c) order by c.at), '[]')
      from (
        select k.* from payops.stripe_calls as k where k.subject = any(p_objects) order by k.at desc limit 200
      ) as c
    ),
    'requests', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'caller', q.caller, 'at', q.started_at, 'answered_at', q.lease_until, 'status', q.status
      ) order by q.started_at), '[]')
      from payops.api_requests as q
      where q.answer ->> 'paymentIntentId' = p_payment_intent_id and q.state = 'answered'
    ),
    'audit', (
      select coalesce(jsonb_agg(to_jsonb(a) order by a.id), '[]')
      from (
        select l.id, l.at, l.actor, l.role, l.action, l.subject, l.outcome, l.reason, l.after
        from (
          select n.id
          from unnest(p_objects) as o
          inner join payops.audit_log as n on n.subject = split_part(o, '_', 1) || ':' || o
          union
          select n.id -- a customer's own requests are listed with the customer
          from payops.money_actions as m
          inner join payops.audit_log as n
            on n.subject = split_part(m.subject, '_', 1) || ':' || m.subject and n.after ->> 'action' = m.id
          where m.payment_intent_id = p_payment_intent_id
        ) as told
        inner join payops.audit_log as l on told.id = l.id
        order by l.id desc
        limit 200
      ) as a
    ),
    'actions', (
      select coalesce(jsonb_agg(payops.action_as_json(m) - 'params' order by m.requested_at), '[]')
      from payops.money_actions as m where m.payment_intent_id = p_payment_intent_id
    ),
    'consultations', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', k.id, 'status', k.status, 'received_at', k.received_at, 'assigned_at', k.assigned_at,
        'ended_at', k.ended_at, 'provider', v.name
      ) order by k.received_at), '[]')
      from payops.consultations as k
      left join payops.providers as v on k.provider_id = v.id
      where k.order_id = p_order_id
    ),
    'notes', (
      select coalesce(jsonb_agg(to_jsonb(n) order by n.at, n.id), '[]')
      from payops.payment_notes as n where n.payment_intent_id = p_payment_intent_id
    )
  )
$$;

-- payment_life: everything known about one payment; null for an unknown ID.
create function payops_api.payment_life(p_payment_intent_id text) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  intent payops.payment_intents;
  objects text[] := array(select o from payops.objects_of_payment(p_payment_intent_id) as o where o is not null);
begin
  select i.* into intent from payops.payment_intents as i where i.id = p_payment_intent_id;
  if not found then
    return null;
  end if;
  return jsonb_build_object('payment', payops.payment_row(intent), 'intent', to_jsonb(intent))
    || payops.payment_at_stripe(p_payment_intent_id, objects)
    || payops.payment_with_us(p_payment_intent_id, objects, intent.order_id);
end
$$;

-- add_payment_note: adds this note to the payment, and writes to the audit log who wrote it.
create function payops_api.add_payment_note(
  p_payment_intent_id text, p_note text, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  written payops.payment_notes;
begin
  if not exists (select from payops.payment_intents as i where i.id = p_payment_intent_id) then
    perform payops.refuse('not_found', 'There is no such payment.');
  end if;
  perform payops.require_note(p_note);
  insert into payops.payment_notes (payment_intent_id, at, written_by, role, note)
  values (p_payment_intent_id, p_now, p_actor, p_role, btrim(p_note))
  returning * into written;
  perform payops.record_audit(
    p_actor, p_role, 'payments:note:added', 'pi:' || p_payment_intent_id, p_now,
    null, jsonb_build_object('note', written.id)
  );
  return to_jsonb(written);
end
$$;

-- withdraw_payment_note: deletes the text of a note and records who removed it; another user's note only with `p_any`.
create function payops_api.withdraw_payment_note(
  p_note_id bigint, p_any boolean, p_actor text, p_role text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  kept payops.payment_notes;
begin
  select n.* into kept from payops.payment_notes as n where n.id = p_note_id for update;
  perform payops.require_removable(kept.written_by, p_actor, p_any);
  if kept.note is not null then
    update payops.payment_notes as n set note = null, withdrawn_by = p_actor, withdrawn_at = p_now
    where n.id = p_note_id
    returning n.* into kept;
    perform payops.record_audit(
      p_actor, p_role, 'payments:note:withdrawn', 'pi:' || kept.payment_intent_id, p_now,
      null, jsonb_build_object('note', kept.id)
    );
  end if;
  return to_jsonb(kept);
end
$$;
