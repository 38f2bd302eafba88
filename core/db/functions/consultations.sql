-- consultation_as_json: a consultation as the outside sees it, with its provider's name.
create function payops.consultation_as_json(p_consultation payops.consultations) returns jsonb
language sql stable
set search_path = '' as $$
  select (to_jsonb(p_consultation) - array['body_sha256', 'first_answer']) || jsonb_build_object(
    'provider_name', (select p.name from payops.providers as p where p.id = p_consultation.provider_id)
  )
$$;

-- consultation_named: the consultation of this id, locked until the transaction ends; refused where there is none.
create function payops.consultation_named(p_id text) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  named payops.consultations;
begin
  select c.* into named from payops.consultations as c where c.id = p_id for update;
  if not found then
    perform payops.refuse('no_such_consultation', 'There is no consultation of this id.');
  end if;
  return named;
end
$$;

-- submit_consultation: the submission is recorded once and has a provider or waits; sent again it gets its first
-- answer, and is refused where it says something else. Whoever waits in the state already goes first.
create function payops_api.submit_consultation(
  p_submission_id text, p_body_sha256 text, p_patient_id text, p_state text, p_specialty text, p_now timestamptz,
  p_order_id text default null, p_preferred_provider_id text default null, p_submitted_at timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  submitted payops.consultations;
begin
  perform payops.check_submission(p_state, p_specialty, p_preferred_provider_id);
  perform pg_advisory_xact_lock(hashtextextended('submission:' || p_submission_id, 0));
  if exists (select from payops.consultations as c where c.submission_id = p_submission_id) then
    return payops.first_answer(p_submission_id, p_body_sha256);
  end if;
  submitted.id := 'cons_' || replace(gen_random_uuid()::text, '-', '');
  submitted.submission_id := p_submission_id;
  submitted.body_sha256 := p_body_sha256;
  submitted.patient_id := p_patient_id;
  submitted.state := p_state;
  submitted.specialty := p_specialty;
  submitted.order_id := p_order_id;
  submitted.preferred_provider_id := p_preferred_provider_id;
  submitted.submitted_at := p_submitted_at;
  submitted.received_at := p_now;
  submitted.status := 'waiting';
  submitted.reason := 'Received.';
  submitted.declined_by := '{}';
  if exists (select from payops.consultations as c where c.state = p_state and c.status = 'waiting') then
    submitted := payops.put_in_line(submitted, p_now);
  else
    submitted := payops.put_first(submitted, p_now);
  end if;
  return submitted.first_answer;
end
$$;

-- put_first: a consultation that nobody waits before is recorded, with a provider or waiting; how is kept.
create function payops.put_first(p_submitted payops.consultations, p_now timestamptz) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  started constant timestamptz := clock_timestamp();
  seen constant jsonb := payops.considered(p_submitted, p_now);
  given payops.consultations := payops.decided(p_submitted, p_now, true);
begin
  given.first_answer := payops.answer_to(given);
  insert into payops.consultations select given.*;
  perform payops.record_decision(given, 'intake', 'system:intake', p_now, seen, started);
  return given;
end
$$;

-- put_in_line: a consultation that others wait before is recorded, and has a provider if there is one left after them.
create function payops.put_in_line(p_submitted payops.consultations, p_now timestamptz) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  given payops.consultations;
begin
  insert into payops.consultations select p_submitted.*;
  perform payops.drain_state(p_submitted.state, p_now);
  select c.* into given from payops.consultations as c where c.id = p_submitted.id;
  if given.status = 'waiting' then
    given := payops.place(given, 'intake', 'system:intake', p_now, false);
  end if;
  given.first_answer := payops.answer_to(given);
  update payops.consultations set first_answer = given.first_answer where id = given.id;
  return given;
end
$$;

-- answer_to: what the intake form is told of this consultation.
create function payops.answer_to(p_consultation payops.consultations) returns jsonb
language sql immutable
set search_path = '' as $$
  select jsonb_build_object(
    'consultationId', p_consultation.id, 'status', p_consultation.status, 'providerId', p_consultation.provider_id,
    'match', p_consultation.match, 'reason', p_consultation.reason
  )
$$;

-- check_submission: refused, with the field it is about, where state, specialty or preferred provider is unknown.
create function payops.check_submission(p_state text, p_specialty text, p_preferred text) returns void
language plpgsql
set search_path = '' as $$
begin
  if not exists (select from payops.states as s where s.code = p_state) then
    perform payops.refuse('unknown_state', 'patientState is not the USPS code of a state, DC or a territory.');
  elsif not exists (select from payops.specialties as s where s.code = p_specialty) then
    perform payops.refuse('unknown_specialty', 'specialty is none of the specialties there are.');
  elsif p_preferred is not null and not exists (select from payops.providers as p where p.id = p_preferred) then
    perform payops.refuse('unknown_provider', 'preferredProviderId is no provider there is.');
  end if;
end
$$;

-- first_answer: what this submission was answered the first time; refused where its body was another.
create function payops.first_answer(p_submission_id text, p_body_sha256 text) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  earlier payops.consultations;
begin
  select c.* into earlier from payops.consultations as c where c.submission_id = p_submission_id;
  if earlier.body_sha256 <> p_body_sha256 then
    perform payops.refuse('submission_differs', 'This submissionId was sent before with another body.');
  end if;
  return earlier.first_answer;
end
$$;

-- end_consultation: the consultation is completed or cancelled, and its provider has room for one more, once.
create function payops_api.end_consultation(
  p_actor text, p_actor_role text, p_id text, p_status text, p_now timestamptz, p_reason text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.consultations := payops.consultation_named(p_id);
begin
  if p_status not in ('completed', 'cancelled') then
    perform payops.refuse('bad_status', 'A consultation ends as completed or cancelled.');
  elsif before.status in ('completed', 'cancelled') and before.status <> p_status then
    perform payops.refuse('already_ended', format('This consultation is %s already.', before.status));
  elsif before.status <> p_status then
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

-- drain_for: what waits in the states of these providers is placed, as far as there is room; answers how many. States
-- are taken in order, so that two who do this do not wait for each other.
create function payops.drain_for(p_providers text[], p_now timestamptz) returns integer
language plpgsql
set search_path = '' as $$
declare
  drained integer := 0;
  waiting_in text;
begin
  for waiting_in in
    select distinct o.state from payops.openings as o
    where o.provider_id = any(p_providers) and o.load < 1
      and exists (select from payops.consultations as c where c.state = o.state and c.status = 'waiting')
    order by o.state
  loop
    drained := drained + payops.drain_state(waiting_in, p_now);
  end loop;
  return drained;
end
$$;

-- may_take: whether this provider can be given this consultation by hand; refused with why not. Only an admin who
-- says so gets past capacity or specialty, and nobody past the licence. The provider is locked.
create function payops.may_take(
  p_consultation payops.consultations, p_provider text, p_actor_role text, p_override boolean, p_now timestamptz
) returns integer
language plpgsql
set search_path = '' as $$
declare
  asked record;
  best integer;
begin
  perform from payops.providers as p where p.id = p_provider for update;
  select c.* into asked from payops.candidates_of(
    p_consultation.state, p_consultation.specialty, p_now, array[p_provider]
  ) as c;
  if asked.provider_id is null then
    perform payops.refuse('unknown_provider', 'There is no provider of this id.');
  elsif not asked.licensed then
    perform payops.refuse('not_licensed', 'This provider cannot be chosen: ' || asked.why);
  elsif asked.why = 'Deactivated.' then
    perform payops.refuse('not_active', 'This provider cannot be chosen: they are deactivated.');
  elsif p_override and p_actor_role <> 'admin' then
    perform payops.refuse('not_allowed', 'Only an admin may pass over capacity or specialty.');
  elsif not p_override and asked.pending >= asked.capacity then
    perform payops.refuse('at_capacity', 'This provider is at capacity. Only an admin may pass over that.');
  elsif not p_override and asked.tier > 1 then
    best := case
      when exists (
        select from payops.next_in_order(p_consultation.state, array[p_consultation.specialty], '{}', p_now, 1)
      ) then 1
      when exists (select from payops.next_in_order(p_consultation.state, array['general_practice'], '{}', p_now, 1))
        then 2
      else 3
    end;
    if asked.tier > best then
      perform payops.refuse('another_specialty', 'Somebody who fits better is free. Only an admin may pass over that.');
    end if;
  end if;
  return asked.tier;
end
$$;

-- assign_consultation: the consultation is the named provider's, for the reason given; without a name it goes to whom
-- the rules choose. Whoever had it before has room again.
create function payops_api.assign_consultation(
  p_actor text, p_actor_role text, p_id text, p_now timestamptz, p_provider text default null,
  p_reason text default null, p_override boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  started constant timestamptz := clock_timestamp();
  before payops.consultations := payops.consultation_named(p_id);
  given payops.consultations;
  seen jsonb;
  tier integer;
begin
  if before.status in ('completed', 'cancelled') then
    perform payops.refuse('already_ended', format('This consultation is %s already.', before.status));
  elsif p_provider is null and before.status = 'assigned' then
    perform payops.refuse('already_assigned', 'This consultation has a provider. Release it, or name another.');
  elsif p_provider is null then
    return payops.consultation_as_json(payops.place(before, 'manual', p_actor, p_now, true));
  elsif p_provider = before.provider_id then
    return payops.consultation_as_json(before);
  elsif coalesce(btrim(p_reason), '') = '' then
    perform payops.refuse('reason_missing', 'Say why this provider is chosen by hand.');
  end if;
  perform from payops.providers as p where p.id in (p_provider, before.provider_id) order by p.id for update;
  seen := payops.considered(before, p_now);
  tier := payops.may_take(before, p_provider, p_actor_role, p_override, p_now);
  if before.provider_id is not null then
    perform payops.change_pending(before.provider_id, -1);
  end if;
  perform payops.change_pending(p_provider, 1, p_now);
  update payops.consultations set
    status = 'assigned', provider_id = p_provider, assigned_at = p_now, reason = 'By hand: ' || btrim(p_reason),
    match = case tier when 1 then 'specialty' else 'fallback' end
  where id = p_id
  returning * into given;
  perform payops.record_decision(given, 'manual', p_actor, p_now, seen, started);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:consultation:assigned', 'consultation:' || p_id, p_now,
    jsonb_build_object('provider_id', before.provider_id),
    jsonb_build_object('provider_id', p_provider, 'override', p_override), p_reason
  );
  if before.provider_id is not null then
    perform payops.drain_for(array[before.provider_id], p_now);
  end if;
  return payops.consultation_as_json(given);
end
$$;

-- release_consultation: the consultation is taken back from its provider, who does not get it again by itself, and goes
-- to the next or waits.
create function payops_api.release_consultation(
  p_actor text, p_actor_role text, p_id text, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.consultations := payops.consultation_named(p_id);
  released payops.consultations;
begin
  if before.status <> 'assigned' then
    perform payops.refuse('not_assigned', 'This consultation has no provider to be taken back from.');
  elsif coalesce(btrim(p_reason), '') = '' then
    perform payops.refuse('reason_missing', 'Say why it is taken back.');
  end if;
  perform payops.change_pending(before.provider_id, -1);
  update payops.consultations set
    status = 'waiting', provider_id = null, match = null, assigned_at = null, preferred_provider_id = null,
    declined_by = array_append(declined_by, before.provider_id), reason = 'Taken back: ' || btrim(p_reason)
  where id = p_id
  returning * into released;
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:consultation:released', 'consultation:' || p_id, p_now,
    jsonb_build_object('provider_id', before.provider_id), null, p_reason
  );
  released := payops.place(released, 'release', p_actor, p_now, false);
  perform payops.drain_for(array[before.provider_id], p_now);
  return payops.consultation_as_json(released);
end
$$;

-- list_consultations: those in this status, oldest first while open and newest first when ended, of one state or
-- provider if named; at most 1,000, with their age in seconds, whether they wait past
-- their time, and why they wait now.
create function payops_api.list_consultations(
  p_status text, p_now timestamptz, p_state text default null, p_provider text default null,
  p_patient text default null, p_limit integer default 200
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    payops.consultation_as_json(found) || jsonb_build_object(
      'reason', case when found.status = 'waiting' then payops.why_nobody(found.state, p_now) else found.reason end,
      'age_seconds', floor(extract(epoch from p_now - found.received_at)),
      'overdue', found.status = 'waiting' and found.received_at <= p_now - payops.waiting_limit()
    )
    order by found.ended_at desc nulls first, found.received_at, found.id
  ), '[]')
  from (
    select c.* from payops.consultations as c
    where (p_status is null or c.status = p_status) and (p_state is null or c.state = p_state)
      and (p_provider is null or c.provider_id = p_provider) and (p_patient is null or c.patient_id = p_patient)
    order by c.ended_at desc nulls first, c.received_at, c.id
    limit least(p_limit, 1000)
  ) as found
$$;

-- consultation: one consultation with every decision about it, first to last; refused where there is none.
create function payops_api.consultation(p_id text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  found_one constant payops.consultations := payops.consultation_named(p_id);
begin
  return payops.consultation_as_json(found_one) || jsonb_build_object('decisions', (
    select coalesce(jsonb_agg(to_jsonb(d) order by d.id), '[]')
    from payops.assignment_decisions as d where d.consultation_id = p_id
  ));
end
$$;

-- candidates: who has a licence in the consultation's state, in the order of choice, with why each is in or out now;
-- `selectable` says who may be chosen by hand without an override. At most so many.
create function payops_api.candidates(p_id text, p_now timestamptz, p_limit integer default 200) returns jsonb
language sql security definer
set search_path = '' as $$
  with asked as (select * from payops.consultation_named(p_id)),
  named as (
    select coalesce(array_agg(n.provider_id), '{}') as ids from (
      select distinct l.provider_id from payops.licences as l, asked as a
      where l.state = a.state
      order by l.provider_id
      limit p_limit
    ) as n
  ),
  listed as (
    select c.*, p.name, row_number() over () as place
    from asked as a
    cross join named as n
    cross join lateral payops.candidates_of(a.state, a.specialty, p_now, n.ids, a.declined_by) as c
    inner join payops.providers as p on c.provider_id = p.id
  )
  select coalesce(jsonb_agg(
    to_jsonb(l) || jsonb_build_object(
      'selectable', l.eligible and l.tier <= (select min(b.tier) from listed as b where b.eligible)
    )
    order by l.eligible desc, l.tier, l.place
  ), '[]')
  from listed as l
$$;
