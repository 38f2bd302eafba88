-- The running subscriptions as of one moment (`running_clock`), and the totals of each list of them.

-- add_running: adds the running subscriptions of these customers to the totals of the lists, or subtracts them with -1.
create function payops.add_running(p_customers text[], p_times integer) returns void
language sql
set search_path = '' as $$
  insert into payops.running_lists as k (currency, list, subscriptions, customers, monthly_minor, price_minor)
  select
    r.currency, l.list, p_times * count(*), p_times * count(distinct nullif(r.customer_id, '')),
    p_times * sum(r.monthly_minor), p_times * sum(r.price_minor)
  from payops.running_subscriptions as r
  inner join unnest(payops.subscription_list_names()) as l (list)
    on payops.is_shown(l.list, r.status, r.pause_behavior, r.scheduled, r.monthly_minor)
  where r.customer_id = any(p_customers)
  group by r.currency, l.list
  on conflict (currency, list) do update set
    subscriptions = k.subscriptions + excluded.subscriptions, customers = k.customers + excluded.customers,
    monthly_minor = k.monthly_minor + excluded.monthly_minor, price_minor = k.price_minor + excluded.price_minor
$$;

-- subscription_list_names: the lists that a running subscription may be in.
create function payops.subscription_list_names() returns text[]
language sql immutable
return array['all', 'active', 'trialing', 'past_due', 'scheduled', 'paused', 'unpaid'];

-- store_running: stores these running subscriptions as their history has them at a moment.
create function payops.store_running(p_ids text[], p_moment timestamptz) returns void
language plpgsql
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
declare
  customers constant text[] := array(
    select r.customer_id from payops.running_subscriptions as r where r.subscription_id = any(p_ids)
    union
    select coalesce(h.customer_id, '') from payops.subscription_history as h
    where h.subscription_id = any(p_ids) and h.starts_at <= p_moment and h.ends_at > p_moment
  );
begin
  perform payops.add_running(customers, -1);
  delete from payops.running_subscriptions where subscription_id = any(p_ids);
  insert into payops.running_subscriptions (
    subscription_id, currency, customer_id, status, pause_behavior, scheduled, price_minor, monthly_minor
  )
  select
    h.subscription_id, min(h.currency), coalesce(min(h.customer_id), ''), min(h.status), min(h.pause_behavior),
    bool_or(h.scheduled_to_cancel), sum(h.price_minor), sum(h.monthly_minor)
  from payops.subscription_history as h
  where h.subscription_id = any(p_ids) and h.starts_at <= p_moment and h.ends_at > p_moment and h.currency is not null
  group by h.subscription_id;
  perform payops.add_running(customers, 1);
end
$$;

-- phases_changed_between: the subscriptions with a phase that begins or ends after one moment and up to another.
create function payops.phases_changed_between(p_after timestamptz, p_until timestamptz) returns text[]
language sql stable
set search_path = ''
set enable_seqscan = 'off' as $$
  select array(
    select h.subscription_id from payops.subscription_history as h
    where h.starts_at > p_after and h.starts_at <= p_until
    union
    select h.subscription_id from payops.subscription_history as h
    where h.ends_at > p_after and h.ends_at <= p_until and h.ends_at < 'infinity'
  )
$$;

-- any_phase_changed_between: whether any subscription has a phase that begins or ends after one moment and up to another.
create function payops.any_phase_changed_between(p_after timestamptz, p_until timestamptz) returns boolean
language sql stable
set search_path = ''
set enable_seqscan = 'off' as $$
  select
    exists (
      select from payops.subscription_history as h where h.starts_at > p_after and h.starts_at <= p_until
    )
    or exists (
      select from payops.subscription_history as h
      where h.ends_at > p_after and h.ends_at <= p_until and h.ends_at < 'infinity'
    )
$$;

