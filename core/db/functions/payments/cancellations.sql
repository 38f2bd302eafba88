-- begin_cancellation: records the cancellation of this subscription, ready to be sent to Stripe.
create function payops_api.begin_cancellation(
  p_id text, p_subscription_id text, p_method text, p_path text, p_params jsonb, p_actor text, p_role text,
  p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  return payops.begin_action(
    payops.sending_action(
      p_id, 'cancel_subscription', p_subscription_id, p_method, p_path, p_params, p_actor, p_role, p_reason, p_now
    ), p_now
  );
end
$$;
