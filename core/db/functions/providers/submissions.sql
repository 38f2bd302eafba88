-- acquire_assignment_slot: waits until fewer than five other transactions are choosing a provider, first come, first
-- served, and holds one of five slots until the transaction ends. More at once would only contend for the same rows:
-- all finish sooner if some wait. A transaction that waits for a slot holds no other lock.
--
-- All wait for one queue lock, which is held only until there is a slot: a slow transaction holds up only the next one.
-- The slots are used in rotation, so that the one waited for is most likely the first to be free.
create function payops.acquire_assignment_slot() returns void
language plpgsql
set search_path = '' as $$
declare
  slots constant integer := 5;
  mine integer;
begin
  perform pg_advisory_lock(payops.advisory_lock('assignment slot choice'));
  mine := nextval('payops.assignment_slots') % slots;
  for slot in mine..mine + slots - 1 loop
    if pg_try_advisory_xact_lock(payops.advisory_lock('assignment slot'), slot % slots) then
      perform pg_advisory_unlock(payops.advisory_lock('assignment slot choice'));
      return;
    end if;
  end loop;
  perform pg_advisory_xact_lock(payops.advisory_lock('assignment slot'), mine);
  perform pg_advisory_unlock(payops.advisory_lock('assignment slot choice'));
exception
  when others or query_canceled then
    perform pg_advisory_unlock(payops.advisory_lock('assignment slot choice')); -- a cancel may come before we hold it
    raise;
end
$$;

-- submit_consultation: records the submission once and assigns a provider, or leaves it waiting. Repeated, it gets its
-- first answer; refused if its body differs. Consultations that already wait in the state go first. Returns null, and
-- does nothing, if some schedules are stale and the caller has not refreshed them: refreshed here, their locks would be
-- held while this waits for others.
create function payops_api.submit_consultation(
  p_submission_id text, p_body_sha256 text, p_patient_id text, p_state text, p_specialty text, p_now timestamptz,
  p_order_id text default null, p_preferred_provider_id text default null, p_submitted_at timestamptz default null,
  p_refreshed boolean default true
) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' as $$
declare
  submitted payops.consultations;
  market text;
begin
  if not p_refreshed and payops.schedules_are_stale(p_now) then
    return null;
  end if;
  perform payops.check_submission(p_state, p_specialty, p_preferred_provider_id);
  perform payops.acquire_assignment_slot();
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
    submitted := payops.assign_after_waiting(submitted, p_now);
  else
    submitted := payops.assign_first_in_line(submitted, p_now);
  end if;
  foreach market in array payops.markets_of(p_state) loop
    perform payops.advance_search_cursor(market, p_specialty);
    if submitted.match is distinct from 'specialty' then
      perform payops.advance_search_cursor(market, 'general_practice');
    end if;
  end loop;
  return submitted.first_answer;
end
$$;

-- assign_first_in_line: records a consultation that no other waits before, with a provider or waiting, and the
-- decision.
create function payops.assign_first_in_line(p_submitted payops.consultations, p_now timestamptz) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  started constant timestamptz := clock_timestamp();
  decision constant record := payops.assignment_decision(p_submitted, p_now, true);
  given payops.consultations := decision.decided;
begin
  given.first_answer := payops.answer_to(given);
  insert into payops.consultations select given.*;
  perform payops.record_decision(given, 'intake', 'system:intake', p_now, decision.candidates, started);
  return given;
end
$$;

-- assign_after_waiting: records a consultation that others wait before; it gets a provider if one is left after them.
create function payops.assign_after_waiting(p_submitted payops.consultations, p_now timestamptz) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  given payops.consultations;
begin
  insert into payops.consultations select p_submitted.*;
  perform payops.drain_state(p_submitted.state, p_now);
  select c.* into given from payops.consultations as c where c.id = p_submitted.id;
  if given.status = 'waiting' then
    given := payops.assign(given, 'intake', 'system:intake', p_now, false);
  end if;
  given.first_answer := payops.answer_to(given);
  update payops.consultations set first_answer = given.first_answer where id = given.id;
  return given;
end
$$;

-- answer_to: the answer to the intake form about this consultation.
create function payops.answer_to(p_consultation payops.consultations) returns jsonb
language sql stable
return jsonb_build_object(
  'consultationId', p_consultation.id, 'status', p_consultation.status, 'providerId', p_consultation.provider_id,
  'match', p_consultation.match, 'reason', p_consultation.reason
);

-- check_submission: refuses an unknown state, specialty or preferred provider, naming the field.
create function payops.check_submission(p_state text, p_specialty text, p_preferred text) returns void
language plpgsql
set search_path = '' as $$
declare
  known record;
begin
  select
    exists (select from payops.states as s where s.code = p_state) as state,
    exists (select from payops.specialties as s where s.code = p_specialty) as specialty,
    p_preferred is null or exists (select from payops.providers as p where p.id = p_preferred) as preferred
  into known;
  if not known.state then
    perform payops.refuse('unknown_state', 'patientState must be the USPS code of a state, DC or a territory.');
  elsif not known.specialty then
    perform payops.refuse('unknown_specialty', 'specialty is not one of the directory''s specialties.');
  elsif not known.preferred then
    perform payops.refuse('unknown_provider', 'preferredProviderId is not a provider in the directory.');
  end if;
end
$$;

-- first_answer: the answer this submission got the first time; refused if its body was different then.
create function payops.first_answer(p_submission_id text, p_body_sha256 text) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  earlier payops.consultations;
begin
  select c.* into earlier from payops.consultations as c where c.submission_id = p_submission_id;
  if earlier.body_sha256 <> p_body_sha256 then
    perform payops.refuse('submission_differs', 'This submissionId was sent before with a different body.');
  end if;
  return earlier.first_answer;
end
$$;
