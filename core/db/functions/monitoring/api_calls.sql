-- record_api_call: a call of the payment API is recorded with its status and its time, ours and Stripe's apart.
create function payops_api.record_api_call(
  p_operation text, p_status integer, p_own_ms double precision, p_stripe_ms double precision, p_now timestamptz
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.commit_later();
  insert into payops.api_calls (at, operation, status, own_ms, stripe_ms)
  values (p_now, p_operation, p_status, p_own_ms, p_stripe_ms);
  select 'true'::jsonb
$$;

-- api_call_metrics: how long we took to handle payment API calls, without Stripe's share.
create function payops.api_call_metrics(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('processing_time_own', jsonb_build_object(
    'p50_ms', percentile_cont(0.5) within group (order by c.own_ms),
    'p95_ms', percentile_cont(0.95) within group (order by c.own_ms), 'n', count(*)
  ))
  from payops.api_calls as c, payops.business as b
  where c.at >= p_since::timestamp at time zone b.timezone
    and c.at < (p_until + 1)::timestamp at time zone b.timezone
$$;
