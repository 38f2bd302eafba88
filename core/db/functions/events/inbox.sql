-- Each mirror table gets a writing function, generated from the catalogue. All follow one rule: of two snapshots of
-- an object the one with the greater (as_of, state_rank, event_id) is kept, in whichever order they come, and where
-- both are of the same second the row is marked as tied. A replayed event writes its own row again. apply_records,
-- which calls them, is generated with them, so that no statement has to be composed for each batch. Generated here:
--   apply_records, record_balance_transactions, record_charge_captures, record_charges, record_checkout_sessions,
--   record_coupon_products, record_coupons, record_customers, record_discounts, record_dispute_closings,
--   record_disputes, record_early_fraud_warnings, record_failed_confirmations, record_invoice_payments,
--   record_invoices, record_payment_intents, record_payouts, record_price_tiers, record_promotion_codes, record_refunds,
--   record_subscription_snapshots, record_subscriptions
do $generate$
declare
  mirror record;
  names text[] := '{}';
  calls text := '';
begin
  for mirror in
    select
      c.relname as name,
      string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
      string_agg(
        case
          when c.relname = 'customers' and a.attname in ('created', 'patient_id', 'currency') then
            format(
              'case when excluded.deleted then coalesce(kept.%1$I, excluded.%1$I) else excluded.%1$I end', a.attname
            )
          else format('excluded.%I', a.attname)
        end, ', ' order by a.attnum
      ) as incoming
    from pg_class as c
    inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped and a.attname <> 'tied'
    where
      c.relnamespace = 'payops'::regnamespace and c.relkind = 'r' and c.relname <> 'mirrored'
      and exists (
        select from pg_attribute as t
        where t.attrelid = c.oid and t.attname = 'tied' and not t.attisdropped
      )
    group by c.relname
    order by c.relname -- every process takes the rows' locks in this order
  loop
    names := names || mirror.name::text;
    calls := calls || format(
      'if p_records ? %1$L then won := payops.record_%1$s(p_records -> %1$L, p_of_events); end if;', mirror.name
    );
    execute format(
      $writer$
      create function payops.record_%1$s(p_records jsonb, p_of_events text[]) returns integer
      language plpgsql
      set search_path = '' as $body$
      declare
        won integer;
      begin
        insert into payops.%1$I as kept (%2$s)
        select distinct on (id) %2$s
        from jsonb_populate_recordset(null::payops.%1$I, p_records)
        where p_of_events is null or event_id = any(p_of_events)
        order by id, as_of desc, state_rank desc, event_id desc
        on conflict (id) do update set
          (%2$s) = row(%3$s),
          tied = excluded.as_of = kept.as_of and (kept.tied or excluded.event_id <> kept.event_id)
        where
          (excluded.as_of, excluded.state_rank, excluded.event_id) > (kept.as_of, kept.state_rank, kept.event_id)
          or (excluded.as_of, excluded.event_id) = (kept.as_of, kept.event_id) and kept.event_id <> 'fetch';
        get diagnostics won = row_count;
        if won < jsonb_array_length(p_records) then -- what did not win may be of the winner's second
          update payops.%1$I as kept set tied = true
          from jsonb_to_recordset(p_records) as given (id text, as_of timestamptz, event_id text)
          where kept.id = given.id and kept.as_of = given.as_of and kept.event_id <> given.event_id and not kept.tied
            and (p_of_events is null or given.event_id = any(p_of_events));
        end if;
        return won;
      end
      $body$
      $writer$,
      mirror.name, mirror.columns, mirror.incoming
    );
  end loop;
  execute format(
    $applying$
    create function payops.apply_records(p_records jsonb, p_of_events text[] default null) returns void
    language plpgsql
    set search_path = '' as $body$
    declare
      won integer;
    begin
      if p_records - %L::text[] <> '{}' then
        perform payops.refuse('unknown_table', format('There is no such mirror table: %%s', p_records - %1$L::text[]));
      end if;
      %s
      perform payops.follow_records(p_records);
    end
    $body$
    $applying$,
    names, calls
  );
end
$generate$;

-- follow_records: what is computed from these records, which were just applied, is marked to be computed again.
create function payops.follow_records(p_records jsonb) returns void
language plpgsql
set search_path = '' as $$
begin
  if p_records ? 'customers' then
    perform payops.complete_deleted_customers(p_records -> 'customers');
  end if;
  if p_records ? 'invoice_payments' then
    perform payops.drop_stand_ins(p_records -> 'invoice_payments');
  end if;
  if p_records ?| '{payment_intents,charges,failed_confirmations,invoice_payments,charge_captures}' then
    perform payops.mark_stale_payments(p_records);
  end if;
  if p_records ? 'balance_transactions' then
    perform payops.mark_stale_balance_days(p_records);
  end if;
  if p_records ?| '{subscriptions,subscription_snapshots,discounts,coupons,coupon_products,price_tiers}' then
    perform payops.follow_subscriptions(p_records);
  end if;
