-- records_of_event: those of these records that come from this event.
create function payops.records_of_event(p_records jsonb, p_event_id text) returns jsonb
language sql immutable
set search_path = '' as $$
  select coalesce(jsonb_object_agg(t.name, t.told), '{}')
  from (
    select each.key as name, jsonb_agg(r) as told
    from jsonb_each(p_records) as each
    cross join lateral jsonb_array_elements(each.value) as r
    where r ->> 'event_id' = p_event_id
    group by each.key
  ) as t
$$;

-- refusal_in_words: why Postgres refused a record, without any of its values.
create function payops.refusal_in_words(p_sqlstate text, p_message text) returns text
language sql immutable
set search_path = '' as $$
  select format(
    'The database refused it (%s): %s', p_sqlstate,
    case
      when p_sqlstate like '23%' then p_message -- names of columns and constraints alone
      else regexp_replace(p_message, '".*"', '(value left out)')
    end
  )
$$;

-- applied_one_by_one: applies each of these events separately, so that one failure affects no other; returns those that
-- failed.
create function payops.applied_one_by_one(p_events jsonb, p_records jsonb, p_ids text[])
returns table (event_id text, problem text)
language plpgsql
set search_path = '' as $$
declare
  received jsonb;
begin
  for received in select e from jsonb_array_elements(p_events) as e
  loop
    continue when received ->> 'outcome' <> 'applied' or not received ->> 'id' = any(p_ids);
    begin
      perform payops.apply_records(payops.records_of_event(p_records, received ->> 'id'));
    exception
      when transaction_rollback then
        raise; -- losing a race is harmless: the sender repeats the request
      when others then
        event_id := received ->> 'id';
        problem := payops.refusal_in_words(sqlstate, sqlerrm);
        return next;
    end;
  end loop;
end
$$;

