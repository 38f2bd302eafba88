-- daily_series: each business day of the period with its payments, their amount and the disputes opened, in one
-- currency; a day without any has zeros.
create function payops.daily_series(p_since date, p_until date, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with opened as (
    select (d.created at time zone b.timezone)::date as day, count(*) as n, sum(d.amount_minor) as amount
    from payops.disputes as d
    cross join payops.business as b
    where d.currency = p_currency and d.created >= p_since::timestamp at time zone b.timezone
      and d.created < (p_until + 1)::timestamp at time zone b.timezone
    group by 1
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'day', g.day, 'succeeded', coalesce(p.succeeded, 0), 'failed', coalesce(p.failed, 0),
    'amount_minor', coalesce(p.amount_succeeded_minor, 0),
    'disputes', coalesce(o.n, 0), 'disputed_minor', coalesce(o.amount, 0)
  ) order by g.day), '[]')
  from (select p_since + i as day from generate_series(0, p_until - p_since) as i) as g
  left join payops.daily_payments as p on g.day = p.day and p.currency = p_currency
  left join opened as o on g.day = o.day
$$;

-- amounts: the total and the number of these items by currency, since sums never mix currencies.
create function payops.amounts(p_minor bigint[], p_currencies text[]) returns jsonb
language sql immutable
set search_path = '' as $$
  select coalesce(jsonb_agg(
    jsonb_build_object('currency', s.currency, 'minor', s.minor, 'items', s.items) order by s.minor desc
  ), '[]')
  from (
    select a.currency, sum(a.minor) as minor, count(*) as items
    from unnest(p_minor, p_currencies) as a (minor, currency)
    where a.minor > 0 and a.currency is not null
    group by a.currency
  ) as s
$$;

-- past_due_by_currency: how many subscriptions are past due, by currency.
create function payops.past_due_by_currency() returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('currency', c.currency, 'items', c.items) order by c.items desc), '[]')
  from (
    select s.currency, count(*) as items
    from payops.subscriptions as s
    where s.status = 'past_due' and s.ended_at is null
    group by s.currency
  ) as c
$$;

-- action_items: what staff have to do: one row per kind, with the number of items, the money at stake, the first
-- deadline and how long the oldest has been open. `p_retry_rules` is the decline table of retryable_now.
create function payops.action_items(p_now timestamptz, p_retry_rules jsonb)
returns table (kind text, items bigint, at_stake jsonb, deadline timestamptz, oldest timestamptz)
language sql stable
set search_path = '' as $$
  select
    'disputes_to_answer', count(*), payops.amounts(array_agg(d.amount_minor), array_agg(d.currency)),
    min(d.evidence_due_by) filter (where d.evidence_due_by >= p_now), min(d.created)
  from payops.disputes as d
  where payops.awaits_answer(d.status)
  union all
  select
    'fraud_warnings', count(*), payops.amounts(array_agg(f.captured - f.refunded), array_agg(f.currency)), null, min(f.created)
  from (
    select w.created, c.currency, c.amount_captured_minor as captured, payops.refunded_of_charge(c) as refunded
    from payops.early_fraud_warnings as w
    inner join payops.charges as c on w.charge_id = c.id
    where w.actionable and not c.disputed and w.created > p_now - interval '120 days'
    offset 0 -- looks up the refunded amount once
  ) as f
  where f.refunded < f.captured
  union all
  select
    'past_due_subscriptions', count(*),
    payops.amounts(array_agg(i.amount_remaining_minor), array_agg(i.currency)),
    min(i.next_payment_attempt) filter (where i.next_payment_attempt >= p_now), min(i.created)
  from payops.subscriptions as s
  left join payops.invoices as i on s.latest_invoice_id = i.id and i.status = 'open'
  where s.status = 'past_due' and s.ended_at is null
  union all
  select 'failed_events', count(*), '[]', min(h.next_attempt_at) filter (where h.outcome = 'failed'), min(h.handled_at)
  from payops.event_handlings as h
  where h.outcome in ('failed', 'dead')
  union all
  select
    'waiting_consultations', count(distinct c.id),
    payops.amounts(array_agg(m.received_minor - m.refunded_minor), array_agg(m.currency)), null, min(c.received_at)
  from payops.consultations as c
  left join lateral payops.order_totals(c.order_id) as m on true
  where c.status = 'waiting' and c.received_at <= p_now - payops.waiting_limit()
  union all
  select 'misplaced_consultations', m.consultations, '[]', null, m.oldest
  from payops.consultations_to_reassign(p_now) as m
  union all
  select
    'expiring_licences', count(*), '[]', min(l.valid_until) filter (where l.valid_until >= p_now), min(l.valid_until)
  from payops.licences as l
  inner join payops.providers as p on l.provider_id = p.id
  where p.active and l.status = 'active' and l.home_licence_id is null
    and l.valid_until > '-infinity' and l.valid_until < 'infinity' and l.valid_until <= p_now + interval '30 days'
  union all
  select 'retryable_failures', r.waiting, r.at_stake, null, r.oldest
  from payops.retryable_lately(p_now, p_retry_rules) as r
  union all
  select
    'refunds_awaiting', count(*), payops.amounts(array_agg(a.amount_minor), array_agg(a.currency)), null,
    min(a.requested_at)
  from payops.money_actions as a
  where a.state = 'awaiting_approval'
  union all
  select
    'unknown_' || a.kind, count(*), payops.amounts(array_agg(a.amount_minor), array_agg(a.currency)), null,
    min(a.sent_at)
  from payops.money_actions as a
  where a.state = 'unknown'
  group by a.kind
  union all
  select
    'mismatches', count(*),
    payops.amounts(array_agg(least(abs(m.difference_minor), 1000000000000000)::bigint), array_agg(m.currency)), null,
    min(m.first_seen)
  from payops.mismatches as m
  where m.state = 'open'
  union all
  select 'open_incidents', count(*), '[]', null, min(i.first_seen)
  from payops.incidents as i
  where i.resolved_at is null and i.severity <> 'info'
