-- When each customer's time on trial began and ended, derived from the history of subscriptions and summed by day. "At
-- a moment" means just before it.

-- trial_changes_of: each beginning and end of these customers' trials; several trials at once count as one.
create function payops.trial_changes_of(p_customers text[]) returns setof payops.trial_changes
language sql stable
set search_path = '' as $$
  select c.customer_id, c.currency, c.at, case when c.after > 0 then 1 else -1 end
  from (
    select
      d.customer_id, d.currency, d.at, d.change,
      sum(d.change) over (partition by d.customer_id, d.currency order by d.at) as after
    from (
      select h.customer_id, h.currency, m.at, sum(m.change) as change
      from payops.subscription_history as h
      cross join lateral (values (h.starts_at, 1), (h.ends_at, -1)) as m (at, change)
      where h.customer_id = any(p_customers) and h.status = 'trialing' and h.currency is not null and m.at < 'infinity'
      group by h.customer_id, h.currency, m.at
      having sum(m.change) <> 0
    ) as d
  ) as c
  where (c.after > 0) <> (c.after - c.change > 0)
$$;

-- add_trial_changes: adds the changes of these customers to the sums by day, or subtracts them with -1.
create function payops.add_trial_changes(p_customers text[], p_times integer) returns void
language sql
set search_path = '' as $$
  insert into payops.daily_trials as d (currency, day, customers)
  select c.currency, payops.business_day(c.at), p_times * sum(c.change)
  from payops.trial_changes as c
  where c.customer_id = any(p_customers)
  group by 1, 2
  on conflict (currency, day) do update set customers = d.customers + excluded.customers
$$;

-- rebuild_trial_changes: rebuilds the changes of these customers from the history, and corrects the sums.
create function payops.rebuild_trial_changes(p_customers text[]) returns void
language plpgsql
set search_path = '' as $$
begin
  perform payops.add_trial_changes(p_customers, -1);
  delete from payops.trial_changes where customer_id = any(p_customers);
  insert into payops.trial_changes select c.* from payops.trial_changes_of(p_customers) as c;
  perform payops.add_trial_changes(p_customers, 1);
end
$$;

-- sum_trial_changes: rebuilds the sums by day in the current business timezone.
create function payops.sum_trial_changes() returns void
language sql
set search_path = '' as $$
  delete from payops.daily_trials;
  select payops.add_trial_changes(array(select distinct c.customer_id from payops.trial_changes as c), 1)
$$;

-- customers_on_trial: how many customers have a subscription on trial at a moment.
create function payops.customers_on_trial(p_moment timestamptz, p_currency text) returns bigint
language sql stable
set search_path = ''
set enable_seqscan = 'off' as $$
  select (
    coalesce((
      select sum(d.customers) from payops.daily_trials as d where d.currency = p_currency and d.day < k.day
    ), 0)
    + coalesce((
      select sum(c.change) from payops.trial_changes as c
      where c.currency = p_currency and c.at >= payops.day_start(k.day) and c.at < p_moment
    ), 0)
  )::bigint
  from (select payops.business_day(p_moment) as day) as k
$$;
