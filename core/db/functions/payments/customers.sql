-- customers_of_patient: the ids of the patient's customers at Stripe, newest first.
create function payops_api.customers_of_patient(p_patient_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(c.id order by c.created desc, c.id), '[]')
  from payops.customers as c
  where c.patient_id = p_patient_id and not c.deleted
$$;
