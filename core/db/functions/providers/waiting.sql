-- waiting_limit: how long a consultation may wait before it raises an incident.
create function payops.waiting_limit() returns interval
language sql immutable
set search_path = '' as $$
  select interval '30 minutes'
$$;

-- drain_waiting: assigns waiting consultations where possible, and keeps one open incident for each state with overdue
-- ones. Returns how many were assigned and how many are overdue.
create function payops_api.drain_waiting(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  drained integer := 0;
  waiting_in text;
begin
  for waiting_in in select s.code from payops.states as s order by s.code loop
    if exists (select from payops.consultations as c where c.state = waiting_in and c.status = 'waiting') then
      drained := drained + payops.drain_state(waiting_in, p_now);
    end if;
  end loop;
  return jsonb_build_object('assigned', drained, 'overdue', payops.update_overdue_incidents(p_now));
end
$$;

-- update_overdue_incidents: keeps one open incident for each state with a consultation that has waited longer than the
-- limit, and none for other states. Returns how many such consultations there are.
create function payops.update_overdue_incidents(p_now timestamptz) returns integer
language plpgsql
set search_path = '' as $$
declare
  overdue integer := 0;
  late record;
begin
  for late in
    select c.state, count(*) as waiting, min(c.received_at) as since
    from payops.consultations as c
    where c.status = 'waiting' and c.received_at <= p_now - payops.waiting_limit()
    group by c.state
    order by c.state
  loop
    overdue := overdue + late.waiting;
    if not exists (
      select from payops.incidents as i
      where i.kind = 'consultation_waiting' and i.fingerprint = late.state and i.resolved_at is null
    ) then
      perform payops.record_incident(
        'consultation_waiting', late.state, format(
          'Consultations in %s have waited too long for a provider.',
          (select s.name from payops.states as s where s.code = late.state)
        ), p_now, 'warning', jsonb_build_object(
          'waiting', late.waiting, 'oldest', late.since, 'reason', payops.no_provider_reason(late.state, p_now)
        )
      );
    end if;
  end loop;
  update payops.incidents as i set
    resolved_at = p_now, resolved_by = 'system:queue', resolution = 'No consultation in this state waits too long any more.'
  where i.kind = 'consultation_waiting' and i.resolved_at is null and not exists (
    select from payops.consultations as c
    where c.status = 'waiting' and c.state = i.fingerprint and c.received_at <= p_now - payops.waiting_limit()
  );
  return overdue;
end
$$;
