-- evidence_due: at each moment, the disputes that still need a response and are due within these hours.
create function payops.evidence_due(p_moments timestamptz[], p_hours double precision) returns setof payops.observation
language sql stable
set search_path = '' as $$
  with open as materialized (
    select
      d.id, d.created, d.evidence_due_by, d.amount_minor, d.currency, d.payment_intent_id,
      case when not payops.awaits_answer(d.status) then coalesce(k.created, d.as_of) else 'infinity' end as answered_at
    from payops.disputes as d
    left join payops.dispute_closings as k on d.id = k.id
    where d.evidence_due_by >= (select min(m) from unnest(p_moments) as m)
  )
  select
    m.at, o.id, extract(epoch from o.evidence_due_by - m.at) / 3600, 1, true, false,
    jsonb_build_object('due', o.evidence_due_by, 'amount_minor', o.amount_minor, 'currency', o.currency)
  from unnest(p_moments) as m (at)
  inner join open as o
    on o.created <= m.at and o.answered_at > m.at and o.evidence_due_by > m.at
    and o.evidence_due_by <= m.at + make_interval(secs => p_hours * 3600)
$$;

-- observe_evidence_due_soon: at each moment, the disputes that are due within the threshold's hours.
create function payops.observe_evidence_due_soon(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$ select o.* from payops.evidence_due(p_moments, p_threshold) as o $$;

-- observe_evidence_due_now: the same with fewer hours left, as an alert of its own.
create function payops.observe_evidence_due_now(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$ select o.* from payops.evidence_due(p_moments, p_threshold) as o $$;

-- observe_network_headroom: at each moment and for each card network, how close we are to its nearest limit, as a share
-- of it. A limit is exceeded only by its ratio and its number of events together, so the smaller of the two shares
-- counts.
create function payops.observe_network_headroom(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with moments as materialized (
    select m as at, payops.business_day(m) as day from unnest(p_moments) as m
  ),
  days as materialized (
    select d.day, n.network, n.disputes + n.fraud_warnings as events, n.payments
    from (select distinct m.day from moments as m) as d
    cross join lateral payops.network_months(d.day) as n
    where n.payments > 0 and n.disputes + n.fraud_warnings >= p_minimum
  ),
  nearest as (
    select distinct on (d.day, d.network)
      d.day, d.network, d.events, d.payments, l.level, l.ratio, l.events as limit_events,
      least(d.events::double precision / d.payments / l.ratio, d.events::double precision / l.events) as used
    from days as d
    cross join lateral (
      select distinct on (k.level) k.level, k.ratio, k.events
      from payops.network_limits as k
      where k.network = d.network and k.since <= d.day
      order by k.level, k.since desc
    ) as l
    order by d.day, d.network, used desc
  )
  select
    m.at, n.network, n.used, n.events, n.used >= p_threshold, n.used < p_threshold * 0.95,
    jsonb_build_object(
      'line', n.level, 'payments', n.payments, 'line_ratio', n.ratio, 'line_events', n.limit_events,
      'left', greatest(0, ceil(greatest(n.ratio * n.payments, n.limit_events)) - n.events)
    )
  from moments as m
  inner join nearest as n on n.day = m.day
$$;

-- observe_licence_expiring: at each moment, the licences of active providers that end within the threshold's days, and
-- those that ended in the week before. Licences with the same last day are one alert, since many licences of a state
-- end on one day.
create function payops.observe_licence_expiring(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    m.at, d.last_day::text, extract(epoch from min(l.valid_until) - m.at) / 86400, count(*), true, false,
    jsonb_build_object(
      'last_day', d.last_day, 'states', jsonb_agg(distinct s.name), 'ended', count(*) filter (where l.valid_until <= m.at),
      'provider', case count(*) when 1 then min(p.name) end
    )
  from unnest(p_moments) as m (at)
  inner join payops.licences as l
    on l.valid_until <= m.at + make_interval(secs => p_threshold * 86400) and l.valid_until > m.at - interval '7 days'
    and l.valid_from <= m.at
  inner join payops.providers as p on l.provider_id = p.id
  inner join payops.states as s on l.state = s.code
  cross join lateral payops.last_day(l, s.zone) as d (last_day)
  where p.active and l.status = 'active' and l.home_licence_id is null and l.valid_until < 'infinity'
    and p.created_at <= m.at
  group by m.at, d.last_day
$$;

-- observe_payout_late: at each moment, the payouts that are late by the threshold's number of bank days or more and
-- have not arrived: no deposit is matched or, without bank statements for that day, Stripe has not marked it as paid.
-- Payouts of one currency and expected day are one alert.
create function payops.observe_payout_late(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  with moments as materialized (
    select m as at, payops.business_day(m) as day from unnest(p_moments) as m
  ),
  accounts as (
    select a.currency, min(s.from_date) as since, max(s.to_date) as until
    from payops.bank_accounts as a
    inner join payops.bank_statements as s on a.id = s.account_id
    group by a.currency
  ),
  candidates as materialized (
    select
      p.id, p.created, p.as_of, p.arrival_date, p.amount_minor, p.currency, p.status,
      payops.add_bank_days(payops.next_bank_day(p.arrival_date), p_threshold::integer) as late_from,
      coalesce(p.arrival_date between a.since and a.until, false) as at_a_known_bank,
      (
        select min(e.booked_on) from payops.payout_deposits as d
        inner join payops.bank_entries as e on d.bank_entry_id = e.id
        where d.payout_id = p.id
      ) as booked_on
    from payops.payouts as p
    left join accounts as a on p.currency = a.currency
    where p.arrival_date > (select payops.business_day(min(m)) - 30 from unnest(p_moments) as m)
      and p.amount_minor > 0 and p.status not in ('failed', 'canceled')
  )
  select
    m.at, concat_ws(':', c.currency, c.arrival_date), (m.day - c.arrival_date)::double precision, count(*), true, false,
    jsonb_build_object(
      'arrival_date', c.arrival_date, 'amount_minor', sum(c.amount_minor), 'currency', c.currency,
      'payout', case count(*) when 1 then min(c.id) end
    )
  from moments as m
  inner join candidates as c
    on c.late_from <= m.day and c.arrival_date > m.day - 30 and c.created <= m.at
  where case
    when c.at_a_known_bank then coalesce(c.booked_on > m.day, true)
    else c.status in ('pending', 'in_transit')
  end
  group by m.at, m.day, c.currency, c.arrival_date
$$;

-- observe_incident: at each moment, the incidents of errors that were open and not silenced.
create function payops.observe_incident(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    m.at, i.id || ':' || i.reopenings, i.occurrences, i.occurrences, true, false,
    jsonb_build_object('title', i.title, 'kind', i.kind, 'severity', i.severity, 'incident', i.id)
  from unnest(p_moments) as m (at)
  inner join payops.incidents as i
    on coalesce(i.reopened_at, i.first_seen) <= m.at and coalesce(i.resolved_at, 'infinity') > m.at
  where i.severity in ('error', 'critical') and coalesce(i.silenced_until, '-infinity') <= m.at
    and i.occurrences >= p_minimum
$$;

-- observe_reconciliation_mismatch: at each moment, the mismatches of at least the threshold that were neither accepted
-- nor fixed; those of one class, day and currency together. Differences that are only booked in another period are left
-- out.
create function payops.observe_reconciliation_mismatch(
  p_moments timestamptz[], p_window interval, p_minimum integer, p_threshold double precision
)
returns setof payops.observation
language sql stable
set search_path = '' as $$
  select
    m.at, concat_ws(':', x.class, x.currency, x.day), sum(abs(x.difference_minor))::double precision, count(*), true, false,
    jsonb_build_object(
      'class', x.class, 'day', x.day, 'currency', x.currency,
      'difference_minor', case count(*) when 1 then sum(x.difference_minor) else sum(abs(x.difference_minor)) end,
      'subject', case count(*) when 1 then min(x.subject) end
    )
  from unnest(p_moments) as m (at)
  inner join payops.mismatches as x
    on x.first_seen <= m.at and coalesce(x.fixed_at, 'infinity') > m.at and coalesce(x.accepted_at, 'infinity') > m.at
  where x.class <> 'timing' and abs(x.difference_minor) >= p_threshold
  group by m.at, x.class, x.currency, x.day
$$;
