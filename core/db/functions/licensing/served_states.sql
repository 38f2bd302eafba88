-- state_of_order: the state of the patient of this order: that of its own consultation, else of the patient's last one;
-- null if the patient has not asked to be seen.
create function payops.state_of_order(p_order text, p_patient text) returns text
language sql stable
set search_path = '' as $$
  select coalesce(
    (select c.state from payops.consultations as c where c.order_id = p_order order by c.received_at desc limit 1),
    (select c.state from payops.consultations as c where c.patient_id = p_patient order by c.received_at desc limit 1)
  )
$$;

-- require_served: refuses if no provider may see the patient of this order now in this state (or else in the state that
-- they asked from), unless admins allow that, or their consultation is completed: a completed consultation may be paid
-- for.
create function payops_api.require_served(
  p_order text, p_patient text, p_now timestamptz, p_state text default null
) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  asked_in text;
begin
  if not (select p.refuse_unserved from payops.licensing_policy as p)
    or exists (select from payops.consultations as c where c.order_id = p_order and c.status = 'completed') then
    return 'true'::jsonb;
  end if;
  asked_in := coalesce(p_state, payops.state_of_order(p_order, p_patient));
  if asked_in is not null and not exists (select from payops.states as s where s.code = asked_in) then
    perform payops.refuse('state_not_served', asked_in || ' is not a state, DC or a territory, so no provider may see patients there.');
  elsif asked_in is not null and not payops.served_without(asked_in, '', p_now) then
    perform payops.refuse('state_not_served', format(
      'No provider may see patients in %s now, so nothing was charged. Offer the patient to wait, or try again later.',
      (select s.name from payops.states as s where s.code = asked_in)
    ));
  end if;
  return 'true'::jsonb;
end
$$;

-- states_at_risk: the states that providers may see patients in now and where licences ending within so many days would
-- leave nobody; soonest first, with that day, the last provider, and the demand of 30 days.
create function payops_api.states_at_risk(p_days integer, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with last as (
    select distinct on (l.state) l.state, l.valid_until, l.provider_id, p.name
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id and payops.may_be_assigned(p)
    where payops.licence_valid(l, p_now)
    order by l.state, l.valid_until desc
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'state', n.state, 'name', s.name, 'ends_at', n.valid_until, 'provider_id', n.provider_id, 'provider_name', n.name,
    'demand_30_days', (
      select count(*) from payops.consultations as c
      where c.state = n.state and c.received_at > p_now - interval '30 days' and c.received_at <= p_now
    ),
    'open_consultations', (
      select count(*) from payops.consultations as c where c.state = n.state and c.status in ('assigned', 'waiting')
    )
  ) order by n.valid_until, n.state), '[]')
  from last as n
  inner join payops.states as s on n.state = s.code
  where n.valid_until <= p_now + make_interval(days => p_days)
    and not payops.served_without(n.state, '', n.valid_until)
$$;
