-- Customers who were lost, and who are about to be.

-- churn_metrics: active customers at the end, and of them and those who were lost, how many in this time: each customer
-- once, who brought something a month, brings nothing at the end and stopped in between.
create function payops.churn_metrics(p_starts timestamptz, p_ends timestamptz, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with customers as (
    select
      bool_or(h.starts_at < p_starts and h.ends_at >= p_starts) as was_active, min(h.starts_at) as first_paid,
      max(h.ends_at) as last_paid
    from payops.subscription_history as h
    where h.currency = p_currency and h.monthly_minor > 0 and h.starts_at < p_ends and h.customer_id is not null
    group by h.customer_id
  ),
  counts as (
    select
      count(*) filter (where c.last_paid >= p_ends) as active, count(*) filter (where c.was_active) as before,
      count(*) filter (where c.first_paid >= p_starts) as joined,
      count(*) filter (where c.last_paid >= p_starts and c.last_paid < p_ends) as lost
    from customers as c
  )
  select jsonb_build_object(
    'active_subscribers', jsonb_build_object('value', n.active),
    'subscriber_churn_rate', payops.rate(n.lost, n.before + n.joined),
    'subscriber_churn_rate_classic', payops.rate(n.lost, n.before)
  )
  from counts as n
$$;

-- scheduled_to_cancel: subscriptions that run at this moment and are set to end, and what they bring in a month: of one
-- on trial, nothing.
create function payops.scheduled_to_cancel(p_moment timestamptz, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object('scheduled_to_cancel', jsonb_build_object(
    'value', count(distinct h.subscription_id), 'amount', coalesce(sum(h.monthly_minor), 0)
  ))
  from payops.subscription_history as h
  where h.currency = p_currency and h.scheduled_to_cancel and h.starts_at < p_moment and h.ends_at >= p_moment
    and h.status in ('active', 'past_due', 'trialing')
$$;
