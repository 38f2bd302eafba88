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
        if won < jsonb_array_length(p_records) then -- a record that did not win may be of the same second as the winner
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
      perform payops.update_dependents(p_records);
    end
    $body$
    $applying$,
    names, calls
  );
end
$generate$;

-- update_dependents: updates what depends on these records, which were just applied, or marks it to be computed again.
create function payops.update_dependents(p_records jsonb) returns void
language plpgsql
set search_path = '' as $$
begin
  if p_records ? 'customers' then
    perform payops.complete_deleted_customers(p_records -> 'customers');
  end if;
  if p_records ? 'invoice_payments' then
    perform payops.drop_derived_invoice_payments(p_records -> 'invoice_payments');
  end if;
  if p_records ?| '{payment_intents,charges,failed_confirmations,invoice_payments,charge_captures}' then
    perform payops.mark_stale_payments(p_records);
  end if;
  if p_records ? 'balance_transactions' then
    perform payops.complete_exchange_rates(p_records -> 'balance_transactions');
    perform payops.mark_stale_balance_days(p_records);
  end if;
  if p_records ?| '{balance_transactions,charges,refunds,disputes,invoices,invoice_payments}' then
    perform payops.follow_revenue(p_records);
  end if;
  if p_records ?| '{subscriptions,subscription_snapshots,discounts,coupons,coupon_products,price_tiers}' then
    perform payops.follow_subscriptions(p_records);
  end if;
end
$$;

-- complete_exchange_rates: fills in the exchange rates of movements that were mirrored before exchange rates were. Such
-- a record is never the newer one, since a movement always dates from its creation.
create function payops.complete_exchange_rates(p_movements jsonb) returns void
language sql
set search_path = '' as $$
  update payops.balance_transactions as b
  set exchange_rate = given.exchange_rate, exchange_rate_asked = true
  from jsonb_to_recordset(p_movements) as given (id text, exchange_rate numeric, exchange_rate_asked boolean)
  where b.id = given.id and b.exchange_rate_asked is false and given.exchange_rate_asked
$$;

-- complete_deleted_customers: fills in, from these older records, the fields of a customer whose deletion event
-- contained only the ID.
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

-- drop_derived_invoice_payments: removes an invoice payment that was derived from an invoice of an older API version,
-- with an ID made of the invoice's and the payment's, once the real one exists, whichever came first.
create function payops.drop_derived_invoice_payments(p_invoice_payments jsonb) returns void
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

-- load_records: mirrors snapshots that came without an event (a backfill, a refetch) by the same rule.
create function payops_api.load_records(p_records jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.apply_records(p_records);
  select 'true'::jsonb
$$;
