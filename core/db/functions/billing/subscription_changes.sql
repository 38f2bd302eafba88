-- begin_subscription_change: records a change of this subscription, ready to be sent to Stripe, if the subscription is
-- still as the preview showed it (`p_seen`).
create function payops_api.begin_subscription_change(
  p_id text, p_kind text, p_subscription_id text, p_path text, p_params jsonb, p_seen jsonb, p_actor text, p_role text,
  p_reason text, p_now timestamptz, p_method text default 'post'
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  kept payops.subscriptions;
begin
  perform pg_advisory_xact_lock(hashtextextended('subscription:' || p_subscription_id, 0));
  if exists (select from payops.money_actions as a where a.id = p_id) then
    return payops.begin_action(payops.sending_action(
      p_id, p_kind, p_subscription_id, p_method, p_path, p_params, p_actor, p_role, p_reason, p_now
    ), p_now);
  end if;
  select s.* into kept from payops.subscriptions as s where s.id = p_subscription_id for update;
  if not found then
    perform payops.refuse('not_found', 'There is no such subscription.');
  elsif p_seen <> payops.seen_of_subscription(kept) then
    perform payops.refuse(
      'changed_meanwhile', 'This subscription was changed meanwhile. Nothing was done; look at it again.'
    );
  elsif exists (
    select from payops.money_actions as a
    where a.subject = p_subscription_id and a.state in ('sending', 'unknown')
      and a.kind in ('cancel_subscription', 'resume_subscription', 'pause_collection', 'resume_collection', 'change_plan')
  ) then
    perform payops.refuse('in_progress', 'Another change of this subscription is not finished yet. Wait a moment.');
  end if;
  return payops.begin_action(
    payops.sending_action(
      p_id, p_kind, p_subscription_id, p_method, p_path, p_params, p_actor, p_role, p_reason, p_now
    ), p_now
  );
end
$$;

-- seen_of_subscription: the facts of a subscription that the preview of a change shows.
create function payops.seen_of_subscription(p_subscription payops.subscriptions) returns jsonb
language sql immutable
set search_path = '' as $$
  select jsonb_build_object(
    'status', p_subscription.status,
    'ends', p_subscription.cancel_at_period_end or p_subscription.cancel_at is not null,
    'pause', p_subscription.pause_behavior,
    'items', (
      select coalesce(jsonb_agg(jsonb_build_array(i -> 'id', i -> 'price_id', i -> 'quantity')), '[]')
      from jsonb_array_elements(p_subscription.items) as i
    )
  )
$$;
