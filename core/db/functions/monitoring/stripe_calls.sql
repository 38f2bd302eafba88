-- record_stripe_call: records a call to Stripe with its duration and the class of its error, if any.
create function payops_api.record_stripe_call(
  p_operation text, p_duration_ms double precision, p_now timestamptz,
  p_request_id text default null, p_error text default null, p_subject text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.commit_later();
  insert into payops.stripe_calls (at, operation, duration_ms, request_id, error, subject)
  values (p_now, p_operation, p_duration_ms, p_request_id, p_error, p_subject);
  select payops.report_stripe_error(p_error, p_operation, p_subject, p_request_id, p_now) where p_error is not null;
  select 'true'::jsonb
$$;

-- report_stripe_error: reports an error of Stripe's as an incident of its class. A declined card is no incident; an
-- invalid request is one only if it would have changed something.
create function payops.report_stripe_error(
  p_error text, p_operation text, p_subject text, p_request_id text, p_now timestamptz
) returns void
language sql
set search_path = '' as $$
  select payops.record_incident(
    'stripe_failed', p_error, case p_error
      when 'APIConnectionError' then 'Stripe could not be reached.'
      when 'APIError' then 'Stripe failed to answer calls (an error on Stripe''s side).'
      when 'RateLimitError' then 'Stripe refused calls because there were too many at once.'
      when 'AuthenticationError' then 'Stripe refused our secret key.'
      when 'PermissionError' then 'Stripe refused calls that our key has no right to.'
      when 'IdempotencyError' then 'Stripe got one idempotency key with two different requests.'
      when 'InvalidRequestError' then 'Stripe refused requests as invalid.'
      else format('Calls to Stripe failed with %s.', p_error)
    end,
    p_now, case when p_error = 'InvalidRequestError' then 'warning' else 'error' end,
    jsonb_strip_nulls(jsonb_build_object('operation', p_operation, 'object', p_subject, 'stripe_request', p_request_id))
  )
  where p_error <> 'CardError' and not (p_error = 'InvalidRequestError' and starts_with(p_operation, 'get '))
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

-- stripe_call_metrics: how long Stripe took to answer calls that create or change something; reads are left out.
create function payops.stripe_call_metrics(p_since date, p_until date) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('processing_time_stripe', payops.times_of_days('stripe_call', p_since, p_until))
$$;
