-- record_events: records each of these events (with distinct IDs) once, together with what apply_recorded_events will
-- write for it: its handling and its records. Returns the IDs that were not recorded before. Its plans are those of
-- receive_events.
create function payops_api.record_events(p_events jsonb, p_handlings jsonb, p_records jsonb, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
declare
  new_ids constant text[] := payops.stored_once(p_events, p_now);
begin
  if cardinality(new_ids) > 0 then
    insert into payops.recorded_batches (oldest, ids, handlings, records)
    values (
      (select min((e ->> 'received_at')::timestamptz) from jsonb_array_elements(p_events) as e),
      new_ids, p_handlings, p_records
    );
  end if;
  return to_jsonb(new_ids);
end
$$;

-- apply_recorded_events: applies and removes the oldest batches of recorded events, both or neither, about `p_most`
-- events at once. Returns how many; 0 if none is left, null if another process is doing it. If the batches cannot be
-- applied together, each is applied separately. An event that is set aside, because even its batch alone took too long,
-- is kept as failed and retried alone.
create function payops_api.apply_recorded_events(p_most integer, p_now timestamptz, p_set_aside boolean default false)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
declare
  taken payops.recorded_batches[];
  together record;
  one payops.recorded_batches;
  alone record;
begin
  if not pg_try_advisory_xact_lock(payops.advisory_lock('apply recorded events')) then
    return null;
  end if;
  taken := payops.taken_batches(p_most);
  if taken is null then
    return to_jsonb(0);
  end if;
  select * into together from payops.merged_batches(taken);
  if p_set_aside then
    perform payops.record_handlings(
      together.handlings, together.ids,
      (select jsonb_object_agg(i, 'The database took too long over it.') from unnest(together.ids) as i), p_now
    );
    return to_jsonb(cardinality(together.ids));
  end if;
  begin
    perform payops.apply_records(together.records);
  exception
    when transaction_rollback then
      raise;
    when others then
      foreach one in array taken
      loop
        select * into alone from payops.merged_batches(array[one]);
        perform payops.apply_new(alone.handlings, alone.records, alone.ids, p_now);
      end loop;
      return to_jsonb(cardinality(together.ids));
  end;
  perform payops.record_handlings(together.handlings, together.ids, '{}', p_now);
  return to_jsonb(cardinality(together.ids));
end
$$;

-- taken_batches: removes and returns the oldest batches of recorded events: at least one, and no more once they hold
-- that many events; null if no batch is left.
create function payops.taken_batches(p_most integer) returns payops.recorded_batches[]
language sql
set search_path = '' as $$
  with oldest as (
    select b.n, cardinality(b.ids) as events from payops.recorded_batches as b order by b.n limit p_most
  ),
  counted as (select o.n, sum(o.events) over (order by o.n) - o.events as before from oldest as o),
  taken as (
    delete from payops.recorded_batches as b using counted as c where b.n = c.n and c.before < p_most returning b.*
  )
  select array_agg(t::payops.recorded_batches order by t.n) from taken as t
$$;

-- merged_batches: the new events of these batches with their handlings and records, merged into one batch; their other
-- events were recorded before.
create function payops.merged_batches(p_batches payops.recorded_batches[])
returns table (ids text[], handlings jsonb, records jsonb)
language sql immutable
set search_path = '' as $$
  select
    h.ids, h.handlings,
    (
      select coalesce(jsonb_object_agg(t.name, t.told), '{}')
      from (
        select each.key as name, jsonb_agg(r) as told
        from unnest(p_batches) as b
        cross join lateral jsonb_each(b.records) as each
        cross join lateral jsonb_array_elements(each.value) as r
        where r ->> 'event_id' = any(b.ids)
        group by each.key
      ) as t
    )
  from (
    select coalesce(array_agg(h ->> 'id'), '{}') as ids, coalesce(jsonb_agg(h), '[]') as handlings
    from unnest(p_batches) as b
    cross join lateral jsonb_array_elements(b.handlings) as h
    where h ->> 'id' = any(b.ids)
  ) as h
$$;

-- recorded_since: since when the oldest recorded event has been waiting to be applied; null if none is.
create function payops.recorded_since() returns timestamptz
language sql stable
set search_path = '' as $$ select min(b.oldest) from payops.recorded_batches as b $$;

-- recorded_left: how many recorded events wait to be applied.
create function payops_api.recorded_left() returns jsonb
language sql stable security definer
set search_path = '' as $$ select to_jsonb(coalesce(sum(cardinality(b.ids)), 0)) from payops.recorded_batches as b $$;
