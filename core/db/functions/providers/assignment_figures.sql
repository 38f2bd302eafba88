-- assignment_metrics: of the consultations received in the period, how many got a provider in the first answer, and how
-- long the database took to find one.
create function payops.assignment_metrics(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'assignment_success_rate', payops.rate(
      payops.counted_on_days('assigned_at_once', p_since, p_until),
      payops.counted_on_days('consultation', p_since, p_until)
    ),
    'assignment_time', payops.times_of_days('assignment', p_since, p_until)
  )
$$;

-- asked_between: how many consultations were received between two moments, how many were assigned at once, how many of
-- those outside the requested specialty, and how long the database took to choose.
create function payops.asked_between(p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'asked', count(*), 'at_once', count(*) filter (where c.first_answer ->> 'status' = 'assigned'),
    'fallback', count(*) filter (where c.first_answer ->> 'match' = 'fallback'),
    'p50_ms', percentile_cont(0.5) within group (order by d.took_us / 1000.0),
    'p95_ms', percentile_cont(0.95) within group (order by d.took_us / 1000.0)
  )
  from payops.consultations as c
  left join lateral (
    select e.took_us from payops.assignment_decisions as e
    where e.consultation_id = c.id and e.kind = 'intake'
    order by e.id
    limit 1
  ) as d on true
  where c.received_at > p_from and c.received_at <= p_to
$$;

-- assignment_days: the figures of the last 24 hours and of the 24 hours before.
create function payops_api.assignment_days(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'now', payops.asked_between(p_now - interval '24 hours', p_now),
    'before', payops.asked_between(p_now - interval '48 hours', p_now - interval '24 hours')
  )
$$;

-- assignment_summary: the state of assignment now: how many wait, the longest waiting, how many are open, and the total
-- capacity.
create function payops_api.assignment_summary(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'waiting', (select count(*) from payops.consultations as c where c.status = 'waiting'),
    'overdue', (
      select count(*) from payops.consultations as c
      where c.status = 'waiting' and c.received_at <= p_now - payops.waiting_limit()
    ),
    'limit_seconds', extract(epoch from payops.waiting_limit()),
    'oldest', (
      select jsonb_build_object(
        'id', c.id, 'state', c.state, 'reason', payops.no_provider_reason(c.state, p_now),
        'age_seconds', floor(extract(epoch from p_now - c.received_at))
      )
      from payops.consultations as c where c.status = 'waiting' order by c.received_at, c.id limit 1
    ),
    'open', (select count(*) from payops.consultations as c where c.status = 'assigned'),
    'to_reassign', m.consultations, 'misplaced', m.consultations,  -- its name in the version before
    'capacity', (select coalesce(sum(p.capacity), 0) from payops.providers as p where payops.may_be_assigned(p))
  )
  from payops.consultations_to_reassign(p_now) as m
$$;

-- consultations_to_reassign: how many open consultations are assigned to a provider who may not see the patient now,
-- and when the oldest of them was received.
create function payops.consultations_to_reassign(p_now timestamptz, out consultations bigint, out oldest timestamptz)
language sql stable
set search_path = '' as $$
  select count(*), min(c.received_at)
  from payops.consultations as c
  where c.status = 'assigned' and not exists (
    select from payops.providers as p
    inner join payops.licences as l on p.id = l.provider_id
    where p.id = c.provider_id and payops.may_be_assigned(p) and l.state = c.state and payops.licence_valid(l, p_now)
  )
$$;