-- running_is_current: whether the stored running subscriptions are right for this moment: no phase begins or ends in between,
-- or the difference is at most two seconds, which the worker needs to catch up.
create function payops.running_is_current(p_now timestamptz) returns boolean
language sql stable
set search_path = '' as $$
  select
    p_now between k.moment - interval '2 seconds' and k.moment + interval '2 seconds'
    or not payops.any_phase_changed_between(least(k.moment, p_now), greatest(k.moment, p_now))
  from (select payops.running_moment() as moment) as k
$$;

-- running_moment: the moment for which the running subscriptions are stored; -infinity before the first time.
create function payops.running_moment() returns timestamptz
language sql stable
set search_path = '' as $$
  select coalesce((select k.moment from payops.running_clock as k), '-infinity')
$$;

-- move_running: brings the stored running subscriptions up to this moment, or forward by about `p_most` beginnings and
-- ends of phases. Returns how many subscriptions were stored again.
create function payops.move_running(p_now timestamptz, p_most integer) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = 'off' as $$
declare
  since timestamptz := payops.running_moment();
  until timestamptz;
  ids text[];
begin
  if pg_is_in_recovery() or p_now <= since or since > p_now - interval '1 minute' and not payops.any_phase_changed_between(since, p_now)
  then
    return 0;
  end if;
  perform pg_advisory_xact_lock(payops.advisory_lock('subscription history'));
  since := payops.running_moment();
  select least(
    p_now,
    (
      select h.starts_at from payops.subscription_history as h
      where h.starts_at > since and h.starts_at <= p_now
      order by h.starts_at offset p_most limit 1
    ),
    (
      select h.ends_at from payops.subscription_history as h
      where h.ends_at > since and h.ends_at <= p_now and h.ends_at < 'infinity'
      order by h.ends_at offset p_most limit 1
    )
  ) into until;
  if until <= since then
    return 0; -- another transaction has done it meanwhile
  end if;
  ids := payops.phases_changed_between(since, until);
  if cardinality(ids) > 0 then
    perform payops.store_running(ids, until);
  end if;
  insert into payops.running_clock (moment) values (until) on conflict (only_row) do update set moment = excluded.moment;
  return cardinality(ids);
end
$$;

-- move_running_subscriptions: move_running for the worker, 5,000 beginnings and ends of phases at a time.
create function payops_api.move_running_subscriptions(p_now timestamptz, p_most integer default 5000) returns jsonb
language sql security definer
set search_path = '' as $$ select to_jsonb(payops.move_running(p_now, p_most)) $$;

-- largest_running: the subscriptions of a list with the highest monthly revenue, from a given place on; each list has
-- its own index.
create function payops.largest_running(p_list text, p_currency text, p_most integer, p_after integer)
returns setof payops.running_subscriptions
language sql stable rows 200
set search_path = ''
set enable_seqscan = 'off'
set enable_bitmapscan = 'off'
set enable_sort = 'off' as $$
  (
    select r.* from payops.running_subscriptions as r
    where p_list in ('all', 'active') and r.currency = p_currency
      and r.monthly_minor > case p_list when 'active' then 0 else -1 end
    order by r.monthly_minor desc, r.price_minor desc, r.subscription_id
    limit p_most offset p_after
  )
  union all
  (
    select r.* from payops.running_subscriptions as r
    where r.currency = p_currency and r.status in ('trialing', 'past_due', 'unpaid') and r.status = p_list
    order by r.monthly_minor desc, r.price_minor desc, r.subscription_id
    limit p_most offset p_after
  )
  union all
  (
    select r.* from payops.running_subscriptions as r
    where p_list = 'scheduled' and r.currency = p_currency
      and r.scheduled and r.status in ('active', 'past_due', 'trialing')
    order by r.monthly_minor desc, r.price_minor desc, r.subscription_id
    limit p_most offset p_after
  )
  union all
  (
    select r.* from payops.running_subscriptions as r
    where p_list = 'paused' and r.currency = p_currency
      and (r.pause_behavior is not null and r.status in ('active', 'past_due') or r.status = 'paused')
    order by r.monthly_minor desc, r.price_minor desc, r.subscription_id
    limit p_most offset p_after
  )
$$;
