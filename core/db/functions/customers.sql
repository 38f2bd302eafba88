-- customers_of_patient: the ids of the patient's customers at Stripe, the newest first.
create function payops_api.customers_of_patient(p_patient_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(c.id order by c.created desc, c.id), '[]')
  from payops.customers as c
  where c.patient_id = p_patient_id and not c.deleted
$$;

-- customer_has_paid: whether any payment of this customer ever succeeded.
create function payops_api.customer_has_paid(p_customer_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(exists (
    select from payops.charges as c where c.customer_id = p_customer_id and c.status = 'succeeded'
  ))
$$;
