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

-- take_turn: waits until fewer than five others are choosing, first come, first served. More at once only wade over
-- each other's locks: all are done sooner when some wait. Whoever waits for a turn holds nothing else.
--
-- All wait in one line, at the door, which is held only until there is a seat: a slow one holds up nobody but the next.
-- The seats are taken in turn, so that the one waited for is most likely the first to be free.
create function payops.take_turn() returns void
language plpgsql
set search_path = '' as $$
declare
  seats constant integer := 5;
  mine integer;
begin
  perform pg_advisory_lock(7209118);
  mine := nextval('payops.seats_taken') % seats;
  for seat in mine..mine + seats - 1 loop
    if pg_try_advisory_xact_lock(7209117, seat % seats) then
      perform pg_advisory_unlock(7209118);
      return;
    end if;
  end loop;
  perform pg_advisory_xact_lock(7209117, mine);
  perform pg_advisory_unlock(7209118);
exception
  when others or query_canceled then
    perform pg_advisory_unlock(7209118); -- whether it is ours already or not: a cancel may come in between
    raise;
end
$$;

-- submit_consultation: the submission is recorded once and has a provider or waits; sent again it gets its first
-- answer, and is refused where it says something else. Whoever waits in the state already goes first.
create function payops_api.submit_consultation(
  p_submission_id text, p_body_sha256 text, p_patient_id text, p_state text, p_specialty text, p_now timestamptz,
  p_order_id text default null, p_preferred_provider_id text default null, p_submitted_at timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off' as $$
declare
  submitted payops.consultations;
begin
  perform payops.check_submission(p_state, p_specialty, p_preferred_provider_id);
  perform payops.take_turn();
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
  perform payops.move_front(p_state, p_specialty);
  if submitted.match is distinct from 'specialty' then
    perform payops.move_front(p_state, 'general_practice');
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
  decision constant record := payops.decided(p_submitted, p_now, true);
  given payops.consultations := decision.given;
begin
  given.first_answer := payops.answer_to(given);
  insert into payops.consultations select given.*;
  perform payops.record_decision(given, 'intake', 'system:intake', p_now, decision.seen, started);
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
declare
  known record;
begin
  select
    exists (select from payops.states as s where s.code = p_state) as state,
    exists (select from payops.specialties as s where s.code = p_specialty) as specialty,
    p_preferred is null or exists (select from payops.providers as p where p.id = p_preferred) as preferred
  into known;
  if not known.state then
    perform payops.refuse('unknown_state', 'patientState is not the USPS code of a state, DC or a territory.');
  elsif not known.specialty then
    perform payops.refuse('unknown_specialty', 'specialty is none of the specialties there are.');
  elsif not known.preferred then
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

-- may_see: whether this provider is active and licensed in this state at this moment.
create function payops.may_see(p_provider text, p_state text, p_now timestamptz) returns boolean
language sql stable
set search_path = '' as $$
  select exists (
    select from payops.providers as p
    inner join payops.licences as l on p.id = l.provider_id
    where p.id = p_provider and p.active and l.state = p_state and l.status = 'active'
      and l.valid_from <= p_now and l.valid_until > p_now
  )
$$;

-- found_consultations: so many from `p_skip` on of those in this status (`misplaced`: with a provider who may not see
-- them now; `ended`: completed or cancelled), of one state, provider or patient, if given; or those of one id,
-- submission, order or patient. Oldest first while open, newest first when ended.
create function payops.found_consultations(
  p_status text, p_state text, p_provider text, p_patient text, p_search text, p_now timestamptz, p_skip integer,
  p_limit integer
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
  elsif p_status in ('assigned', 'misplaced') then
    return query
      select c.* from payops.consultations as c
      where c.status = 'assigned' and (p_state is null or c.state = p_state)
        and (p_provider is null or c.provider_id = p_provider)
        and (p_status = 'assigned' or not payops.may_see(c.provider_id, c.state, p_now))
      order by c.received_at, c.id
      offset p_skip limit p_limit;
  elsif p_status = 'waiting' then
    return query
      select c.* from payops.consultations as c
      where c.status = 'waiting' and (p_state is null or c.state = p_state)
      order by c.received_at, c.id
      offset p_skip limit p_limit;
  else
    return query
      select c.* from payops.consultations as c
      where c.ended_at is not null and (p_status = 'ended' or c.status = p_status)
        and (p_state is null or c.state = p_state) and (p_provider is null or c.provider_id = p_provider)
      order by c.ended_at desc
      offset p_skip limit p_limit;
  end if;
end
$$;

-- list_consultations: those found, at most 1,000, with their age in seconds, whether they wait past their time, why
-- they wait now, and whether their provider may see them.
create function payops_api.list_consultations(
  p_status text, p_now timestamptz, p_state text default null, p_provider text default null,
  p_patient text default null, p_search text default null, p_skip integer default 0, p_limit integer default 200
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    payops.consultation_as_json(f.one) || jsonb_build_object(
      'reason',
      case when (f.one).status = 'waiting' then payops.why_nobody((f.one).state, p_now) else (f.one).reason end,
      'age_seconds', floor(extract(epoch from p_now - (f.one).received_at)),
      'overdue', (f.one).status = 'waiting' and (f.one).received_at <= p_now - payops.waiting_limit(),
      'may_see', (f.one).provider_id is null or payops.may_see((f.one).provider_id, (f.one).state, p_now)
    )
    order by f.place
  ), '[]')
  from (
    select g as one, row_number() over () as place
    from payops.found_consultations(
      p_status, p_state, p_provider, p_patient, p_search, p_now, p_skip, least(p_limit, 1000)
    ) as g
  ) as f
$$;

-- consultation: one consultation with every decision about it, first to last, and the payments of its order; refused
-- where there is none.
create function payops_api.consultation(p_id text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  found_one payops.consultations;
begin
  select c.* into found_one from payops.consultations as c where c.id = p_id;
  if not found then
    perform payops.refuse('no_such_consultation', 'There is no consultation of this id.');
  end if;
  return payops.consultation_as_json(found_one) || jsonb_build_object(
    'age_seconds', floor(extract(epoch from p_now - found_one.received_at)),
    'overdue', found_one.status = 'waiting' and found_one.received_at <= p_now - payops.waiting_limit(),
    'may_see', found_one.provider_id is null or payops.may_see(found_one.provider_id, found_one.state, p_now),
    'decisions', (
      select coalesce(jsonb_agg(
        to_jsonb(d) || jsonb_build_object(
          'provider_name', (select p.name from payops.providers as p where p.id = d.provider_id),
          'candidates', payops.with_names(d.candidates)
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

-- with_names: what is kept of a choice, each candidate with the name they have today.
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
