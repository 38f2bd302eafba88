-- consultation_as_json: the fields of a consultation that callers get, with its provider's name.
create function payops.consultation_as_json(p_consultation payops.consultations) returns jsonb
language sql stable
set search_path = '' as $$
  select (to_jsonb(p_consultation) - array['body_sha256', 'first_answer']) || jsonb_build_object(
    'provider_name', (select p.name from payops.providers as p where p.id = p_consultation.provider_id)
  )
$$;

-- consultation_named: the consultation with this id; refused if it does not exist.
create function payops.consultation_named(p_id text) returns payops.consultations
language plpgsql stable
set search_path = '' as $$
declare
  named payops.consultations;
begin
  select c.* into named from payops.consultations as c where c.id = p_id;
  if not found then
    perform payops.refuse('no_such_consultation', 'There is no consultation with this ID.');
  end if;
  return named;
end
$$;

-- lock_consultation: locks the consultation with this ID until the transaction ends, and returns it; refused if it does
-- not exist.
create function payops.lock_consultation(p_id text) returns payops.consultations
language plpgsql
set search_path = '' as $$
begin
  perform from payops.consultations as c where c.id = p_id for update;
  return payops.consultation_named(p_id);
end
$$;

-- require_open: refuses if the consultation is completed or cancelled.
create function payops.require_open(p_consultation payops.consultations) returns void
language plpgsql
set search_path = '' as $$
begin
  if p_consultation.status in ('completed', 'cancelled') then
    perform payops.refuse('already_ended', format('This consultation is already %s.', p_consultation.status));
  end if;
end
$$;

-- end_consultation: completes or cancels the consultation; its provider has one open consultation less. A second call
-- changes nothing.
create function payops_api.end_consultation(
  p_actor text, p_actor_role text, p_id text, p_status text, p_now timestamptz, p_reason text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before constant payops.consultations := payops.lock_consultation(p_id);
begin
  if p_status not in ('completed', 'cancelled') then
    perform payops.refuse('bad_status', 'A consultation ends as completed or cancelled.');
  elsif before.status <> p_status then
    perform payops.require_open(before);
    update payops.consultations set status = p_status, ended_at = p_now where id = p_id;
    perform payops.record_audit(
      p_actor, p_actor_role, 'providers:consultation:' || p_status, 'consultation:' || p_id, p_now,
      jsonb_build_object('status', before.status, 'provider_id', before.provider_id), null, p_reason
    );
    if before.status = 'assigned' then
      perform payops.change_pending(before.provider_id, -1);
      perform payops.drain_for(array[before.provider_id], p_now);
    end if;
  end if;
  return jsonb_build_object('consultationId', p_id, 'status', p_status);
end
$$;

-- drain_for: assigns consultations waiting in the states of these providers, as far as there is capacity. Returns how
-- many. States are locked in order, so that two transactions do not wait for each other.
create function payops.drain_for(p_providers text[], p_now timestamptz) returns integer
language plpgsql
set search_path = '' as $$
declare
  drained integer := 0;
  waiting_in text;
begin
  for waiting_in in
    select distinct l.state
    from payops.availability as o
    inner join payops.licences as l on o.provider_id = l.provider_id and o.licence_id in (l.id, l.home_licence_id)
    where o.provider_id in (select unnest(p_providers)) and o.load < 1
      and exists (select from payops.consultations as c where c.state = l.state and c.status = 'waiting')
    order by l.state
  loop
    drained := drained + payops.drain_state(waiting_in, p_now);
  end loop;
  return drained;
end
$$;

-- may_see: whether this provider is active, not blocked, and licensed in this state now.
create function payops.may_see(p_provider text, p_state text, p_now timestamptz) returns boolean
language sql stable
set search_path = '' as $$
  select exists (
    select from payops.providers as p
    inner join payops.licences as l on p.id = l.provider_id
    where p.id = p_provider and payops.may_be_assigned(p) and l.state = p_state and payops.licence_valid(l, p_now)
  )
$$;

-- found_consultations: a page of the consultations in this status (`to_reassign`: their provider is no longer active or
-- licensed there; `ended`: completed or cancelled; `overdue`: waiting for too long), in one state, of one specialty,
-- provider or patient, if given; or of those with this consultation, submission, order or patient ID. Open ones oldest
-- first, ended ones newest first; only those after `p_after_id` in that order if given.
create function payops.found_consultations(
  p_status text, p_state text, p_provider text, p_patient text, p_search text, p_now timestamptz, p_skip integer,
  p_limit integer, p_after_id text, p_specialty text
) returns setof payops.consultations
language plpgsql stable
set search_path = '' as $$
begin
  if p_search is not null then
    return query
      select c.* from payops.consultations as c
      where c.id = p_search or c.submission_id = p_search or c.order_id = p_search or c.patient_id = p_search
      order by c.received_at desc, c.id
      offset p_skip limit p_limit;
  elsif p_patient is not null then
    return query
      select c.* from payops.consultations as c
      where c.patient_id = p_patient and (p_status is null or c.status = p_status)
      order by c.received_at desc, c.id
      offset p_skip limit p_limit;
  elsif p_status in ('assigned', 'to_reassign', 'misplaced') then  -- `misplaced` is the name in the version before
    return query
      select c.* from payops.consultations as c
      where c.status = 'assigned' and (p_state is null or c.state = p_state)
        and (p_specialty is null or c.specialty = p_specialty)
        and (p_provider is null or c.provider_id = p_provider)
        and (p_status = 'assigned' or not payops.may_see(c.provider_id, c.state, p_now))
        and (p_after_id is null or (c.received_at, c.id) > (
          select a.received_at, a.id from payops.consultations as a where a.id = p_after_id
        ))
      order by c.received_at, c.id
      offset p_skip limit p_limit;
  elsif p_status in ('waiting', 'overdue') then
    return query
      select c.* from payops.consultations as c
      where c.status = 'waiting' and (p_state is null or c.state = p_state)
        and (p_specialty is null or c.specialty = p_specialty)
        and (p_status = 'waiting' or c.received_at <= p_now - payops.waiting_limit())
        and (p_after_id is null or (c.received_at, c.id) > (
          select a.received_at, a.id from payops.consultations as a where a.id = p_after_id
        ))
      order by c.received_at, c.id
      offset p_skip limit p_limit;
  else
    return query
      select c.* from payops.consultations as c
      where c.ended_at is not null and (p_status = 'ended' or c.status = p_status)
        and (p_state is null or c.state = p_state) and (p_provider is null or c.provider_id = p_provider)
        and (p_specialty is null or c.specialty = p_specialty)
        and (p_after_id is null or (c.ended_at, c.id) < (
          select a.ended_at, a.id from payops.consultations as a where a.id = p_after_id
        ))
      order by c.ended_at desc, c.id desc
      offset p_skip limit p_limit;
  end if;
end
$$;

-- list_consultations: the consultations found, at most 1,000, with their age in seconds, whether they have waited
-- longer than the limit, why they are waiting now, and whether their provider may see them; those after `p_after_id` if
-- given.
create function payops_api.list_consultations(
  p_status text, p_now timestamptz, p_state text default null, p_provider text default null,
  p_patient text default null, p_search text default null, p_skip integer default 0, p_limit integer default 200,
  p_after_id text default null, p_specialty text default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    payops.consultation_as_json(f.one) || jsonb_build_object(
      'reason',
      case when (f.one).status = 'waiting' then payops.no_provider_reason((f.one).state, p_now) else (f.one).reason end,
      'age_seconds', floor(extract(epoch from p_now - (f.one).received_at)),
      'overdue', (f.one).status = 'waiting' and (f.one).received_at <= p_now - payops.waiting_limit(),
      'may_see', (f.one).provider_id is null or payops.may_see((f.one).provider_id, (f.one).state, p_now)
    )
    order by f.place
  ), '[]')
  from (
    select g as one, row_number() over () as place
    from payops.found_consultations(
      p_status, p_state, p_provider, p_patient, p_search, p_now, p_skip, least(p_limit, 1000), p_after_id,
      p_specialty
    ) as g
  ) as f
