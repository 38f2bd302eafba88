-- Closing a month: its figures are frozen with a hash, and whatever changes them later is shown.

-- canonical_json: this value as text in canonical form: keys in byte order, no spaces.
create function payops.canonical_json(p_value jsonb) returns text
language plpgsql immutable
set search_path = '' as $$
begin
  return case jsonb_typeof(p_value)
    when 'object' then (
      select '{' || coalesce(string_agg(
        to_jsonb(e.key)::text || ':' || payops.canonical_json(e.value), ',' order by e.key collate "C"
      ), '') || '}'
      from jsonb_each(p_value) as e
    )
    when 'array' then (
      select '[' || coalesce(string_agg(payops.canonical_json(e.value), ',' order by e.place), '') || ']'
      from jsonb_array_elements(p_value) with ordinality as e (value, place)
    )
    else p_value::text
  end;
end
$$;

-- month_figures: the figures of a month now, by currency.
create function payops.month_figures(p_month date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'month', p_month, 'timezone', (select b.timezone from payops.business as b),
    'currencies', (
      select coalesce(jsonb_agg(payops.period_figures(p_month, m.until, c.currency) order by c.currency), '[]')
      from payops.currencies_of(p_month, m.until) as c (currency)
    )
  )
  from (select (p_month + interval '1 month' - interval '1 day')::date as until) as m
$$;

-- flat_figures: each figure within this value, with its path.
create function payops.flat_figures(p_value jsonb, p_path text default '') returns table (path text, figure text)
language plpgsql immutable
set search_path = '' as $$
begin
  if jsonb_typeof(p_value) = 'object' then
    return query
    select f.path, f.figure
    from jsonb_each(p_value) as e cross join lateral payops.flat_figures(e.value, p_path || '/' || e.key) as f;
  elsif jsonb_typeof(p_value) = 'array' then
    return query
    select f.path, f.figure
    from jsonb_array_elements(p_value) with ordinality as e (value, place)
    cross join lateral payops.flat_figures(
      e.value, p_path || '/' || coalesce(e.value ->> 'currency', e.value ->> 'line', e.value ->> 'category', e.place::text)
    ) as f;
  else
    return query select p_path, p_value #>> '{}';
  end if;
end
$$;

-- changed_figures: the figures of a closed month that differ from those at its closing.
create function payops.changed_figures(p_closed payops.closed_months) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'path', coalesce(was.path, now.path), 'closed', was.figure, 'now', now.figure
  ) order by coalesce(was.path, now.path)), '[]')
  from payops.flat_figures(p_closed.figures) as was
  full join payops.flat_figures(payops.month_figures(p_closed.month)) as now on was.path = now.path
  where was.figure is distinct from now.figure
$$;

-- changed_months: the closed months of a period whose figures changed since they were closed, with the changes.
create function payops.changed_months(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'month', c.month, 'closed_at', c.closed_at, 'closed_by', c.closed_by, 'changes', c.changes
  ) order by c.month), '[]')
  from payops.closed_months as c
  where c.reopened_at is null and c.month <= p_until and c.month + interval '1 month' > p_since and c.changes <> '[]'
$$;

