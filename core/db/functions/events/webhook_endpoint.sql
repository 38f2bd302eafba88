-- What Stripe says of our webhook endpoint, asked by the worker so that no page waits for Stripe.

-- record_webhook_endpoint: replaces what Stripe said of the endpoint; with `p_problem` it did not answer, and what it
-- said before stays. `p_undelivered` is a list of their `id` and `created`.
create function payops_api.record_webhook_endpoint(
  p_now timestamptz, p_endpoint jsonb default null, p_undelivered jsonb default null, p_problem text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  if p_problem is not null then
    insert into payops.webhook_endpoint as w (asked_at, problem) values (p_now, p_problem)
    on conflict (only_row) do update set asked_at = excluded.asked_at, problem = excluded.problem
    where w.asked_at <= excluded.asked_at;
    return 'true'::jsonb;
  end if;
  insert into payops.webhook_endpoint as w (
    asked_at, answered_at, endpoint, undelivered, missing, oldest_missing
  )
  select p_now, p_now, nullif(p_endpoint, 'null'), count(*), count(*) filter (where e.id is null),
    min(u.created) filter (where e.id is null)
  from jsonb_to_recordset(coalesce(p_undelivered, '[]')) as u (id text, created timestamptz)
  left join payops.events as e on u.id = e.id
  on conflict (only_row) do update set
    asked_at = excluded.asked_at, answered_at = excluded.answered_at, problem = null, endpoint = excluded.endpoint,
    undelivered = excluded.undelivered, missing = excluded.missing, oldest_missing = excluded.oldest_missing
  where w.asked_at <= excluded.asked_at;
  return 'true'::jsonb;
end
$$;

-- webhook_endpoint: what Stripe last said of the endpoint (null: it was never asked), when it last delivered an event,
-- and how many requests were accepted and refused today.
create function payops_api.webhook_endpoint(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'said', (
      select jsonb_build_object(
        'asked_at', w.asked_at, 'answered_at', w.answered_at, 'problem', w.problem, 'endpoint', w.endpoint,
        'undelivered', w.undelivered, 'missing', w.missing, 'oldest_missing', w.oldest_missing
      )
      from payops.webhook_endpoint as w
    ),
    'last_delivery_at', (
      select e.received_at from payops.events as e where e.came_by = 'webhook' order by e.received_at desc limit 1
    ),
    'accepted', (
      select coalesce(sum(u.times), 0) from payops.webhook_secret_uses as u where u.day = payops.business_day(p_now)
    ),
    'refused', (
      select coalesce(sum(r.times), 0)
      from payops.webhook_rejections as r
      where r.minute >= payops.day_start(payops.business_day(p_now))
    )
  )
$$;
