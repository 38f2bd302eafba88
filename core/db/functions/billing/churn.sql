-- Churn: subscribers who left, and subscriptions that are set to cancel.

-- churn_metrics: subscribers at the end of a period, and how many churned in it: customers who had monthly revenue
-- before the period, have none at its end and stopped within it. Each customer counts once.
create function payops.churn_metrics(p_starts timestamptz, p_ends timestamptz, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with changes as (
    select
      coalesce(sum(c.customers) filter (where c.movement = 'new'), 0) as joined,
      coalesce(sum(c.customers) filter (where c.movement = 'churned'), 0) as stopped
    from payops.changes_between(p_starts, p_ends, p_currency) as c
  )
  select jsonb_build_object(
    'active_subscribers', jsonb_build_object('value', a.customers),
    'subscriber_churn_rate',
    payops.rate((c.stopped - r)::bigint, (b.customers + c.joined)::bigint),
    'subscriber_churn_rate_classic', payops.rate((c.stopped - r)::bigint, b.customers)
  )
  from changes as c, payops.returned_customers(p_starts, p_ends, p_currency) as r,
    payops.revenue_level(p_ends, p_currency) as a, payops.revenue_level(p_starts, p_currency) as b
$$;

-- scheduled_to_cancel: active subscriptions that are set to end, and their monthly revenue; a trial has none.
create function payops.scheduled_to_cancel(p_moment timestamptz, p_currency text) returns jsonb
language plpgsql stable
set search_path = '' as $$
declare
  leaving record;
begin
  if payops.running_is_current(p_moment) then
    select coalesce(sum(k.subscriptions), 0)::bigint as n, coalesce(sum(k.monthly_minor), 0)::bigint as minor into leaving
    from payops.running_lists as k
    where k.currency = p_currency and k.list = 'scheduled';
  else
    select count(distinct h.subscription_id) as n, coalesce(sum(h.monthly_minor), 0)::bigint as minor into leaving
    from payops.subscription_history as h
    where h.currency = p_currency and h.scheduled_to_cancel and h.starts_at < p_moment and h.ends_at >= p_moment
      and h.status in ('active', 'past_due', 'trialing');
  end if;
  return jsonb_build_object('scheduled_to_cancel', jsonb_build_object('value', leaving.n, 'amount', leaving.minor));
end
$$;
