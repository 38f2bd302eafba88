-- known_event_types: every type of which an event is stored, each found in the index by skipping from one to the next.
create function payops.known_event_types() returns text[]
language sql stable
set search_path = '' as $$
  with recursive found as (
    (select e.type from payops.events as e order by e.type limit 1)
    union all
    select (select e.type from payops.events as e where e.type > f.type order by e.type limit 1)
    from found as f
    where f.type is not null
  )
  select coalesce(array_agg(f.type), '{}') from found as f where f.type is not null
$$;

-- event_outcomes: the outcomes that an event can have.
create function payops.event_outcomes() returns text[]
language sql immutable
set search_path = '' as $$ select '{applied,ignored,quarantined,failed,dead}'::text[] $$;

-- event_types: the stored types that a type or a family (`charge.*`) stands for; null if none is given.
create function payops.event_types(p_type text) returns text[]
language sql stable
set search_path = '' as $$
  select case
    when p_type like '%*' then
      array(select t from unnest(payops.known_event_types()) as t where starts_with(t, rtrim(p_type, '*')))
    when p_type is not null then array[p_type]
  end
$$;

-- events_where: the filter's conditions on an event `e` and its handling `h`, which read their values from $1; the type
-- is not part of them. An outcome is written as a literal, so that the index of the rare outcomes is used.
create function payops.events_where(p_sought jsonb) returns text
language sql immutable
set search_path = '' as $$
  select concat(
    'true',
    case when p_sought ? 'since' then ' and e.received_at >= ($1 ->> ''since'')::timestamptz' end,
    case when p_sought ? 'until' then ' and e.received_at < ($1 ->> ''until'')::timestamptz' end,
    case when p_sought ? 'outcome' then format(' and h.outcome = any(%L)', string_to_array(p_sought ->> 'outcome', ',')) end,
    case when p_sought ? 'object_id' then
      ' and (e.object_id = $1 ->> ''object_id'' or e.id = $1 ->> ''object_id'')' end,
    case when p_sought ? 'ids' then ' and e.id in (select jsonb_array_elements_text($1 -> ''ids''))' end,
    case when p_sought ? 'before' then
      ' and (e.received_at, e.id) < (($1 #>> ''{before,received_at}'')::timestamptz, $1 #>> ''{before,id}'')' end
  )
$$;

-- events_matching: the events that match this filter, newest first. The filter may have two times between which they
-- were received, a type or a family (`charge.*`), one or several outcomes, an ID of an object or of the event, a list
-- of IDs, and a position in the list to continue after. The newest of each type are found by index, and the newest of
-- those are returned.
create function payops.events_matching(p_sought jsonb, p_limit integer) returns setof payops.events
language plpgsql stable
set search_path = '' as $$
declare
  of_one constant text := format(
    'select e.* from payops.events as e left join payops.event_handlings as h on h.event_id = e.id where %s',
    payops.events_where(p_sought)
  );
  newest constant text := ' order by e.received_at desc, e.id desc limit $2';
begin
  if p_sought ->> 'type' is null then
    return query execute of_one || newest using p_sought, p_limit;
  else
    return query execute format(
      'select e.* from unnest($3) as t (type) cross join lateral (%s and e.type = t.type %s) as e %s', of_one, newest, newest
    ) using p_sought, p_limit, payops.event_types(p_sought ->> 'type');
  end if;
end
$$;

-- event_in_short: an event as a row of a list: how it arrived and its outcome, which is `recorded` until it has one.
create function payops.event_in_short(p_event payops.events, p_handling payops.event_handlings) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'id', p_event.id, 'type', p_event.type, 'object_id', p_event.object_id, 'created', p_event.created,
    'received_at', p_event.received_at, 'outcome', coalesce(p_handling.outcome, 'recorded'),
    'reason', p_handling.reason, 'attempts', coalesce(p_handling.attempts, 0), 'handled_at', p_handling.handled_at,
    'next_attempt_at', p_handling.next_attempt_at,
    'came_by', p_event.came_by,
    'delay_ms', case when p_event.came_by = 'webhook' then
      greatest(round(extract(epoch from p_event.received_at - p_event.created) * 1000), 0)
    end,
    'handling_ms', case when p_handling.attempts = 1 then
      round(extract(epoch from p_handling.handled_at - p_event.received_at) * 1000, 1)
    end
  )
$$;

-- list_events: the events that match, newest first, and the position of the next page, null at the end.
create function payops_api.list_events(p_sought jsonb, p_limit integer) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with found as (
    select f.*, row_number() over (order by f.received_at desc, f.id desc) as n
    from payops.events_matching(p_sought, least(p_limit, 1000) + 1) as f
  ),
  page as (
    select f.n, payops.event_in_short(e, h) as shown
    from found as f
    inner join payops.events as e on f.id = e.id
    left join payops.event_handlings as h on f.id = h.event_id
    where f.n <= least(p_limit, 1000)
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(p.shown order by p.n), '[]'),
    'next', case when (select max(n) from found) > least(p_limit, 1000) then (
      select jsonb_build_object('received_at', l.received_at, 'id', l.id)
      from found as l where l.n = least(p_limit, 1000)
    ) end
  )
  from page as p