end
$$;

-- complete_deleted_customers: a customer of whose deletion an event told with the id alone, and of whom these older
-- records tell more, has what they say.
create function payops.complete_deleted_customers(p_customers jsonb) returns void
language sql
set search_path = '' as $$
  update payops.customers as kept set
    created = least(kept.created, given.created),
    patient_id = coalesce(kept.patient_id, given.patient_id),
    currency = coalesce(kept.currency, given.currency)
  from jsonb_populate_recordset(null::payops.customers, p_customers) as given
  where kept.id = given.id and kept.deleted and not given.deleted
    and (
      kept.created > given.created or kept.patient_id is null and given.patient_id is not null
      or kept.currency is null and given.currency is not null
    )
$$;

-- drop_stand_ins: an invoice payment derived from an invoice of an older API version, whose id joins the invoice's
-- and the payment's, is removed once the real one is there, whichever came first.
create function payops.drop_stand_ins(p_invoice_payments jsonb) returns void
language plpgsql
set search_path = '' as $$
begin
  delete from payops.invoice_payments as stand_in
  using jsonb_to_recordset(p_invoice_payments) as told (invoice_id text, payment_intent_id text)
  where stand_in.id = told.invoice_id || ':' || told.payment_intent_id
    and exists (
      select from payops.invoice_payments as p
      where p.payment_intent_id = told.payment_intent_id and p.invoice_id = told.invoice_id and p.id <> stand_in.id
    );
end
$$;

-- records_of_event: the records among these that come from this event.
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

-- applied_one_by_one: applies each of these events alone, so that one failure affects no other; gives those that
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
        raise; -- a lost race spoils nothing: the sender asks again
      when others then
        event_id := received ->> 'id';
        problem := payops.refusal_in_words(sqlstate, sqlerrm);
        return next;
    end;
  end loop;
end
$$;

-- look_at_repetitions: an event that arrived again with another body is an incident, and the first body stays; an
-- applied event that arrived again unchanged from another sender is counted. An event that a sweep found has no
-- body. They are looked at one after the other, since a batch has few and each is found by its id.
create function payops.look_at_repetitions(p_events jsonb, p_new text[], p_now timestamptz) returns void
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
        'event_changed', again ->> 'id', 'The same event id arrived with another body; the first one stays.',
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

-- receive_events: each of these events, whose ids are distinct, is recorded once, whatever happens to the others,
-- and its records are applied; an event that cannot be applied is kept as failed and retried. Answers one outcome
-- per event. Its plans are made once, possibly while tables are empty, so they use indexes only and never read a
-- whole table.
create function payops_api.receive_events(p_events jsonb, p_records jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
declare
  new_ids text[];
  failures jsonb := '{}';
begin
  with stored as (
    insert into payops.events
      (id, type, created, received_at, livemode, api_version, object_id, payload, body_sha256, received_from, came_by)
    select
      id, type, created, received_at, livemode, api_version, object_id, payload, body_sha256, received_from,
      coalesce(came_by, 'webhook')
    from jsonb_populate_recordset(null::payops.events, p_events)
    order by id -- so that two processes with the same events never wait for one another in a circle
    on conflict (id) do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') into new_ids from stored;
  if cardinality(new_ids) < jsonb_array_length(p_events) then
    perform payops.look_at_repetitions(p_events, new_ids, p_now);
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
      from payops.applied_one_by_one(p_events, p_records, new_ids) as f;
  end;
  return payops.record_handlings(p_events, new_ids, failures, p_now);
end
$$;

-- record_handlings: the outcome of each new event is recorded, with its time and reason. A failed event is retried
-- after about ten seconds, and failed or quarantined events are incidents. One that only awaits the rest of a list
-- is retried at once and is no incident. Time goes on from p_now while this runs.
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

-- report_unapplied: these new events, failed or quarantined, are incidents, and a failed first attempt is recorded.
create function payops.report_unapplied(p_new text[], p_now timestamptz) returns void
language sql
set search_path = '' as $$
  insert into payops.event_attempts (event_id, at, actor, outcome, reason)
  select h.event_id, p_now, 'system:inbox', h.outcome, h.reason
  from payops.event_handlings as h
  where h.event_id = any(p_new) and h.outcome = 'failed'
  order by h.event_id;
  select payops.record_incident(
    'event_' || h.outcome, e.type, format('%s events are %s.', e.type, h.outcome),
    p_now, 'error', jsonb_build_object('event', e.id, 'reason', h.reason)
  )
  from payops.event_handlings as h
  inner join payops.events as e on h.event_id = e.id
  where h.event_id = any(p_new) and h.outcome in ('failed', 'quarantined')
$$;

-- load_records: snapshots that came without an event (a backfill, a refetch) are in the mirror by the same rule.
create function payops_api.load_records(p_records jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.apply_records(p_records);
  select 'true'::jsonb
$$;
