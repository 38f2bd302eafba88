-- firing_alert: the alert, locked; refused if it no longer fires.
create function payops.firing_alert(p_id bigint) returns payops.alerts
language plpgsql
set search_path = '' as $$
declare
  found payops.alerts;
begin
  select a.* into found from payops.alerts as a where a.id = p_id and a.resolved_at is null for update;
  if found.id is null then
    perform payops.refuse('not_firing', 'This alert does not fire any more.');
  end if;
  return found;
end
$$;

-- acknowledge_alert: records that somebody is working on the alert, so no reminders are sent. It still fires, and a
-- message is sent when it ends.
create function payops_api.acknowledge_alert(
  p_actor text, p_actor_role text, p_id bigint, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  found constant payops.alerts := payops.firing_alert(p_id);
begin
  if found.acknowledged_at is not null then
    return 'false'::jsonb;
  end if;
  update payops.alerts set acknowledged_at = p_now, acknowledged_by = p_actor where id = p_id;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:alert:acknowledged', 'alert:' || p_id, p_now,
    p_after => jsonb_build_object('rule', found.rule, 'key', found.key)
  );
  return 'true'::jsonb;
end
$$;

-- silence_alert: no messages are sent about the alert until that time; without a time, they are sent again.
create function payops_api.silence_alert(
  p_actor text, p_actor_role text, p_id bigint, p_reason text, p_now timestamptz, p_until timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  found constant payops.alerts := payops.firing_alert(p_id);
begin
  if p_until <= p_now or p_until > p_now + interval '30 days' then
    perform payops.refuse('bad_time', 'Silence it until a time that is still to come, for 30 days at most.');
  end if;
  perform payops.require_reason(p_reason);
  update payops.alerts set
    silenced_until = p_until, silenced_by = case when p_until is not null then p_actor end,
    silence_reason = case when p_until is not null then btrim(p_reason) end
  where id = p_id;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:alert:' || case when p_until is null then 'unsilenced' else 'silenced' end,
    'alert:' || p_id, p_now, jsonb_build_object('until', found.silenced_until),
    jsonb_build_object('until', p_until, 'rule', found.rule, 'key', found.key), btrim(p_reason)
  );
  return 'true'::jsonb;
end
$$;

-- set_alert_rule: changes the values with which the rule is evaluated from now on.
create function payops_api.set_alert_rule(
  p_actor text, p_actor_role text, p_rule jsonb, p_before jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.require_reason(p_reason);
  insert into payops.alert_rules as r (name, enabled, threshold, window_minutes, minimum, changed_by, changed_at)
  select n.name, n.enabled, n.threshold, n.window_minutes, n.minimum, p_actor, p_now
  from jsonb_populate_record(null::payops.alert_rules, p_rule) as n
  on conflict (name) do update set
    enabled = excluded.enabled, threshold = excluded.threshold, window_minutes = excluded.window_minutes,
    minimum = excluded.minimum, changed_by = excluded.changed_by, changed_at = excluded.changed_at;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:alert-rule:set', 'alert-rule:' || (p_rule ->> 'name'), p_now, p_before, p_rule,
    btrim(p_reason)
  );
  return 'true'::jsonb;
end
$$;

-- send_test_alert: queues a test message, saying that nothing is wrong, to every target.
create function payops_api.send_test_alert(
  p_actor text, p_actor_role text, p_title text, p_body text, p_targets jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  message_id bigint;
begin
  if jsonb_array_length(p_targets) = 0 then
    perform payops.refuse('no_targets', 'ALERT_URLS names no target to send to.');
  end if;
  insert into payops.alert_messages (rule, kind, alert_ids, severity, title, body, written_at)
  values ('test', 'test', '{}', 'warning', p_title, p_body, p_now)
  returning id into message_id;
  insert into payops.alert_deliveries (message_id, target, next_attempt_at)
  select message_id, t.target, p_now from jsonb_array_elements_text(p_targets) as t (target);
  perform payops.record_audit(p_actor, p_actor_role, 'monitoring:alert:tested', 'alert-message:' || message_id, p_now);
  return to_jsonb(message_id);
end
$$;

-- list_alerts: the alerts that fire and those resolved since then, each with its messages and the number of attempts at
-- each target.
create function payops_api.list_alerts(p_since timestamptz, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(a) || jsonb_build_object(
      'silenced', coalesce(a.silenced_until > p_now, false),
      'messages', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'id', m.id, 'kind', m.kind, 'title', m.title, 'body', m.body, 'written_at', m.written_at,
          'deliveries', (
            select coalesce(jsonb_agg(to_jsonb(d) - 'message_id' order by d.target), '[]')
            from payops.alert_deliveries as d where d.message_id = m.id
          )
        ) order by m.id), '[]')
        from payops.alert_messages as m where m.alert_ids @> array[a.id]
      )
    ) order by a.resolved_at is not null, a.firing_since desc, a.id desc
  ), '[]')
  from (
    select n.* from payops.alerts as n
    where n.resolved_at is null or n.resolved_at >= p_since
    order by n.resolved_at is not null, n.firing_since desc
    limit 300
  ) as a
$$;

-- alert_targets: the outcome of deliveries to each target in the last 30 days.
create function payops_api.alert_targets(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_object_agg(t.target, to_jsonb(t) - 'target'), '{}')
  from (
    select
      d.target, count(*) filter (where d.state = 'sent') as sent, count(*) filter (where d.state = 'due') as due,
      count(*) filter (where d.state = 'given_up') as given_up, sum(d.attempts) as attempts, max(d.sent_at) as last_sent_at,
      (array_agg(d.problem order by d.message_id desc) filter (where d.problem is not null and d.state <> 'sent'))[1]
        as problem
    from payops.alert_deliveries as d
    inner join payops.alert_messages as m on d.message_id = m.id
    where m.written_at > p_now - interval '30 days'
    group by d.target
  ) as t
$$;
