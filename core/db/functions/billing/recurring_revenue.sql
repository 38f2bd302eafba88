-- Monthly recurring revenue at a moment and its changes, from the history of subscriptions' items. "At a moment" means
-- just before it: what begins at midnight belongs to the next day.

-- mrr_metrics: monthly revenue at the period's end, and its movements since the start; start + movements = end, exactly.
create function payops.mrr_metrics(p_starts timestamptz, p_ends timestamptz, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  with sums as (
    select
      coalesce(sum(m.after_minor) filter (where m.movement = 'new'), 0)::bigint as new,
      coalesce(sum(m.after_minor) filter (where m.movement = 'reactivated'), 0)::bigint as reactivated,
      coalesce(sum(m.after_minor - m.before_minor) filter (where m.movement = 'expansion'), 0)::bigint as expansion,
      coalesce(sum(m.before_minor - m.after_minor) filter (where m.movement = 'contraction'), 0)::bigint as contraction,
      coalesce(sum(m.before_minor) filter (where m.movement = 'churned'), 0)::bigint as churned
    from payops.period_movements(p_starts, p_ends, p_currency) as m
  )
  select jsonb_build_object(
    'mrr', jsonb_build_object('value', a.minor),
    'mrr_new', jsonb_build_object('value', s.new),
    'mrr_expansion', jsonb_build_object('value', s.expansion),
    'mrr_contraction', jsonb_build_object('value', s.contraction),
    'mrr_churned', jsonb_build_object('value', s.churned),
    'mrr_reactivated', jsonb_build_object('value', s.reactivated),
    'gross_mrr_churn_rate', payops.rate(s.churned + s.contraction, b.minor)
  )
  from sums as s, payops.revenue_level(p_ends, p_currency) as a, payops.revenue_level(p_starts, p_currency) as b
$$;

-- subscription_metrics: subscribers and their monthly revenue at the period's end, and churn over the 30 days before
-- it.
create function payops.subscription_metrics(p_since date, p_until date, p_currency text, p_now timestamptz)
returns jsonb
language sql stable
set search_path = '' as $$
  with bounds as (
    select
      p_since::timestamp at time zone timezone as starts,
      -- events of the same second as p_now count
      least((p_until + 1)::timestamp at time zone timezone, p_now + interval '1 microsecond') as ends,
      (p_until - 29)::timestamp at time zone timezone as month_starts
    from payops.business
  )
  select
    payops.mrr_metrics(b.starts, b.ends, p_currency)
    || payops.churn_metrics(b.month_starts, b.ends, p_currency)
    || payops.trial_metrics(b.ends, p_currency)
    || payops.scheduled_to_cancel(p_now + interval '1 microsecond', p_currency)
  from bounds as b
$$;

-- trial_metrics: the number of customers with a subscription on trial at that moment.
create function payops.trial_metrics(p_moment timestamptz, p_currency text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'trialing_subscribers', jsonb_build_object('value', payops.customers_on_trial(p_moment, p_currency))
  )
$$;

-- paused_collections: subscriptions whose collection is paused at this moment, by what happens to their invoices, with
-- their monthly price. Only those with `keep_as_draft` count towards recurring revenue.
create function payops_api.paused_collections(p_currency text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(p) order by p.behavior), '[]')
  from (
    select
      h.pause_behavior as behavior, count(distinct h.subscription_id) as subscriptions,
      sum(h.price_minor)::bigint as price_minor, sum(h.monthly_minor)::bigint as monthly_minor
    from payops.subscription_history as h
    where h.currency = p_currency and h.pause_behavior is not null and h.status in ('active', 'past_due')
      and h.starts_at <= p_now and h.ends_at > p_now
    group by h.pause_behavior
  ) as p
$$;

-- brings_monthly_minor: the latest monthly revenue of this subscription after discounts; if its history is not built
-- yet, the price of its items.
create function payops.brings_monthly_minor(p_subscription_id text, p_items jsonb) returns bigint
language sql stable
set search_path = '' as $$
  select coalesce(
    (
      select sum(h.monthly_minor)
      from payops.subscription_history as h
      where h.subscription_id = p_subscription_id and h.monthly_minor > 0
      group by h.starts_at
      order by h.starts_at desc
      limit 1
    ),
    case
      when exists (select from payops.subscription_history as h where h.subscription_id = p_subscription_id) then 0
      else payops.monthly_minor(p_items)
    end
  )::bigint
$$;
