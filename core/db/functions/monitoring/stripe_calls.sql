-- record_stripe_call: a call to Stripe is recorded with its duration and the class of its error, if any.
create function payops_api.record_stripe_call(
  p_operation text, p_duration_ms double precision, p_now timestamptz,
  p_request_id text default null, p_error text default null, p_subject text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.commit_later();
  insert into payops.stripe_calls (at, operation, duration_ms, request_id, error, subject)
  values (p_now, p_operation, p_duration_ms, p_request_id, p_error, p_subject);
  select 'true'::jsonb
$$;

-- last_stripe_call: the duration and error of the last call within 15 minutes, or null.
create function payops_api.last_stripe_call(p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object('error', c.error, 'duration_ms', c.duration_ms)
  from payops.stripe_calls as c
  where c.at > p_now - interval '15 minutes'
  order by c.at desc, c.id desc
  limit 1
$$;

-- stripe_call_metrics: how long Stripe took to answer calls that make or change something; reads are left out.
create function payops.stripe_call_metrics(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('processing_time_stripe', jsonb_build_object(
    'p50_ms', percentile_cont(0.5) within group (order by c.duration_ms),
    'p95_ms', percentile_cont(0.95) within group (order by c.duration_ms), 'n', count(*)
  ))
  from payops.stripe_calls as c, payops.business as b
  where c.at >= p_since::timestamp at time zone b.timezone
    and c.at < (p_until + 1)::timestamp at time zone b.timezone
    and (starts_with(c.operation, 'post ') or starts_with(c.operation, 'delete '))
$$;
