-- record_incidents: counts each incident of the list, or opens it if its cause is new.
create function payops_api.record_incidents(p_incidents jsonb) returns jsonb
language sql security definer
set search_path = '' as $$
  select to_jsonb(count(
    payops.record_incident(
      i.kind, i.fingerprint, i.title, i.seen_at, i.severity, i.sample, i.request_id, coalesce(i.occurrences, 1)
    )
  ))
  from jsonb_to_recordset(p_incidents) as i (
    kind text, fingerprint text, title text, seen_at timestamptz, severity text, sample jsonb, request_id text,
    occurrences bigint
  )
$$;

-- incident_trend: how often an incident occurred in each of the last steps, the oldest first.
create function payops.incident_trend(p_id bigint, p_now timestamptz, p_step interval, p_steps integer) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_agg(coalesce(h.n, 0) order by g.at)
  from generate_series(
    date_bin(p_step, p_now, 'epoch') - p_step * (p_steps - 1), date_bin(p_step, p_now, 'epoch'), p_step
  ) as g (at)
  left join lateral (
    select sum(i.occurrences) as n from payops.incident_hours as i
    where i.incident_id = p_id and i.hour >= g.at and i.hour < g.at + p_step
  ) as h on true
$$;

-- list_incidents: the incidents last seen first, at most 100,000, each with its trend by hour and by day. `p_show` is
-- `open`, `to act on` (open and more severe than info), `resolved` or `all`.
create function payops_api.list_incidents(
  p_open_only boolean default true, p_limit integer default 200, p_now timestamptz default now(),
  p_show text default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(i) || jsonb_build_object(
      'by_hour', payops.incident_trend(i.id, p_now, '1 hour', 24),
      'by_day', payops.incident_trend(i.id, p_now, '1 day', 14),
      'silenced', coalesce(i.silenced_until > p_now, false)
    ) order by i.last_seen desc, i.id desc
  ), '[]')
  from (
    select n.* from payops.incidents as n
    where case coalesce(p_show, case when p_open_only then 'open' else 'all' end)
      when 'open' then n.resolved_at is null
      when 'to act on' then n.resolved_at is null and n.severity <> 'info'
      when 'resolved' then n.resolved_at is not null else true
    end
    order by n.last_seen desc, n.id desc
    limit least(p_limit, 100000)
  ) as i
$$;

-- one_incident: an incident with its trend, its newest samples, and what staff did about it.
create function payops_api.one_incident(p_id bigint, p_now timestamptz) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  found jsonb;
begin
  select to_jsonb(i) || jsonb_build_object(
    'by_hour', payops.incident_trend(i.id, p_now, '1 hour', 72),
    'by_day', payops.incident_trend(i.id, p_now, '1 day', 30),
    'silenced', coalesce(i.silenced_until > p_now, false),
    'samples', (
      select coalesce(jsonb_agg(to_jsonb(s) order by s.seen_at desc), '[]')
      from (
        select k.seen_at, k.sample, k.request_id, k.occurrences from payops.incident_samples as k
        where k.incident_id = i.id
        order by k.seen_at desc
        limit 20
      ) as s
    ),
    'history', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'at', a.at, 'actor', a.actor, 'action', a.action, 'reason', a.reason, 'until', a.after ->> 'until'
      ) order by a.at desc, a.id desc), '[]')
      from payops.audit_log as a
      where a.subject = 'incident:' || i.id
    )
  ) into found
  from payops.incidents as i where i.id = p_id;
  if found is null then
    perform payops.refuse('unknown_incident', 'There is no such incident.');
  end if;
  return found;
end
$$;

-- open_incident: the incident, locked; refused if it is not open.
create function payops.open_incident(p_id bigint) returns payops.incidents
language plpgsql
set search_path = '' as $$
declare
  found payops.incidents;
begin
  select i.* into found from payops.incidents as i where i.id = p_id and i.resolved_at is null for update;
  if found.id is null then
    perform payops.refuse('not_open', 'This incident is not open.');
  end if;
  return found;
end
$$;

