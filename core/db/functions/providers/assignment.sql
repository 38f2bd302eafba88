-- assignment_decision: chooses a provider for this unassigned consultation and counts it as one of theirs, or says why
-- it must wait; with the candidates considered. Does not write the consultation itself.
create function payops.assignment_decision(
  p_consultation payops.consultations, p_now timestamptz, p_may_wait boolean,
  out decided payops.consultations, out candidates jsonb
)
language plpgsql
set search_path = '' as $$
declare
  choice constant record := payops.choose_for(p_consultation, p_now, p_may_wait);
begin
  candidates := payops.candidate_snapshot(p_consultation, p_now, choice.first);
  decided := p_consultation;
  decided.provider_id := choice.provider_id;
  decided.match := choice.match;
  decided.reason := choice.reason;
  if choice.provider_id is null then
    decided.status := 'waiting';
    decided.assigned_at := null;
  else
    decided.status := 'assigned';
    decided.assigned_at := p_now;
    perform payops.change_pending(choice.provider_id, 1, p_now);
  end if;
end
$$;

-- assign: assigns this unassigned consultation to a provider, or leaves it waiting with the reason; records the
-- decision.
create function payops.assign(
  p_consultation payops.consultations, p_kind text, p_actor text, p_now timestamptz, p_may_wait boolean
) returns payops.consultations
language plpgsql
set search_path = '' as $$
declare
  started constant timestamptz := clock_timestamp();
  decision constant record := payops.assignment_decision(p_consultation, p_now, p_may_wait);
  given constant payops.consultations := decision.decided;
begin
  if given.status = 'waiting' and p_kind = 'queue' then
    return p_consultation; -- it is still waiting, as before
  end if;
  update payops.consultations set
    status = given.status, provider_id = given.provider_id, match = given.match, reason = given.reason,
    assigned_at = given.assigned_at
  where id = given.id;
  perform payops.record_decision(given, p_kind, p_actor, p_now, decision.candidates, started);
  return given;
end
$$;

-- record_decision: records the decision about this consultation.
create function payops.record_decision(
  p_consultation payops.consultations, p_kind text, p_actor text, p_now timestamptz, p_candidates jsonb,
  p_started timestamptz
) returns void
language plpgsql
set search_path = '' as $$
begin
  insert into payops.assignment_decisions
    (consultation_id, at, kind, actor, provider_id, match, reason, candidates, took_us)
  values (
    p_consultation.id, p_now, p_kind, p_actor, p_consultation.provider_id, p_consultation.match,
    p_consultation.reason, p_candidates, (extract(epoch from clock_timestamp() - p_started) * 1000000)::integer
  );
end
$$;

-- drain_state: assigns the oldest waiting consultations of this state while there is capacity. Returns how many. Only
-- one transaction at a time does this for a state, so that the oldest goes first, and it waits for no other lock
-- meanwhile.
create function payops.drain_state(p_state text, p_now timestamptz, p_limit integer default 500) returns integer
language plpgsql
set search_path = '' as $$
declare
  waiting payops.consultations;
  assigned payops.consultations;
  drained integer := 0;
begin
  perform pg_advisory_xact_lock(payops.advisory_lock('waiting consultations'), hashtext(p_state));
  for waiting in
    select c.* from payops.consultations as c
    where c.state = p_state and c.status = 'waiting'
    order by c.received_at, c.id
    limit p_limit
    for update skip locked
  loop
    assigned := payops.assign(waiting, 'queue', 'system:queue', p_now, false);
    if assigned.status = 'assigned' then
      drained := drained + 1;
    elsif waiting.declined_by = '{}' then
      exit; -- nobody is free in this state
    end if;
  end loop;
  return drained;
end
$$;
