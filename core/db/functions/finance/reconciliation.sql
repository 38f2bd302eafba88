-- Keeping the reconciliation up to date: only the days on which something changed are compared again.

-- merge_findings: makes the mismatches of these days and legs those that this run found. One that is gone is fixed; an
-- accepted one stays accepted until its facts change; a new one is an incident.
create function payops.merge_findings(p_days date[], p_legs text[], p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  opened text[];
begin
  select array_agg(distinct f.key) into opened
  from payops.mismatch_findings as f
  where f.leg = any(p_legs)
    and not exists (select from payops.mismatches as m where m.key = f.key and m.state <> 'fixed');
  insert into payops.mismatches as m (
    key, class, leg, day, currency, subject, subject_kind, payment_intent_id, payout_id, amount_minor,
    difference_minor, net_effect_minor, facts, first_seen, last_seen
  )
  select distinct on (f.key) f.*, p_now, p_now
  from payops.mismatch_findings as f
  where f.leg = any(p_legs)
  order by f.key, f.leg, f.facts::text
  on conflict (key) do update set
    leg = excluded.leg, day = excluded.day, currency = excluded.currency, subject_kind = excluded.subject_kind,
    payment_intent_id = excluded.payment_intent_id, payout_id = excluded.payout_id,
    amount_minor = excluded.amount_minor, difference_minor = excluded.difference_minor,
    facts = excluded.facts, last_seen = excluded.last_seen, fixed_at = null,
    state = case when m.state = 'accepted' and m.facts = excluded.facts then 'accepted' else 'open' end,
    accepted_by = case when m.state = 'accepted' and m.facts = excluded.facts then m.accepted_by end,
    accepted_at = case when m.state = 'accepted' and m.facts = excluded.facts then m.accepted_at end,
    accepted_reason = case when m.state = 'accepted' and m.facts = excluded.facts then m.accepted_reason end;
  update payops.mismatches as m set
    state = 'fixed', fixed_at = p_now, accepted_by = null, accepted_at = null, accepted_reason = null
  where m.day = any(p_days) and m.leg = any(p_legs) and m.state <> 'fixed'
    and not exists (select from payops.mismatch_findings as f where f.key = m.key);
  delete from payops.mismatch_findings where leg = any(p_legs);
  perform payops.report_mismatches(opened, p_now);
end
$$;

-- mismatch_incident: the fingerprint of the incident for mismatches of this class and month.
create function payops.mismatch_incident(p_class text, p_day date) returns text
language sql immutable
set search_path = '' as $$ select p_class || ' ' || to_char(p_day, 'YYYY-MM') $$;

-- report_mismatches: reports new mismatches as one incident per class and month, which is resolved once all of them are
-- fixed or accepted.
create function payops.report_mismatches(p_opened text[], p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  perform payops.record_incident(
    'mismatch', payops.mismatch_incident(m.class, m.day),
    'The reconciliation found a mismatch: ' || replace(m.class, '_', ' ') || '.', p_now, 'warning',
    jsonb_build_object('subject', min(m.subject), 'day', min(m.day), 'currency', min(m.currency)),
    p_occurrences => count(*)
  )
  from payops.mismatches as m
  where m.key = any(p_opened)
  group by m.class, payops.mismatch_incident(m.class, m.day);
  update payops.incidents as i set
    resolved_at = p_now, resolved_by = 'system:worker', resolution = 'Every mismatch of this kind was fixed or accepted.'
  where i.kind = 'mismatch' and i.resolved_at is null and not exists (
    select from payops.mismatches as m
    where m.state = 'open' and payops.mismatch_incident(m.class, m.day) = i.fingerprint
  );
end
$$;

-- day_ranges: these days as ranges without gaps.
create function payops.day_ranges(p_days date[]) returns table (since date, until date)
language sql immutable
set search_path = '' as $$
  select min(d.day), max(d.day)
  from (
    select u.day, u.day - row_number() over (order by u.day)::integer as island
    from (select distinct unnest(p_days)) as u (day)
    where isfinite(u.day)
  ) as d
  group by d.island
  order by 1
$$;

-- note_rechecks: schedules those of these days that still have something in progress to be compared again in an hour.
create function payops.note_rechecks(p_days date[], p_now timestamptz) returns void
language sql
set search_path = '' as $$
  delete from payops.reconciliation_rechecks where day = any(p_days);
  insert into payops.reconciliation_rechecks (day, at)
  select u.day, p_now + interval '1 hour'
  from unnest(p_days) as u (day)
  where exists (select from payops.ledger_differences as d where d.checked_day = u.day and d.kind = 'pending')
    or exists (
      select from payops.reconciled_payouts as r
      where r.day = u.day and (r.contents_state = 'pending' or r.deposit_state = 'on_the_way')
    )
    or exists ( -- its return to the balance may not be known yet
      select from payops.reconciled_payouts as r
      inner join payops.payouts as p on r.payout_id = p.id
      where r.day = u.day and p.status in ('failed', 'canceled') and p.as_of > p_now - interval '3 days'
    )
    or u.day >= payops.business_day(p_now) - 4
$$;

-- take_stale_days: removes and returns the days that have to be reconciled again.
create function payops.take_stale_days(p_now timestamptz) returns date[]
language plpgsql
set search_path = '' as $$
declare
  days date[];
begin
  with taken as (delete from payops.stale_reconciliation_days returning day)
  select array_agg(distinct t.day) into days
  from (
    select day from taken
    union
    select r.day from payops.reconciliation_rechecks as r where r.at <= p_now
  ) as t;
  return days;
end
$$;

-- reconcile_days: reconciles these business days again, leg by leg: what is wrong with an operation may explain a
-- payout's remainder.
create function payops.reconcile_days(p_days date[], p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  span record;
begin
  delete from payops.mismatch_findings;
  for span in select * from payops.day_ranges(p_days)
  loop
    perform payops.reconcile_operations(span.since, span.until, p_now);
  end loop;
  perform payops.merge_findings(p_days, '{operations}', p_now);
  for span in select * from payops.day_ranges(p_days)
  loop
    perform payops.reconcile_payouts(span.since, span.until, p_now);
    perform payops.reconcile_deposits(span.since, span.until, p_now);
  end loop;
  perform payops.merge_findings(p_days, '{payouts,deposits}', p_now);
  perform payops.note_rechecks(p_days, p_now);
  perform payops.follow_closed_months(p_days, p_now);
end
$$;

-- refresh_reconciliation: brings the reconciliation up to date. Returns how many days were compared again. One
-- transaction at a time does it.
create function payops.refresh_reconciliation(p_now timestamptz) returns integer
language plpgsql
set search_path = '' as $$
declare
  days date[];
begin
  perform pg_advisory_xact_lock(payops.advisory_lock('reconcile'));
  perform payops.refresh_balances();
  days := payops.take_stale_days(p_now);
  if days is not null then
    perform payops.reconcile_days(days, p_now);
  end if;
  return coalesce(cardinality(days), 0);
end
$$;

-- refresh_reconciliation: the same for the worker and the command.
create function payops_api.refresh_reconciliation(p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$ select to_jsonb(payops.refresh_reconciliation(p_now)) $$;

-- mark_all_unreconciled: marks every day to be compared again, since days change with the time zone.
create function payops.mark_all_unreconciled() returns void
language sql
set search_path = '' as $$
  delete from payops.daily_ledger;
  delete from payops.ledger_differences;
  delete from payops.reconciled_payouts;
  insert into payops.stale_reconciliation_days (day)
  select (b.created at time zone z.timezone)::date from payops.balance_transactions as b, payops.business as z group by 1
  union
  select (c.created at time zone z.timezone)::date from payops.charges as c, payops.business as z group by 1
  union
  select (p.created at time zone z.timezone)::date from payops.payouts as p, payops.business as z group by 1
  union
  select m.day from payops.mismatches as m
$$;
