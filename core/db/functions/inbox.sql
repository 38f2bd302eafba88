-- Each mirror table gets a writer from the catalogue, record_<table>, since all are written by one rule: of two
-- snapshots of an object the greater (as_of, state_rank, event_id) stays, whichever comes first, and where both are
-- of the same second the row is marked as tied.
do $generate$
declare
  mirror record;
begin
  for mirror in
    select
      c.relname as name,
      string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
      string_agg('excluded.' || quote_ident(a.attname), ', ' order by a.attnum) as incoming
    from pg_class as c
    inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped and a.attname <> 'tied'
    where
      c.relnamespace = 'payops'::regnamespace and c.relkind = 'r' and c.relname <> 'mirrored'
      and exists (
        select from pg_attribute as t
        where t.attrelid = c.oid and t.attname = 'tied' and not t.attisdropped
      )
    group by c.relname
  loop
    execute format(
      $writer$
      create function payops.record_%1$s(p_records jsonb, p_of_events text[]) returns void
      language plpgsql
      set search_path = '' as $body$
      begin
        insert into payops.%1$I as kept (%2$s)
        select distinct on (id) %2$s
        from jsonb_populate_recordset(null::payops.%1$I, p_records)
        where p_of_events is null or event_id = any(p_of_events)
        order by id, as_of desc, state_rank desc, event_id desc
        on conflict (id) do update set (%2$s) = row(%3$s), tied = excluded.as_of = kept.as_of
        where (excluded.as_of, excluded.state_rank, excluded.event_id) > (kept.as_of, kept.state_rank, kept.event_id);
        update payops.%1$I as kept set tied = true
        from jsonb_to_recordset(p_records) as given (id text, as_of timestamptz, event_id text)
        where kept.id = given.id and kept.as_of = given.as_of and kept.event_id <> given.event_id and not kept.tied
          and (p_of_events is null or given.event_id = any(p_of_events));
      end
      $body$
      $writer$,
      mirror.name, mirror.columns, mirror.incoming
    );
  end loop;
end
$generate$;

-- apply_records: each record, under its table's name, is in the mirror or was older than what is there; only those
-- that these events told, if some are named.
create function payops.apply_records(p_records jsonb, p_of_events text[] default null) returns void
language plpgsql
set search_path = '' as $$
declare
  target text;
begin
  for target in select t from jsonb_object_keys(p_records) as t order by t
  loop
    perform payops.require_mirror_table(target);
    execute format('select payops.record_%s($1, $2)', target) using p_records -> target, p_of_events;
  end loop;
  perform payops.touch_payments(p_records);
  if p_records ? 'balance_transactions' then
    perform payops.touch_balance_days(p_records);
  end if;
end
$$;

-- applied_one_by_one: which of these events failed and why, each tried alone so that none spoils another.
create function payops.applied_one_by_one(p_events jsonb, p_ids text[])
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
      perform payops.apply_records(received -> 'payload' -> 'records');
    exception
      when transaction_rollback then
        raise; -- a lost race spoils nothing: the sender asks again
      when others then
        event_id := received ->> 'id';
        problem := sqlerrm;
        return next;
    end;
  end loop;
end
$$;

-- report_changed_bodies: an event that came again with another body is an incident; the first one stays.
create function payops.report_changed_bodies(p_events jsonb, p_new text[], p_now timestamptz) returns void
language sql
set search_path = '' as $$
  select payops.record_incident(
    'event_changed', g.id, 'The same event id arrived with another body; the first one stays.',
    p_now, 'warning', jsonb_build_object('event', g.id, 'type', g.type)
  )
  from jsonb_to_recordset(p_events) as g (id text, type text, body_sha256 text)
  inner join payops.events as e on g.id = e.id
  where g.id <> all(p_new) and e.body_sha256 <> g.body_sha256
$$;

-- receive_events: each event, of ids that are distinct, is durably recorded once, whatever becomes of its neighbours,
-- and its records are applied; what cannot be applied stays, failed, to be tried again. Answers an outcome an event.
create function payops_api.receive_events(p_events jsonb, p_records jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  new_ids text[];
  failures jsonb := '{}';
begin
  with stored as (
    insert into payops.events
      (id, type, created, received_at, livemode, api_version, object_id, payload, body_sha256)
    select id, type, created, p_now, livemode, api_version, object_id, payload, body_sha256
    from jsonb_populate_recordset(null::payops.events, p_events)
    on conflict (id) do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') into new_ids from stored;
  if cardinality(new_ids) < jsonb_array_length(p_events) then
    perform payops.report_changed_bodies(p_events, new_ids, p_now);
  end if;
  if cardinality(new_ids) = 0 then
    return (select jsonb_agg('duplicate'::text) from jsonb_array_elements(p_events));
  end if;
  begin
    perform payops.apply_records(p_records, new_ids);
  exception
    when transaction_rollback then
      raise;
    when others then
      select coalesce(jsonb_object_agg(f.event_id, f.problem), '{}') into failures
      from payops.applied_one_by_one(p_events, new_ids) as f;
  end;
  return payops.record_handlings(p_events, new_ids, failures, p_now);
end
$$;

-- record_handlings: it is known what became of each new event, and what failed or was quarantined is an incident.
create function payops.record_handlings(p_events jsonb, p_new text[], p_failures jsonb, p_now timestamptz)
returns jsonb
language plpgsql
set search_path = '' as $$
declare
  outcomes jsonb;
  spoiled boolean;
begin
  with handled as (
    select
      g.n, g.e ->> 'id' as id, g.e ->> 'type' as type,
      case
        when g.e ->> 'id' <> all(p_new) then 'duplicate'
        when p_failures ? (g.e ->> 'id') then 'failed'
        else g.e ->> 'outcome'
      end as outcome,
      coalesce(p_failures ->> (g.e ->> 'id'), g.e ->> 'error') as problem
    from jsonb_array_elements(p_events) with ordinality as g (e, n)
  ),
  written as (
    insert into payops.event_handlings (event_id, outcome, handled_at, next_attempt_at, error)
    select id, outcome, p_now, case outcome when 'failed' then p_now + interval '10 seconds' end, problem
    from handled
    where outcome <> 'duplicate'
  )
  select jsonb_agg(outcome order by n), bool_or(outcome in ('failed', 'quarantined')) into outcomes, spoiled
  from handled;
  if spoiled then
    perform payops.record_incident(
      'event_' || h.outcome, e.type, format('%s events are %s.', e.type, h.outcome),
      p_now, 'error', jsonb_build_object('event', e.id, 'error', h.error)
    )
    from payops.event_handlings as h
    inner join payops.events as e on h.event_id = e.id
    where h.event_id = any(p_new) and h.outcome in ('failed', 'quarantined');
  end if;
  return outcomes;
end
$$;

-- load_records: snapshots that no event brought (a backfill, a refetch) are in the mirror by the same rule.
create function payops_api.load_records(p_records jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.apply_records(p_records);
  select 'true'::jsonb
$$;