-- check_repetitions: handles events that arrived again: another body is an incident, and the first body stays; an
-- applied event that arrived unchanged from another sender is counted. An event found by a sweep has no body. They are
-- checked one at a time, because a batch has few of them and each is found by its ID.
create function payops.check_repetitions(p_events jsonb, p_new text[], p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  again jsonb;
  first record;
begin
  for again in select e from jsonb_array_elements(p_events) as e where e ->> 'id' <> all(p_new)
  loop
    select e.body_sha256, e.received_from, h.outcome into first
    from payops.events as e
    left join payops.event_handlings as h on e.id = h.event_id
    where e.id = again ->> 'id';
    if first.body_sha256 <> again ->> 'body_sha256' and '' not in (first.body_sha256, again ->> 'body_sha256') then
      perform payops.record_incident(
        'event_changed', again ->> 'id', 'The same event ID arrived with another body; the first one stays.',
        p_now, 'warning',
        jsonb_build_object('event', again -> 'id', 'type', again -> 'type', 'sent from', again -> 'received_from')
      );
    elsif first.outcome = 'applied' and first.body_sha256 = again ->> 'body_sha256'
      and first.received_from <> again ->> 'received_from' then
      perform payops.count_rejections(jsonb_build_array(jsonb_build_object(
        'address', again -> 'received_from', 'reason', 'redelivered_from_elsewhere', 'times', 1
      )), p_now);
    end if;
  end loop;
end
$$;

-- stored_once: stores the events whose IDs were not recorded before, and returns them; IDs are distinct. The others are
-- checked as repetitions.
create function payops.stored_once(p_events jsonb, p_now timestamptz) returns text[]
language plpgsql
set search_path = '' as $$
declare
  new_ids text[];
begin
  with stored as (
    insert into payops.events
      (id, type, created, received_at, livemode, api_version, object_id, payload, body_sha256, received_from, came_by)
    select
      id, type, created, received_at, livemode, api_version, object_id, payload, body_sha256, received_from,
      coalesce(came_by, 'webhook')
    from jsonb_populate_recordset(null::payops.events, p_events)
    order by id -- so that two processes with the same events cannot deadlock
    on conflict (id) do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') into new_ids from stored;
  if cardinality(new_ids) < jsonb_array_length(p_events) then
    perform payops.check_repetitions(p_events, new_ids, p_now);
  end if;
  return new_ids;
end
$$;

-- apply_new: applies the records of these new events and records their outcomes, with the failure of each event that
-- cannot be applied. Returns one outcome per event.
create function payops.apply_new(p_events jsonb, p_records jsonb, p_new text[], p_now timestamptz) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  failures jsonb := '{}';
begin
  begin
    perform payops.apply_records(p_records, p_new);
  exception
    when transaction_rollback then
      raise;
    when others then
      select coalesce(jsonb_object_agg(f.event_id, f.problem), '{}') into failures
      from payops.applied_one_by_one(p_events, p_records, p_new) as f;
  end;
  return payops.record_handlings(p_events, p_new, failures, p_now);
end
$$;

-- receive_events: records each of these events (with distinct IDs) once, whatever happens to the others, and applies
-- its records; an event that cannot be applied is kept as failed and retried. Returns one outcome per event. Its plans
-- are made once, possibly while tables are empty, so they use indexes only and never read a whole table.
create function payops_api.receive_events(p_events jsonb, p_records jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
declare
  new_ids constant text[] := payops.stored_once(p_events, p_now);
begin
  if cardinality(new_ids) = 0 then
    return (select jsonb_agg('duplicate'::text) from jsonb_array_elements(p_events));
  end if;
  return payops.apply_new(p_events, p_records, new_ids, p_now);
end
$$;

-- record_handlings: records the outcome of each new event, with its time and reason. A failed event is retried after
-- about ten seconds; failed and quarantined events are incidents. An event that only waits for the rest of a list is
-- retried at once and is no incident. Time goes on from p_now while this runs.
create function payops.record_handlings(p_events jsonb, p_new text[], p_failures jsonb, p_now timestamptz)
returns jsonb
language plpgsql
set search_path = '' as $$
declare
  outcomes jsonb;
  unapplied text[];
begin
  with handled as (
    select
      g.n, g.e ->> 'id' as id,
      case
        when g.e ->> 'id' <> all(p_new) then 'duplicate'
        when p_failures ? (g.e ->> 'id') then 'failed'
        else g.e ->> 'outcome'
      end as outcome,
      coalesce((g.e ->> 'awaits_list')::boolean, false) as awaits_list,
      coalesce(p_failures ->> (g.e ->> 'id'), g.e ->> 'reason') as reason
    from jsonb_array_elements(p_events) with ordinality as g (e, n)
  ),
  written as (
    insert into payops.event_handlings (event_id, outcome, handled_at, next_attempt_at, reason)
    select
      id, outcome, p_now + (clock_timestamp() - statement_timestamp()),
      case
        when awaits_list then p_now when outcome = 'failed' then p_now + interval '10 seconds' * (0.75 + random() / 2)
      end, reason
    from handled
    where outcome <> 'duplicate'
  )
  select
    jsonb_agg(case when awaits_list and outcome = 'failed' then 'recorded' else outcome end order by n),
    array_agg(id) filter (where outcome in ('failed', 'quarantined') and not awaits_list)
  into outcomes, unapplied
  from handled;
  if unapplied is not null then
    perform payops.report_unapplied(unapplied, p_now);
  end if;
  return outcomes;
end
$$;

-- report_unapplied: reports these new events, failed or quarantined, as incidents, and records the failed first
-- attempt.
create function payops.report_unapplied(p_new text[], p_now timestamptz) returns void
language sql
set search_path = '' as $$
  insert into payops.event_attempts (event_id, at, actor, outcome, reason)
  select h.event_id, p_now, 'system:inbox', h.outcome, h.reason
  from payops.event_handlings as h
  where h.event_id = any(p_new) and h.outcome = 'failed'
  order by h.event_id;
  select case h.outcome
    when 'quarantined' then payops.record_incident(
      'mode_mismatch', case when e.livemode then 'live' else 'test' end,
      format(
        'Events of Stripe''s %s mode arrived, and payops runs in the other mode.',
        case when e.livemode then 'live' else 'test' end
      ),
      p_now, 'error', jsonb_build_object('event', e.id, 'type', e.type)
    )
    else payops.record_incident(
      'event_failed', e.type || ': ' || coalesce(h.reason, ''), format('%s events could not be applied yet.', e.type),
      p_now, 'error', jsonb_build_object('event', e.id, 'object', e.object_id, 'reason', h.reason)
    )
  end
  from payops.event_handlings as h
  inner join payops.events as e on h.event_id = e.id
  where h.event_id = any(p_new) and h.outcome in ('failed', 'quarantined')
$$;
