-- observe_rule: what the measure of one rule says at each of these moments.
create function payops.observe_rule(p_rule jsonb, p_moments timestamptz[]) returns setof payops.observation
language plpgsql stable
set search_path = '' as $$
begin
  if p_rule ->> 'name' !~ '^[a-z_]+$' or to_regprocedure(format(
    'payops.observe_%s(timestamptz[], interval, integer, double precision)', p_rule ->> 'name'
  )) is null then
    perform payops.refuse('unknown_rule', 'No measure is defined for this rule.');
  end if;
  return query execute format(
    'select o.at, o.key, o.value, o.observations, coalesce(o.fires, false), coalesce(o.clears, false), o.facts'
    ' from payops.observe_%s($1, $2, $3, $4) as o', p_rule ->> 'name'
  )
  using
    p_moments, make_interval(mins => (p_rule ->> 'window_minutes')::integer), (p_rule ->> 'minimum')::integer,
    (p_rule ->> 'threshold')::double precision;
end
$$;

-- observe_alerts: what the measure of each of these rules says now.
create function payops_api.observe_alerts(p_rules jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_rollups();
  return (
    select coalesce(jsonb_agg(to_jsonb(o) || jsonb_build_object('rule', r ->> 'name') order by r ->> 'name', o.key), '[]')
    from jsonb_array_elements(p_rules) as r
    cross join lateral payops.observe_rule(r, array[p_now]) as o
  );
end
$$;

-- observe_past: what the measure of one rule would have said at each step of this period, for a dry run.
create function payops_api.observe_past(
  p_rule jsonb, p_since timestamptz, p_until timestamptz, p_step_minutes integer
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  if p_step_minutes < 1 or p_until - p_since > interval '400 days' then
    perform payops.refuse('bad_period', 'A dry run covers 400 days at most, in steps of a minute or more.');
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(o) order by o.at, o.key), '[]')
    from payops.observe_rule(p_rule, array(
      select g from generate_series(p_since, p_until, make_interval(mins => p_step_minutes)) as g
    )) as o
  );
end
$$;

-- alert_state: the rules that admins changed, and the alerts that fire now.
create function payops_api.alert_state() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'rules', (select coalesce(jsonb_agg(to_jsonb(r) order by r.name), '[]') from payops.alert_rules as r),
    'firing', (
      select coalesce(jsonb_agg(to_jsonb(a) order by a.firing_since, a.id), '[]')
      from payops.alerts as a where a.resolved_at is null
    )
  )
$$;

-- save_alerts: stores alerts that began to fire, renews those that still fire, resolves those that cleared, and queues
-- each message about them to every target; all or nothing. A message names its alerts by rule and key.
create function payops_api.save_alerts(
  p_fired jsonb, p_still jsonb, p_resolved jsonb, p_messages jsonb, p_targets jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  message jsonb;
  message_id bigint;
  named bigint[];
begin
  insert into payops.alerts as a
    (rule, key, severity, sentence, value, observations, firing_since, last_fired_at)
  select f.rule, f.key, f.severity, f.sentence, f.value, f.observations, p_now, p_now
  from jsonb_populate_recordset(null::payops.alerts, p_fired) as f
  on conflict (rule, key) where resolved_at is null do nothing;
  update payops.alerts as a set
    last_fired_at = p_now, sentence = s.sentence, value = s.value, observations = s.observations
  from jsonb_populate_recordset(null::payops.alerts, p_still) as s
  where a.id = s.id and a.resolved_at is null;
  for message in select m from jsonb_array_elements(p_messages) as m loop
    select array_agg(a.id order by a.id) into named
    from payops.alerts as a
    inner join jsonb_to_recordset(message -> 'alerts') as n (rule text, key text) on a.rule = n.rule and a.key = n.key
    where a.resolved_at is null;
    if named is null then
      continue;
    end if;
    insert into payops.alert_messages (rule, kind, alert_ids, severity, title, body, written_at)
    values (
      message ->> 'rule', message ->> 'kind', named, message ->> 'severity', message ->> 'title', message ->> 'body', p_now
    )
    returning id into message_id;
    insert into payops.alert_deliveries (message_id, target, state, next_attempt_at, sent_at, attempts)
    select
      message_id, t.target, case when d.sent then 'sent' else 'due' end, case when not d.sent then p_now end,
      case when d.sent then p_now end, d.sent::integer
    from jsonb_array_elements_text(p_targets) as t (target)
    cross join lateral (select coalesce(message -> 'sent_already', '[]') ? t.target as sent) as d;
    update payops.alerts set last_told_at = p_now, told_of = true where id = any(named);
  end loop;
  update payops.alerts set resolved_at = p_now
  where resolved_at is null and id in (select jsonb_array_elements_text(p_resolved)::bigint);
  return 'true'::jsonb;
end
$$;

-- claim_alert_deliveries: claims the deliveries that are due for this caller; if it reports no result in time, they are
-- due again.
create function payops_api.claim_alert_deliveries(p_now timestamptz, p_held_seconds integer, p_most integer) returns jsonb
language sql security definer
set search_path = '' as $$
  with due as (
    select d.message_id, d.target from payops.alert_deliveries as d
    where d.state = 'due' and d.next_attempt_at <= p_now
    order by d.next_attempt_at, d.message_id
    limit p_most
    for update skip locked
  ),
  claimed as (
    update payops.alert_deliveries as d set
      attempts = d.attempts + 1, next_attempt_at = p_now + make_interval(secs => p_held_seconds)
    from due where d.message_id = due.message_id and d.target = due.target
    returning d.message_id, d.target, d.attempts
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'message_id', c.message_id, 'target', c.target, 'attempts', c.attempts, 'kind', m.kind, 'severity', m.severity,
    'title', m.title, 'body', m.body, 'written_at', m.written_at, 'review', case
      when m.review_day is not null then jsonb_build_object('cadence', m.review_cadence, 'day', m.review_day)
    end
  ) order by c.message_id), '[]')
  from claimed as c
  inner join payops.alert_messages as m on c.message_id = m.id
$$;

-- settle_alert_delivery: records that the target accepted the message, or when to try again; without a time, the
-- delivery is given up. A target that fails repeatedly becomes an incident.
create function payops_api.settle_alert_delivery(
  p_message_id bigint, p_target text, p_sent boolean, p_now timestamptz, p_problem text default null,
  p_next_attempt_at timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  settled payops.alert_deliveries;
begin
  update payops.alert_deliveries set
    state = case when p_sent then 'sent' when p_next_attempt_at is null then 'given_up' else 'due' end,
    sent_at = case when p_sent then p_now else sent_at end, problem = p_problem, next_attempt_at = p_next_attempt_at
  where message_id = p_message_id and target = p_target and state = 'due'
  returning * into settled;
  if not p_sent and settled.attempts >= 3 then
    perform payops.record_incident(
      'alert_undelivered', p_target, 'Alerts could not be sent to one of their targets.', p_now, 'warning',
      jsonb_build_object('target', p_target, 'problem', p_problem)
    );
  end if;
  return 'true'::jsonb;
end
$$;