-- resolve_incident: resolves the incident with what was done about it; if it happens again, it opens again.
create function payops_api.resolve_incident(
  p_actor text, p_actor_role text, p_id bigint, p_resolution text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.open_incident(p_id);
  if coalesce(btrim(p_resolution), '') = '' then
    perform payops.refuse('no_reason', 'Say what was done about it.');
  end if;
  update payops.incidents set
    resolved_at = greatest(p_now, last_seen), resolved_by = p_actor, resolution = btrim(p_resolution),
    silenced_until = null
  where id = p_id;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:incident:resolved', 'incident:' || p_id, p_now, p_reason => btrim(p_resolution)
  );
  return 'true'::jsonb;
end
$$;

-- take_incident: makes the actor the owner of the incident, whoever owned it before; with `p_release` nobody owns it.
create function payops_api.take_incident(
  p_actor text, p_actor_role text, p_id bigint, p_now timestamptz, p_release boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before constant payops.incidents := payops.open_incident(p_id);
  owner_now constant text := case when not p_release then p_actor end;
begin
  if before.owner is not distinct from owner_now then
    return 'false'::jsonb;
  end if;
  update payops.incidents set owner = owner_now, taken_at = case when not p_release then p_now end where id = p_id;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:incident:' || case when p_release then 'released' else 'taken' end,
    'incident:' || p_id, p_now, jsonb_build_object('owner', before.owner), jsonb_build_object('owner', owner_now)
  );
  return 'true'::jsonb;
end
$$;

-- silence_incident: no alerts are sent about the incident until then; without a time, alerts are sent again. It stays
-- open.
create function payops_api.silence_incident(
  p_actor text, p_actor_role text, p_id bigint, p_reason text, p_now timestamptz, p_until timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before constant payops.incidents := payops.open_incident(p_id);
begin
  if p_until <= p_now then
    perform payops.refuse('bad_time', 'Silence it until a time that is still to come.');
  elsif p_until > p_now + interval '30 days' then
    perform payops.refuse('bad_time', 'Silence it for 30 days at most.');
  end if;
  perform payops.require_reason(p_reason);
  update payops.incidents set
    silenced_until = p_until, silenced_by = case when p_until is not null then p_actor end,
    silence_reason = case when p_until is not null then btrim(p_reason) end
  where id = p_id;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:incident:' || case when p_until is null then 'unsilenced' else 'silenced' end,
    'incident:' || p_id, p_now, jsonb_build_object('until', before.silenced_until),
    jsonb_build_object('until', p_until), btrim(p_reason)
  );
  return 'true'::jsonb;
end
$$;

-- settle_incidents: resolves incidents whose kind resolves by itself after having been quiet for that kind's time, and
-- incidents about events once all of those are applied. Returns how many. Deletes old trends and samples.
create function payops_api.settle_incidents(p_quiet_seconds jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  settled bigint;
begin
  with quiet as (
    update payops.incidents as i set
      resolved_at = greatest(p_now, i.last_seen), resolved_by = 'system:monitor', silenced_until = null,
      resolution = case
        when q.seconds is null then 'All events that it named are applied.'
        else format('Did not happen again for %s minutes.', round(q.seconds / 60))
      end
    from payops.incidents as o
    left join lateral (
      select (p_quiet_seconds ->> o.kind)::double precision as seconds
    ) as q on true
    where i.id = o.id and i.resolved_at is null and case
      when o.kind in ('event_failed', 'event_dead') then exists (
        select from payops.incident_samples as s where s.incident_id = o.id
      ) and not exists (
        select from payops.incident_samples as s
        inner join payops.event_handlings as h on s.sample ->> 'event' = h.event_id
        where s.incident_id = o.id and h.outcome in ('failed', 'dead')
      )
      else o.last_seen <= p_now - make_interval(secs => q.seconds)
    end
    returning i.id
  )
  select count(*) into settled from quiet;
  delete from payops.incident_hours where hour < p_now - interval '31 days';
  delete from payops.incident_samples as s using (
    select k.incident_id, k.sample_md5, row_number() over (partition by k.incident_id order by k.seen_at desc) as place
    from payops.incident_samples as k
    where k.incident_id in (
      select c.incident_id from payops.incident_samples as c group by c.incident_id having count(*) > 50
    )
  ) as r
  where r.place > 50 and s.incident_id = r.incident_id and s.sample_md5 = r.sample_md5;
  return to_jsonb(settled);
end
$$;
