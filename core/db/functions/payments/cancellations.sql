-- begin_cancellation: ending this subscription, now or with its period, is written down and may be asked of Stripe.
create function payops_api.begin_cancellation(
  p_id text, p_subscription_id text, p_at_period_end boolean, p_actor text, p_role text, p_reason text,
  p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  return payops.begin_action(
    payops.sending_action(
      p_id, 'cancel_subscription', p_subscription_id, case when p_at_period_end then 'post' else 'delete' end,
      'subscriptions/' || p_subscription_id,
      case when p_at_period_end then '{"cancel_at_period_end": true}'::jsonb else '{}' end,
      p_actor, p_role, p_reason, p_now
    ), p_now
  );
end
$$;
