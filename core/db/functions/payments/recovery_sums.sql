-- Failed subscription invoices, summed by the day on which they first failed.

-- recovery_invoices_of: those of these invoices that failed, with the day of their first failed attempt; where no attempt
-- is known, the day they were finalized.
create function payops.recovery_invoices_of(p_ids text[]) returns setof payops.recovery_invoices
language sql stable rows 1000
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  select n.id, n.currency, payops.business_day(f.failed_at), n.amount_due_minor, n.status
  from unnest(p_ids) as i (id)
  inner join payops.invoices as n on i.id = n.id
  cross join lateral (
    select
      min(h.created) as first_failed_at, bool_or(h.asked and h.created is not null) as asked_failed
    from (
      select l.payment_intent_id, bool_or(l.asked) as asked
      from (
        select p.payment_intent_id, false as asked from payops.invoice_payments as p where p.invoice_id = n.id
        union all
        select k.payment_intent_id, true from payops.recovery_facts as k where k.invoice_id = n.id
      ) as l
      where l.payment_intent_id is not null
      group by l.payment_intent_id
    ) as l
    cross join lateral (
      select min(a.created) as created, l.asked
      from (
        select c.created from payops.charges as c
        where c.payment_intent_id = l.payment_intent_id and c.status = 'failed'
        union all
        select c.created from payops.failed_confirmations as c where c.payment_intent_id = l.payment_intent_id
      ) as a
    ) as h
  ) as h
  cross join lateral (
    select least(
      h.first_failed_at,
      case when n.status <> 'paid' and n.attempt_count > 0 and not coalesce(h.asked_failed, false) then n.finalized_at end
    ) as failed_at
  ) as f
  where n.subscription_id is not null and n.status is not null and f.failed_at is not null
$$;

-- add_recovery_invoices: adds these invoices, as stored, to the sums by day, or subtracts them with -1.
create function payops.add_recovery_invoices(p_ids text[], p_times integer) returns void
language sql
set search_path = '' as $$
  insert into payops.daily_recovery as d (currency, day, status, invoices, amount_minor)
  select r.currency, r.day, r.status, p_times * count(*), p_times * sum(r.amount_due_minor)
  from payops.recovery_invoices as r
  where r.invoice_id = any(p_ids)
  group by r.currency, r.day, r.status
  on conflict (currency, day, status) do update set
    invoices = d.invoices + excluded.invoices, amount_minor = d.amount_minor + excluded.amount_minor
$$;

-- refresh_recovery: brings the sums up to date, or applies the oldest `p_most` changes. Returns how many changes were
-- applied.
create function payops.refresh_recovery(p_most integer default null) returns integer
language plpgsql
set search_path = '' as $$
declare
  ids text[];
  taken_changes integer;
begin
  if pg_is_in_recovery() or not exists (select from payops.stale_recovery) then
    return 0;
  end if;
  perform pg_advisory_xact_lock(payops.advisory_lock('count recovery'));
  with taken as (
    delete from payops.stale_recovery
    where id in (select s.id from payops.stale_recovery as s order by s.id limit p_most)
    returning invoice_id, payment_intent_id
  ),
  invoices as (
    select t.invoice_id from taken as t
    union
    select p.invoice_id
    from taken as t inner join payops.invoice_payments as p on t.payment_intent_id = p.payment_intent_id
    union
    select f.invoice_id
    from taken as t inner join payops.recovery_facts as f on t.payment_intent_id = f.payment_intent_id
  )
  select array(select i.invoice_id from invoices as i where i.invoice_id is not null), (select count(*) from taken)
  into ids, taken_changes;
  perform payops.add_recovery_invoices(ids, -1);
  delete from payops.recovery_invoices where invoice_id = any(ids);
  insert into payops.recovery_invoices select r.* from payops.recovery_invoices_of(ids) as r;
  perform payops.add_recovery_invoices(ids, 1);
  return taken_changes;
end
$$;

-- recovery_of_days: the subscription invoices in one currency that first failed on these business days, and how many of
-- them were paid later or are still open.
create function payops.recovery_of_days(p_since date, p_until date, p_currency text)
returns table (failed_minor bigint, recovered_minor bigint, open_minor bigint, failed bigint, recovered bigint, open bigint)
language sql stable
set search_path = '' as $$
  select
    coalesce(sum(d.amount_minor), 0)::bigint,
    coalesce(sum(d.amount_minor) filter (where d.status = 'paid'), 0)::bigint,
    coalesce(sum(d.amount_minor) filter (where d.status = 'open'), 0)::bigint,
    coalesce(sum(d.invoices), 0)::bigint, coalesce(sum(d.invoices) filter (where d.status = 'paid'), 0)::bigint,
    coalesce(sum(d.invoices) filter (where d.status = 'open'), 0)::bigint
  from payops.daily_recovery as d
  where d.currency = p_currency and d.day between p_since and p_until
$$;
