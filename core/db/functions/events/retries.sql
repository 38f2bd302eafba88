-- claim_failed_events: gives these failed events to this worker for the next minute; if the worker dies, another one
-- takes them.
create function payops_api.claim_failed_events(p_most integer, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  with due as (
    select event_id from payops.event_handlings
    where outcome = 'failed' and next_attempt_at <= p_now
    order by next_attempt_at
    limit p_most
    for update skip locked
  ),
  claimed as (
    update payops.event_handlings as h set next_attempt_at = p_now + interval '1 minute'
    from due
    where h.event_id = due.event_id
    returning h.event_id, h.attempts
  )
  select coalesce(jsonb_agg(payops.stored_event(e) || jsonb_build_object('attempts', c.attempts)), '[]')
  from claimed as c
  inner join payops.events as e on c.event_id = e.id
$$;

-- stored_event: the fields that today's code needs to project an event again.
create function payops.stored_event(p_event payops.events) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'id', p_event.id, 'type', p_event.type, 'created', p_event.created, 'livemode', p_event.livemode,
    'payload', p_event.payload
  )
$$;

-- try_records: applies the records to the mirror; returns the reason if that fails.
create function payops.try_records(p_records jsonb) returns text
language plpgsql
set search_path = '' as $$
begin
  perform payops.apply_records(p_records);
  return null;
exception
  when transaction_rollback then
    raise;
  when others then
    return payops.refusal_in_words(sqlstate, sqlerrm);
end
$$;

-- settle_event: records that a retried event was applied or ignored, or that it failed again and is retried later.
-- After the last attempt it is dead and somebody has to look at it.
create function payops_api.settle_event(
  p_event_id text, p_outcome text, p_now timestamptz, p_records jsonb default null,
  p_reason text default null, p_next_attempt_at timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  problem text := case p_outcome when 'applied' then payops.try_records(p_records) end;
  became text := case when problem is null then p_outcome else 'failed' end;
begin
  problem := coalesce(problem, p_reason);
  if became = 'failed' and p_next_attempt_at is null then
    became := 'dead';
    perform payops.record_incident(
      'event_dead', (select e.type from payops.events as e where e.id = p_event_id) || ': ' || coalesce(problem, ''),
      'An event could not be applied after all its attempts. Look at it and replay it.',
      p_now, 'critical', jsonb_build_object('event', p_event_id, 'reason', problem)
    );
  end if;
  update payops.event_handlings set
    outcome = became, attempts = attempts + 1, handled_at = p_now, reason = problem,
    next_attempt_at = case became when 'failed' then p_next_attempt_at end
  where event_id = p_event_id and outcome = 'failed';
  if found then
    insert into payops.event_attempts (event_id, at, actor, outcome, reason)
    values (p_event_id, p_now, 'system:worker', became, problem);
  end if;
  return to_jsonb(became);
end
$$;

-- history_loaded: whether a whole history was ever mirrored in bulk; with `p_now` given, records that it was.
create function payops_api.history_loaded(p_now timestamptz default null) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  if p_now is not null then
    insert into payops.backfill_places (source, since, objects, done, at)
    values ('history', '-infinity', 0, true, p_now)
    on conflict (source, since) do nothing;
  end if;
  return to_jsonb(exists (select from payops.backfill_places where source = 'history' and done));
end
$$;
