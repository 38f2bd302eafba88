-- reminders_due: licences of active providers that end within 90, 60, 30 or 7 days and for which that reminder was not
-- sent yet, soonest first, at most 200; each with what it affects, and the states where nobody would be left. If
-- several reminders are due for a licence, only the nearest is sent.
create function payops_api.reminders_due(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  with ending as (
    select l.*, p.name, p.email, d.days, z.last_day
    from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id and payops.may_be_assigned(p)
    inner join payops.states as s on l.state = s.code
    cross join lateral payops.last_day(l, s.zone) as z (last_day)
    cross join lateral (
      select min(n.days) as days from unnest(array[7, 30, 60, 90]) as n (days)
      where l.valid_until <= p_now + make_interval(days => n.days)
    ) as d
    where l.status = 'active' and l.home_licence_id is null and l.valid_until > p_now
      and l.valid_until < 'infinity' and l.valid_until <= p_now + interval '90 days'
      and not exists (
        select from payops.licence_reminders as r
        where r.provider_id = l.provider_id and r.state = l.state and r.number = coalesce(l.number, '')
          and r.expires_on = z.last_day and r.days <= d.days
      )
    order by l.valid_until, l.provider_id, l.state
    limit 200
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'provider_id', e.provider_id, 'name', e.name, 'email', e.email, 'state', e.state, 'number', e.number,
    'kind', e.kind, 'expires_on', e.last_day, 'ends_at', e.valid_until, 'days', e.days,
    'states', a.states, 'left_without', (
      select coalesce(jsonb_agg(s.state order by s.state), '[]')
      from unnest(a.states) as s (state)
      where not payops.served_without(s.state, e.provider_id, e.valid_until)
    )
  ) || payops.licence_impact(e.provider_id, a.states, p_now) order by e.valid_until, e.provider_id, e.state), '[]')
  from ending as e
  cross join lateral payops.states_of_licence(e.id) as a (states)
$$;

-- served_without: whether another active provider can see patients in this state at this moment.
create function payops.served_without(p_state text, p_provider text, p_at timestamptz) returns boolean
language sql stable
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  select exists (
    select from payops.licences as l
    inner join payops.providers as p on l.provider_id = p.id and payops.may_be_assigned(p)
    where l.state = p_state and l.provider_id <> p_provider and payops.licence_valid(l, p_at)
  )
$$;

-- write_reminder: queues this message to each of these targets; nothing without a target.
create function payops.write_reminder(p_message jsonb, p_targets jsonb, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  message bigint;
begin
  if jsonb_array_length(p_targets) > 0 then
    insert into payops.alert_messages (rule, kind, alert_ids, severity, title, body, written_at)
    values ('licence_ending', 'reminder', '{}', 'warning', p_message ->> 'title', p_message ->> 'body', p_now)
    returning id into message;
    insert into payops.alert_deliveries (message_id, target, next_attempt_at)
    select message, t.target, p_now from jsonb_array_elements_text(p_targets) as t (target);
  end if;
end
$$;

-- queue_reminder: queues this reminder to each of these targets, and the provider's `own` message to its `targets`,
-- once; nothing if it was queued before.
create function payops_api.queue_reminder(p_reminder jsonb, p_targets jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  insert into payops.licence_reminders (provider_id, state, number, expires_on, days, sent_at)
  select r.provider_id, r.state, coalesce(r.number, ''), r.expires_on, r.days, p_now
  from jsonb_populate_record(null::payops.licence_reminders, p_reminder) as r
  on conflict do nothing;
  if not found then
    return 'false'::jsonb;
  end if;
  perform payops.write_reminder(p_reminder -> 'own', p_reminder -> 'own' -> 'targets', p_now);
  perform payops.write_reminder(p_reminder, p_targets, p_now);
  return 'true'::jsonb;
end
$$;

-- queue_reminders: queues these reminders, each to its provider, and one message about them all to these targets.
-- Returns how many were not queued before; queues nothing if all were.
create function payops_api.queue_reminders(
  p_reminders jsonb, p_summary jsonb, p_targets jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  reminder jsonb;
  queued integer := 0;
begin
  for reminder in select r.one from jsonb_array_elements(p_reminders) as r (one) loop
    if payops_api.queue_reminder(reminder, '[]', p_now)::boolean then
      queued := queued + 1;
    end if;
  end loop;
  if queued > 0 then
    perform payops.write_reminder(p_summary, p_targets, p_now);
  end if;
  return to_jsonb(queued);
end
$$;