$$;

-- consultation: one consultation with every decision about it, first to last, with the licences and verification that
-- each relied on, and the payments of its order.
create function payops_api.consultation(p_id text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  found_one constant payops.consultations := payops.consultation_named(p_id);
begin
  return payops.consultation_as_json(found_one) || jsonb_build_object(
    'age_seconds', floor(extract(epoch from p_now - found_one.received_at)),
    'overdue', found_one.status = 'waiting' and found_one.received_at <= p_now - payops.waiting_limit(),
    'may_see', found_one.provider_id is null or payops.may_see(found_one.provider_id, found_one.state, p_now),
    'decisions', (
      select coalesce(jsonb_agg(
        to_jsonb(d) || jsonb_build_object(
          'provider_name', (select p.name from payops.providers as p where p.id = d.provider_id),
          'candidates', payops.with_names(d.candidates),
          'licences', case when d.provider_id is null then '[]' else
            payops.licences_at(d.provider_id, found_one.state, d.at)
          end
        )
        order by d.id
      ), '[]')
      from payops.assignment_decisions as d where d.consultation_id = p_id
    ),
    'payments', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', i.id, 'status', i.status, 'currency', i.currency, 'amount_minor', i.amount_minor,
        'received_minor', i.amount_received_minor, 'refunded_minor', coalesce(r.refunded_minor, 0)
      ) order by i.created), '[]')
      from payops.payment_intents as i
      left join lateral payops.refund_position(i.id) as r on true
      where i.order_id = found_one.order_id
    )
  );
end
$$;

-- with_names: the recorded candidates of a decision, each with the provider's current name.
create function payops.with_names(p_candidates jsonb) returns jsonb
language sql stable
set search_path = '' as $$
  select p_candidates || jsonb_build_object('items', (
    select coalesce(jsonb_agg(c.one || jsonb_build_object(
      'name', (select p.name from payops.providers as p where p.id = c.one ->> 'provider_id')
    ) order by c.place), '[]')
    from jsonb_array_elements(p_candidates -> 'items') with ordinality as c (one, place)
  ))
$$;
