-- search_hit: one search result: `opens` is the ID that its page opens with, `about` describes it.
create function payops.search_hit(
  p_kind text, p_id text, p_opens text, p_at timestamptz, p_status text default null, p_about text default null,
  p_amount_minor bigint default null, p_currency text default null
) returns jsonb
language sql immutable
set search_path = '' as $$
  select jsonb_build_object(
    'kind', p_kind, 'id', p_id, 'opens', p_opens, 'at', p_at, 'status', p_status, 'about', p_about,
    'amount_minor', p_amount_minor, 'currency', p_currency
  )
$$;

-- payments_hit: the newest payments with this ID or reference, or with this amount, these last four digits, or both.
create function payops.payments_hit(
  p_text text, p_amounts jsonb, p_last4 text, p_together boolean, p_limit integer
) returns setof jsonb
language sql stable
set search_path = '' as $$
  with asked as (
    select jsonb_build_object('name', p_text) as sought where p_text is not null
    union all
    select jsonb_build_object('amounts', p_amounts, 'last4', p_last4) where p_together
    union all
    select jsonb_build_object('amounts', p_amounts) where not p_together and p_amounts is not null
    union all
    select jsonb_build_object('last4', p_last4) where not p_together and p_last4 is not null
  ),
  found as (
    select distinct on (i.value ->> 'id') i.value as payment
    from asked as a
    cross join lateral jsonb_array_elements(payops_api.find_payments(a.sought, p_limit, false) -> 'items') as i
  )
  select payops.search_hit(
    'payment', f.payment ->> 'id', f.payment ->> 'id', (f.payment ->> 'created')::timestamptz, f.payment ->> 'status',
    coalesce(f.payment ->> 'card_last4', f.payment ->> 'order_id'), (f.payment ->> 'amount_minor')::bigint,
    f.payment ->> 'currency'
  )
  from found as f
  order by f.payment ->> 'created' desc
  limit p_limit
$$;

-- people_hit: the customer with this ID, or the patient with this reference.
create function payops.people_hit(p_text text) returns setof jsonb
language sql stable
set search_path = '' as $$
  select payops.search_hit('customer', c.id, c.id, c.created, null, c.patient_id)
  from payops.customers as c where c.id = p_text
  union all
  select payops.search_hit('patient', p_text, p_text, null)
  where exists (select from payops.customers as c where c.patient_id = p_text)
    or exists (select from payops.consultations as k where k.patient_id = p_text)
    or exists (select from payops.payment_intents as i where i.patient_id = p_text)
$$;

