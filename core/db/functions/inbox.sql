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
      create function payops.record_%1$s(p_records jsonb) returns void
      language plpgsql
      set search_path = '' as $body$
      declare
        given payops.%1$I;
      begin
        for given in select r.* from jsonb_populate_recordset(null::payops.%1$I, p_records) as r
        loop
          update payops.%1$I as kept set tied = true
          where kept.id = given.id and kept.as_of = given.as_of and kept.event_id <> given.event_id and not kept.tied;
          insert into payops.%1$I as kept (%2$s)
          select %2$s from (select given.*) as g
          on conflict (id) do update set
            (%2$s) = row(%3$s),
            tied = kept.tied and excluded.as_of = kept.as_of
          where (excluded.as_of, excluded.state_rank, excluded.event_id) > (kept.as_of, kept.state_rank, kept.event_id);
        end loop;
      end
      $body$
      $writer$,
      mirror.name, mirror.columns, mirror.incoming
    );
  end loop;
end
$generate$;

-- apply_records: each record, under its table's name, is in the mirror or was older than what is there.
create function payops.apply_records(p_records jsonb) returns void
language plpgsql
set search_path = '' as $$
declare
  target text;
begin
  for target in select t from jsonb_object_keys(p_records) as t order by t
  loop
    perform payops.require_mirror_table(target);
    execute format('select payops.record_%s($1)', target) using p_records -> target;
  end loop;
  perform payops.touch_payments(p_records);
  if p_records ? 'balance_transactions' then
    perform payops.touch_balance_days(p_records);
  end if;
end
$$;

-- receive_event: the event is recorded once and its records applied; what cannot be applied stays, failed, to be
-- tried again. Answers what became of it.
create function payops.receive_event(p_received jsonb, p_now timestamptz) returns text
language plpgsql
set search_path = '' as $$
declare
  event jsonb := p_received -> 'event';
  outcome text := p_received ->> 'outcome';
  problem text := p_received ->> 'error';
  stored_sha256 text;
begin
  insert into payops.events
    (id, type, created, received_at, livemode, api_version, object_id, payload, body_sha256)
  select e.id, e.type, e.created, p_now, e.livemode, e.api_version, e.object_id, e.payload, e.body_sha256
  from jsonb_populate_record(null::payops.events, event) as e
  on conflict (id) do nothing;
  if not found then
    select e.body_sha256 into stored_sha256 from payops.events as e where e.id = event ->> 'id';
    if stored_sha256 <> event ->> 'body_sha256' then
      perform payops.record_incident(
        'event_changed', event ->> 'id', 'The same event id arrived with another body; the first one stays.',
        p_now, 'warning', jsonb_build_object('event', event ->> 'id', 'type', event ->> 'type')
      );
    end if;
    return 'duplicate';
  end if;
  if outcome = 'applied' then
    begin
      perform payops.apply_records(p_received -> 'records');
    exception
      when transaction_rollback then
        raise; -- a lost race spoils nothing: the sender asks again
      when others then
        outcome := 'failed';
        problem := sqlerrm;
    end;
  end if;
  insert into payops.event_handlings (event_id, outcome, handled_at, next_attempt_at, error)
  values (event ->> 'id', outcome, p_now, case outcome when 'failed' then p_now + interval '10 seconds' end, problem);
  if outcome in ('failed', 'quarantined') then
    perform payops.record_incident(
      'event_' || outcome, event ->> 'type', format('%s events are %s.', event ->> 'type', outcome),
      p_now, 'error', jsonb_build_object('event', event ->> 'id', 'error', problem)
    );
  end if;
  return outcome;
end
$$;

-- receive_events: each event of the batch is durably recorded, whatever becomes of its neighbours; answers one
-- outcome an event, in the order given.
create function payops_api.receive_events(p_batch jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  received jsonb;
  outcomes jsonb := '[]';
begin
  for received in select b from jsonb_array_elements(p_batch) as b
  loop
    outcomes := outcomes || to_jsonb(payops.receive_event(received, p_now));
  end loop;
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