-- follow_closed_months: records what changed in the closed months that contain or follow these days. A month that
-- changes for the first time opens an incident; a month whose figures are again those of its closing resolves it.
create function payops.follow_closed_months(p_days date[], p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  first_day date := (select min(d) from unnest(p_days) as d);
  closed record;
begin
  for closed in
    select c.id, c.month, c.changes as before, payops.changed_figures(c) as changes
    from payops.closed_months as c
    where c.reopened_at is null and c.month + interval '1 month' > first_day
  loop
    continue when closed.before = closed.changes;
    update payops.closed_months set changes = closed.changes where id = closed.id;
    if closed.before = '[]' then
      perform payops.record_incident(
        'closed_month_changed', to_char(closed.month, 'YYYY-MM'),
        'The figures of a closed month changed: ' || to_char(closed.month, 'FMMonth YYYY') || '.', p_now, 'error',
        jsonb_build_object('month', closed.month, 'changes', jsonb_array_length(closed.changes))
      );
    elsif closed.changes = '[]' then
      update payops.incidents set
        resolved_at = p_now, resolved_by = 'system:worker', resolution = 'The month is again as it was closed.'
      where kind = 'closed_month_changed' and fingerprint = to_char(closed.month, 'YYYY-MM') and resolved_at is null;
    end if;
  end loop;
end
$$;

-- close_month: freezes the figures of a month that is over, with their hash. Refused while a mismatch is open.
create function payops_api.close_month(p_actor text, p_actor_role text, p_month date, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  next_month date := (p_month + interval '1 month')::date;
  unresolved bigint;
  frozen jsonb;
  digest text;
begin
  if extract(day from p_month) <> 1 or next_month > payops.business_day(p_now) then
    perform payops.refuse('month_not_over', 'Only a month that is over can be closed. Nothing was changed.');
  end if;
  perform payops.refresh_reconciliation(p_now);
  if exists (select from payops.closed_months as c where c.month = p_month and c.reopened_at is null) then
    perform payops.refuse('already_closed', 'This month is closed already. Nothing was changed.');
  end if;
  unresolved := (
    select count(*) from payops.mismatches as m where m.state = 'open' and m.day >= p_month and m.day < next_month
  );
  if unresolved > 0 then
    perform payops.refuse('mismatches_open', format(
      '%s of this month %s open. Fix or accept each of them, then close the month. Nothing was changed.',
      case unresolved when 1 then 'One mismatch' else unresolved || ' mismatches' end,
      case unresolved when 1 then 'is' else 'are' end
    ));
  end if;
  frozen := payops.month_figures(p_month);
  digest := encode(sha256(convert_to(payops.canonical_json(frozen), 'UTF8')), 'hex');
  insert into payops.closed_months (month, figures, sha256, closed_at, closed_by)
  values (p_month, frozen, digest, p_now, p_actor);
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:month:closed', 'month:' || to_char(p_month, 'YYYY-MM'), p_now,
    p_after => jsonb_build_object('sha256', digest)
  );
  return jsonb_build_object('month', p_month, 'sha256', digest);
end
$$;

-- reopen_month: reopens a closed month, so that it may change again; the reason is recorded.
create function payops_api.reopen_month(
  p_actor text, p_actor_role text, p_month date, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  digest text;
begin
  perform payops.require_acceptable_reason(p_reason);
  update payops.closed_months set reopened_at = p_now, reopened_by = p_actor, reopened_reason = trim(p_reason)
  where month = p_month and reopened_at is null
  returning sha256 into digest;
  if not found then
    perform payops.refuse('not_closed', 'This month is not closed. Nothing was changed.');
  end if;
  update payops.incidents set
    resolved_at = p_now, resolved_by = p_actor, resolution = 'The month was reopened: ' || trim(p_reason)
  where kind = 'closed_month_changed' and fingerprint = to_char(p_month, 'YYYY-MM') and resolved_at is null;
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:month:reopened', 'month:' || to_char(p_month, 'YYYY-MM'), p_now,
    jsonb_build_object('sha256', digest), p_reason => trim(p_reason)
  );
  return 'true'::jsonb;
end
$$;

-- reconciled_months: each month since the first movement, newest first: whether it is closed, how many mismatches are
-- open, and what changed since it was closed.
create function payops_api.reconciled_months(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'month', m.month, 'is_over', m.month + interval '1 month' <= payops.business_day(p_now),
    'closed_at', c.closed_at, 'closed_by', c.closed_by, 'sha256', c.sha256, 'figures', c.figures,
    'changes', coalesce(c.changes, '[]'),
    'mismatches', o.mismatches
  ) order by m.month desc), '[]')
  from (
    select g.month::date as month
    from (select min(b.day) as first_day from payops.daily_balances as b) as f
    cross join lateral generate_series(
      date_trunc('month', f.first_day), date_trunc('month', payops.business_day(p_now)), interval '1 month'
    ) as g (month)
    where isfinite(f.first_day)
  ) as m
  left join payops.closed_months as c on m.month = c.month and c.reopened_at is null
  cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('currency', x.currency, 'open', x.n, 'minor', x.minor)
      order by x.currency), '[]') as mismatches
    from (
      select i.currency, count(*) as n, sum(abs(i.difference_minor)) as minor
      from payops.mismatches as i
      where i.state = 'open' and i.day >= m.month and i.day < m.month + interval '1 month'
      group by i.currency
    ) as x
  ) as o
$$;
