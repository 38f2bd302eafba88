-- silent_after: how long a process may be silent before it counts as dead.
create function payops.silent_after() returns interval
language sql immutable
set search_path = '' as $$
  select interval '45 seconds'
$$;

-- heartbeat: records that the process runs, and how its connection pool is used. A process that fell silent without
-- announcing its stop is an incident. Only a process that itself kept reporting judges this, since an outage of the
-- database silences all of them. Silence is measured by the database's own clock, since the sandbox's clock may be
-- advanced.
create function payops_api.heartbeat(p_process text, p_kind text, p_pool jsonb, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  silent record;
  steady timestamptz;
begin
  insert into payops.process_heartbeats as h (process, kind, at, started_at, steady_since, pool)
  values (p_process, p_kind, clock_timestamp(), clock_timestamp(), clock_timestamp(), p_pool)
  on conflict (process) do update set
    at = excluded.at, pool = excluded.pool,
    steady_since = case
      when h.at > clock_timestamp() - payops.silent_after() / 2 then h.steady_since else excluded.at
    end
  returning h.steady_since into steady;
  if steady > clock_timestamp() - payops.silent_after() then
    return 'true'::jsonb;
  end if;
  for silent in
    delete from payops.process_heartbeats as h
    where h.process in (
      select s.process from payops.process_heartbeats as s
      where s.at < clock_timestamp() - payops.silent_after()
      for update skip locked
    )
    returning h.process, h.kind, h.at
  loop
    perform payops.record_incident(
      'process_ended', silent.kind, case silent.kind
        when 'worker' then 'A background worker ended without being stopped.'
        else 'An API process ended without being stopped.'
      end,
      p_now, 'error', jsonb_build_object('process', silent.process, 'last_heard', silent.at)
    );
  end loop;
  return 'true'::jsonb;
end
$$;

-- process_stopped: records that the process was stopped on purpose, so that its silence is no incident.
create function payops_api.process_stopped(p_process text) returns jsonb
language sql security definer
set search_path = '' as $$
  delete from payops.process_heartbeats where process = p_process;
  select 'true'::jsonb
$$;

-- stripe_latency: the duration and errors of calls to Stripe in the last 15 minutes.
create function payops.stripe_latency(p_now timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'calls', count(*),
    'failed', count(*) filter (where c.error is not null and c.error not in ('CardError', 'InvalidRequestError')),
    'p50_ms', percentile_cont(0.5) within group (order by c.duration_ms),
    'p95_ms', percentile_cont(0.95) within group (order by c.duration_ms), 'last_at', max(c.at)
  )
  from payops.stripe_calls as c
  where c.at > p_now - interval '15 minutes' and c.at <= p_now
$$;

-- live_system: the state of the running system: processes, Stripe, queues, the last sweep and the last comparison.
create function payops_api.live_system(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'processes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'process', h.process, 'kind', h.kind, 'pool', h.pool,
        'silent_seconds', greatest(0, extract(epoch from clock_timestamp() - h.at)),
        'up_seconds', extract(epoch from clock_timestamp() - h.started_at),
        'alive', h.at > clock_timestamp() - payops.silent_after()
      ) order by h.kind, h.started_at), '[]')
      from payops.process_heartbeats as h
    ),
    'stripe', payops.stripe_latency(p_now),
    'queues', (
      select jsonb_agg(jsonb_build_object('queue', q.queue, 'depth', q.depth, 'since', q.since)) from payops.queue_depths() as q
    ),
    'sweep', (
      select jsonb_build_object('done_at', s.done_at, 'found', s.found, 'listed', s.listed)
      from payops.event_sweeps as s where s.done_at is not null order by s.id desc limit 1
    ),
    'sweep_running', exists (select from payops.event_sweeps as s where s.done_at is null),
    'comparison', (
      select jsonb_build_object('done_at', c.done_at, 'equal', c.equal, 'wrong', c.wrong, 'healed', c.healed)
      from payops.comparisons as c where c.done_at is not null order by c.id desc limit 1
    ),
    'last_event_at', (select max(e.received_at) from payops.events as e)
  )
$$;

-- report_late_webhooks: reports events that Stripe delivered more than five minutes late since the last report as an
-- incident.
create function payops_api.report_late_webhooks(p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  late record;
begin
  select
    count(*) as events, max(e.received_at) as until, max(e.received_at - e.created) as most,
    (array_agg(e.id order by e.received_at - e.created desc))[1] as worst
  into late
  from payops.events as e
  where e.came_by = 'webhook' and e.received_at <= p_now and e.received_at - e.created > interval '5 minutes'
    and e.received_at > greatest(p_now - interval '1 hour', coalesce((
      select i.last_seen from payops.incidents as i where i.kind = 'webhook_delayed' order by i.id desc limit 1
    ), '-infinity'));
  if late.events > 0 then
    perform payops.record_incident(
      'webhook_delayed', 'late', 'Stripe''s events arrived more than five minutes late.', late.until, 'warning',
      jsonb_build_object('event', late.worst, 'events', late.events, 'longest_delay', late.most::text),
      p_occurrences => late.events
    );
  end if;
  return to_jsonb(late.events);
end
$$;