-- care_hit: consultations with this ID, order, submission or patient, newest first, and providers with this ID or NPI,
-- or with these words in their name.
create function payops.care_hit(p_text text, p_limit integer) returns setof jsonb
language sql stable
set search_path = '' as $$
  select payops.search_hit('consultation', k.id, k.id, k.received_at, k.status, k.order_id)
  from (
    select f.* from (
      select c.* from payops.consultations as c where c.id = p_text or c.submission_id = p_text
      union
      select c.* from payops.consultations as c where c.order_id = p_text
      union
      select c.* from payops.consultations as c where c.patient_id = p_text
    ) as f
    order by f.received_at desc
    limit p_limit
  ) as k
  union all
  select payops.search_hit(
    'provider', p.id, p.id, p.created_at, case when p.active then 'active' else 'inactive' end, p.name
  )
  from (
    select f.* from (
      select v.* from payops.providers as v where v.id = p_text or v.npi = p_text
      union
      select v.* from payops.providers as v
      where lower(v.name) like replace(replace(replace(lower(p_text), '\', '\\'), '%', '\%'), '_', '\_') || '%'
      union
      select v.* from payops.providers as v
      where string_to_array(lower(v.name), ' ') @> string_to_array(lower(p_text), ' ')
    ) as f
    order by lower(f.name)
    limit p_limit
  ) as p
$$;

-- stripe_objects_hit: the subscriptions, disputes, refunds, events and payouts with this ID; subscriptions also by
-- order, customer, patient or invoice.
create function payops.stripe_objects_hit(p_text text, p_limit integer) returns setof jsonb
language sql stable
set search_path = '' as $$
  select payops.search_hit('subscription', s.id, s.id, s.created, s.status, coalesce(s.order_id, s.customer_id))
  from (
    select f.* from (
      select u.* from payops.subscriptions as u where u.id = p_text or u.order_id = p_text
      union
      select u.* from payops.subscriptions as u where u.customer_id = p_text or u.patient_id = p_text
      union
      select u.* from payops.invoices as n inner join payops.subscriptions as u on n.subscription_id = u.id
      where n.id = p_text
    ) as f
    order by f.created desc
    limit p_limit
  ) as s
  union all
  select payops.search_hit('dispute', d.id, d.id, d.created, d.status, d.reason, d.amount_minor, d.currency)
  from payops.disputes as d where d.id = p_text
  union all
  select payops.search_hit(
    'refund', r.id, r.payment_intent_id, r.created, r.status, r.payment_intent_id, r.amount_minor, r.currency
  )
  from payops.refunds as r where r.id = p_text and r.payment_intent_id is not null
  union all
  select payops.search_hit('event', e.id, e.id, e.created, null, e.type) from payops.events as e where e.id = p_text
  union all
  select payops.search_hit('payout', p.id, p.id, p.created, p.status, null, p.amount_minor, p.currency)
  from payops.payouts as p where p.id = p_text
$$;

-- search: the results of the kinds that the user may see, at most `p_limit` of each: by ID or reference, and payments
-- by amount and last four digits. With `p_together` a payment must match both.
create function payops_api.search(
  p_text text, p_amounts jsonb, p_last4 text, p_together boolean, p_kinds jsonb, p_limit integer
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(f.hit order by array_position(payops.text_array(p_kinds), f.hit ->> 'kind'), f.hit ->> 'at' desc), '[]')
  from (
    select h as hit from payops.payments_hit(p_text, p_amounts, p_last4, p_together, p_limit) as h
    union all
    select h from payops.people_hit(p_text) as h where p_text is not null
    union all
    select h from payops.care_hit(p_text, p_limit) as h where p_text is not null
    union all
    select h from payops.stripe_objects_hit(p_text, p_limit) as h where p_text is not null
  ) as f
  where f.hit ->> 'kind' = any(payops.text_array(p_kinds))
$$;

-- note_view: records that this user opened this object now; the newest 20 of a user are kept.
create function payops_api.note_view(p_user_name text, p_kind text, p_object_id text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.commit_later();
  insert into payops.recent_views as v (user_name, kind, object_id, seen_at)
  select p_user_name, p_kind, left(p_object_id, 200), p_now
  where exists (select from payops.staff as s where s.name = p_user_name)
  on conflict (user_name, kind, object_id) do update set seen_at = greatest(v.seen_at, excluded.seen_at);
  delete from payops.recent_views as v
  where v.user_name = p_user_name and (v.kind, v.object_id) in (
    select o.kind, o.object_id from payops.recent_views as o
    where o.user_name = p_user_name
    order by o.seen_at desc, o.object_id
    offset 20
  );
  return 'true';
end
$$;

-- recent_views: the objects of these kinds that this user opened last and that still exist, newest first.
create function payops_api.recent_views(p_user_name text, p_kinds jsonb, p_limit integer) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(r.hit order by r.seen_at desc), '[]')
  from (
    select v.seen_at, payops.search_hit(
      v.kind, v.object_id, v.object_id, v.seen_at, null, p.name, coalesce(i.amount_minor, d.amount_minor),
      coalesce(i.currency, d.currency)
    ) as hit
    from payops.recent_views as v
    left join payops.payment_intents as i on v.kind = 'payment' and v.object_id = i.id
    left join payops.disputes as d on v.kind = 'dispute' and v.object_id = d.id
    left join payops.providers as p on v.kind = 'provider' and v.object_id = p.id
    where v.user_name = p_user_name and v.kind = any(payops.text_array(p_kinds))
      and (v.kind <> 'payment' or i.id is not null) and (v.kind <> 'provider' or p.id is not null)
    order by v.seen_at desc
    limit p_limit
  ) as r
$$;