$$;

-- marks: what happened in the period that may explain a change: incidents that began, payment flows that were paused or
-- resumed, and versions deployed after the first; the newest 30, oldest first.
create function payops.marks(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  with bounds as (
    select
      p_since::timestamp at time zone b.timezone as starts, (p_until + 1)::timestamp at time zone b.timezone as ends,
      (select min(m.applied_at) from payops.migrations as m) as installed
    from payops.business as b
  ),
  happened as (
    select 'incident' as kind, i.first_seen as at, i.title
    from payops.incidents as i cross join bounds as b
    where i.severity in ('error', 'critical') and i.first_seen >= b.starts and i.first_seen < b.ends
    union all
    select case a.action when 'staff:flag:closed' then 'paused' else 'resumed' end, a.at, split_part(a.subject, ':', 2)
    from payops.audit_log as a cross join bounds as b
    where a.action in ('staff:flag:closed', 'staff:flag:opened') and a.outcome = 'done'
      and a.at >= b.starts and a.at < b.ends
    union all
    select distinct 'deployed', d.at, ''
    from (
      select m.applied_at as at from payops.migrations as m
      union
      select e.deployed_at from payops.deployment as e
    ) as d
    cross join bounds as b
    where d.at >= b.starts and d.at < b.ends and d.at > b.installed + interval '1 hour'
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'day', payops.business_day(h.at), 'at', h.at, 'kind', h.kind, 'title', h.title
  ) order by h.at), '[]')
  from (select n.* from happened as n order by n.at desc limit 30) as h
$$;

-- overview: everything the overview shows, at one moment: the figures of a period and of the one before it, their days,
-- what happened in it, and the action items.
create function payops_api.overview(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text, p_now timestamptz,
  p_retry_rules jsonb default '{}'
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  current_figures jsonb := payops_api.metrics(p_since, p_until, p_currency, p_now);
begin
  return current_figures || jsonb_build_object(
    'previous_metrics',
    payops_api.metrics(p_previous_since, p_previous_until, p_currency, p_now) -> 'metrics',
    'daily', payops.daily_series(p_since, p_until, p_currency),
    'known_since', (select min(p.day) from payops.daily_payments as p where p.currency = p_currency),
    'previous_daily', payops.daily_series(p_previous_since, p_previous_until, p_currency),
    'action_items', (
      select coalesce(jsonb_agg(to_jsonb(w) || case
        when w.kind = 'past_due_subscriptions' then jsonb_build_object('by_currency', payops.past_due_by_currency())
        else '{}'
      end order by w.deadline nulls last, w.oldest), '[]')
      from payops.action_items(p_now, p_retry_rules) as w
      where w.items > 0
    ),
    'marks', payops.marks(p_since, p_until)
  );
end
$$;

-- currencies: the currencies of all payments, the most frequent first.
create function payops_api.currencies() returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_rollups();
  return (
    select coalesce(jsonb_agg(c.currency order by c.payments desc, c.currency), '[]')
    from (
      select d.currency, sum(d.succeeded + d.failed + d.pending) as payments
      from payops.daily_payments as d
      group by d.currency
    ) as c
  );
end
$$;