$$;

-- count_events: the number of events of each type and outcome among the newest that match.
create function payops_api.count_events(p_sought jsonb, p_most integer) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('type', c.type, 'outcome', c.outcome, 'count', c.n) order by c.n desc, c.type), '[]'
  )
  from (
    select f.type, coalesce(h.outcome, 'recorded') as outcome, count(*) as n
    from payops.events_matching(p_sought, p_most) as f
    left join payops.event_handlings as h on f.id = h.event_id
    group by 1, 2
  ) as c
$$;

-- show_event: one event with its stored payload, its later attempts, and the events of its object, newest first; within
-- one second the one that created the object comes first. Events that say what they changed have their payload.
create function payops_api.show_event(p_id text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.event_in_short(e, h) || payops.stored_event(e) || jsonb_build_object(
    'api_version', e.api_version, 'received_from', e.received_from,
    'later_attempts', (
      select coalesce(jsonb_agg(to_jsonb(a) - 'event_id' order by a.id), '[]')
      from payops.event_attempts as a where a.event_id = e.id
    ),
    'related', (
      select coalesce(jsonb_agg(
        payops.event_in_short(r, rh)
        || case when r.payload ? 'previous_attributes' then jsonb_build_object('payload', r.payload) else '{}' end
        order by r.created desc, r.type like '%.created', r.received_at desc, r.id desc
      ), '[]')
      from (
        select o.* from payops.events as o
        where o.object_id = e.object_id
        order by o.created desc limit 200
      ) as r
      left join payops.event_handlings as rh on r.id = rh.event_id
    )
  )
  from payops.events as e
  left join payops.event_handlings as h on e.id = h.event_id
  where e.id = p_id
$$;

-- events_to_replay: the events that match with their payloads, newest first, and the position of the next page.
create function payops_api.events_to_replay(p_sought jsonb, p_limit integer) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with found as (
    select f.id, row_number() over (order by f.received_at desc, f.id desc) as n
    from payops.events_matching(p_sought, p_limit) as f
  )
  select jsonb_build_object(
    'items', coalesce(jsonb_agg(
      payops.stored_event(e) || jsonb_build_object('object_id', e.object_id, 'outcome', coalesce(h.outcome, 'recorded')) order by f.n
    ), '[]'),
    'next', case when count(*) = p_limit then
      (array_agg(jsonb_build_object('received_at', e.received_at, 'id', e.id) order by f.n desc))[1]
    end
  )
  from found as f
  inner join payops.events as e on f.id = e.id
  left join payops.event_handlings as h on f.id = h.event_id
$$;

-- mirror_rows: the mirror's rows with these IDs, table by table.
create function payops_api.mirror_rows(p_ids jsonb) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  target text;
  held jsonb;
  found_rows jsonb := '{}';
begin
  for target in select t from jsonb_object_keys(p_ids) as t
  loop
    perform payops.require_mirror_table(target);
    execute format(
      'select coalesce(jsonb_object_agg(r.id, to_jsonb(r)), ''{}'') from payops.%I as r'
      ' where r.id in (select jsonb_array_elements_text($1))', target
    ) into held using p_ids -> target;
    found_rows := found_rows || jsonb_build_object(target, held);
  end loop;
  return found_rows;
end
$$;

-- settle_replays: records that each of these events was replayed for the actor, with an audit entry. An event that
-- fails keeps its earlier outcome, and one with the same outcome keeps its time. Returns one outcome per event.
create function payops_api.settle_replays(
  p_actor text, p_role text, p_replays jsonb, p_reason text, p_refetched boolean, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  replay jsonb;
  problem text;
  became text;
  settled jsonb := '[]';
begin
  perform 1 from payops.event_handlings
  where event_id in (select r ->> 'event_id' from jsonb_array_elements(p_replays) as r)
  order by event_id
  for update;
  for replay in select r from jsonb_array_elements(p_replays) as r
  loop
    became := replay ->> 'outcome';
    problem := case became when 'applied' then payops.try_records(replay -> 'records') end;
    became := case when problem is null then became else 'failed' end;
    problem := coalesce(problem, replay ->> 'reason');
    update payops.event_handlings set
      outcome = became, reason = problem, next_attempt_at = null, attempts = attempts + 1, handled_at = p_now
    where event_id = replay ->> 'event_id' and became not in ('failed', outcome);
    update payops.event_handlings set reason = problem
    where event_id = replay ->> 'event_id' and became = 'failed' and outcome in ('failed', 'dead');
    insert into payops.event_attempts (event_id, at, actor, outcome, reason)
    values (replay ->> 'event_id', p_now, p_actor, became, problem);
    settled := settled || jsonb_build_object('id', replay ->> 'event_id', 'outcome', became, 'reason', problem);
  end loop;
  perform payops.record_audit(
    p_actor, p_role, 'events:event:replayed',
    case jsonb_array_length(settled)
      when 1 then 'event:' || (settled #>> '{0,id}')
      else format('events:%s', jsonb_array_length(settled))
    end,
    p_now, p_after => jsonb_build_object('refetched', p_refetched, 'events', settled), p_reason => p_reason
  );
  return settled;
end
$$;
