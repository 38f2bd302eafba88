-- record_api_call: records a call of the payment API with its status and duration, ours and Stripe's separately. An
-- answer that says we cannot serve (503, 500) is an incident of its code; calls that failed because of Stripe, a paused
-- flow or a defect have incidents of their own.
create function payops_api.record_api_call(
  p_operation text, p_status integer, p_own_ms double precision, p_stripe_ms double precision, p_now timestamptz,
  p_code text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.commit_later();
  insert into payops.api_calls (at, operation, status, own_ms, stripe_ms)
  values (p_now, p_operation, p_status, p_own_ms, p_stripe_ms);
  select payops.record_incident(
    'payment_api_failed', coalesce(p_code, p_status::text),
    format('The payment API answered that it cannot serve: %s.', replace(coalesce(p_code, p_status::text), '_', ' ')),
    p_now, 'error', jsonb_build_object('operation', p_operation, 'status', p_status, 'code', p_code)
  )
  where p_status > 500 and coalesce(p_code, '') not in ('stripe_unavailable', 'flow_disabled');
  select 'true'::jsonb
$$;

-- api_call_metrics: how long we took to handle payment API calls, without Stripe's share.
create function payops.api_call_metrics(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('processing_time_own', payops.times_of_days('api_own', p_since, p_until))
$$;
