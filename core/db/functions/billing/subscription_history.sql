-- The history of subscriptions' items: marked as stale by every write, and rebuilt before it is read.

-- subscription_state: the columns of a mirror row that the history is built from.
create function payops.subscription_state(p_row jsonb) returns jsonb
language sql immutable
set search_path = '' as $$
  select jsonb_object_agg(field, p_row -> field)
  from unnest(array[
    'status', 'customer_id', 'currency', 'start_date', 'trial_start', 'trial_end', 'current_period_start', 'ended_at',
    'cancel_at', 'cancel_at_period_end', 'pause_behavior', 'items', 'discounts'
  ]) as field
$$;

-- follow_subscriptions: records a subscription that Stripe returned as its state at that moment, and marks the history
-- of everything in these records as stale.
create function payops.follow_subscriptions(p_records jsonb) returns void
language plpgsql
set search_path = '' as $$
begin
  insert into payops.subscription_snapshots
    (id, livemode, created, as_of, state_rank, event_id, subscription_id, state)
  select distinct on (r ->> 'id', (r ->> 'as_of')::timestamptz)
    (r ->> 'id') || ' ' || (r ->> 'as_of'), (r ->> 'livemode')::boolean, (r ->> 'created')::timestamptz,
    (r ->> 'as_of')::timestamptz, (r ->> 'state_rank')::integer, 'fetch', r ->> 'id', payops.subscription_state(r)
  from jsonb_array_elements(p_records -> 'subscriptions') as r
  where r ->> 'event_id' = 'fetch'
  order by r ->> 'id', (r ->> 'as_of')::timestamptz, (r ->> 'state_rank')::integer desc
  on conflict (id) do nothing;
  perform payops.mark_stale_subscriptions(p_records);
end
$$;

-- mark_stale_subscriptions: marks the history of every subscription that these records affect as stale.
create function payops.mark_stale_subscriptions(p_records jsonb) returns void
language sql
set search_path = '' as $$
  insert into payops.stale_subscriptions (kind, object_id)
  select distinct m.kind, m.object_id
  from (
    select 'subscription', r ->> 'id' from jsonb_array_elements(p_records -> 'subscriptions') as r
    union all
    select 'subscription', r ->> 'subscription_id'
    from jsonb_array_elements(
      coalesce(p_records -> 'subscription_snapshots', '[]') || coalesce(p_records -> 'discounts', '[]')
    ) as r
    union all
    select 'customer', r ->> 'customer_id' from jsonb_array_elements(p_records -> 'discounts') as r
    union all
    select 'coupon', r ->> 'id'
    from jsonb_array_elements(
      coalesce(p_records -> 'coupons', '[]') || coalesce(p_records -> 'coupon_products', '[]')
    ) as r
    union all
    select 'price', r ->> 'id' from jsonb_array_elements(p_records -> 'price_tiers') as r
  ) as m (kind, object_id)
  where m.object_id is not null
$$;

-- changed_terms: those of these stale coupons or prices whose terms differ from the ones the history was built with;
-- from now on the history is built with the new terms.
create function payops.changed_terms(p_kind text, p_ids text[]) returns text[]
language sql
set search_path = '' as $$
  with present as (
    select c.id, jsonb_build_array(c.duration, c.duration_in_months, c.percent_off, c.amounts_off, p.products) as terms
    from payops.coupons as c
    left join payops.coupon_products as p on c.id = p.id
    where p_kind = 'coupon' and c.id = any(p_ids)
    union all
    select t.id, t.tiers from payops.price_tiers as t where p_kind = 'price' and t.id = any(p_ids)
  ),
  changed as (
    insert into payops.terms_in_history as k (kind, object_id, terms)
    select p_kind, p.id, p.terms from present as p
    on conflict (kind, object_id) do update set terms = excluded.terms where k.terms <> excluded.terms
    returning k.object_id
  )
  select coalesce(array_agg(c.object_id), '{}') from changed as c
$$;

-- stale_ids: the subscriptions that these stale marks affect.
create function payops.stale_ids(p_marks payops.stale_subscriptions[]) returns text[]
language plpgsql
set search_path = '' as $$
declare
  subscriptions text[] := array(select m.object_id from unnest(p_marks) as m where m.kind = 'subscription');
  customers text[] := array(select m.object_id from unnest(p_marks) as m where m.kind = 'customer');
  coupons text[] := payops.changed_terms(
    'coupon', array(select m.object_id from unnest(p_marks) as m where m.kind = 'coupon')
  );
  prices text[] := payops.changed_terms(
    'price', array(select m.object_id from unnest(p_marks) as m where m.kind = 'price')
  );
begin
  if cardinality(coupons) > 0 then
    customers := customers || array(
      select d.customer_id from payops.discounts as d where d.coupon_id = any(coupons) and d.customer_id is not null
    );
    subscriptions := subscriptions || array(
      select d.subscription_id from payops.discounts as d
      where d.coupon_id = any(coupons) and d.subscription_id is not null
    );
  end if;
  if cardinality(prices) > 0 then
    subscriptions := subscriptions || array(
      select h.subscription_id from payops.subscription_history as h where h.item ->> 'price_id' = any(prices)
    );
  end if;
  if cardinality(customers) > 0 then
    subscriptions := subscriptions || array(
      select s.id from payops.subscriptions as s where s.customer_id = any(customers)
    );
  end if;
  return array(select distinct s from unnest(subscriptions) as s order by s);
end
$$;

-- discounted_phases: the phases of these subscriptions with the discounts that applied; equal consecutive phases are one.
create function payops.discounted_phases(p_ids text[])
returns table (
  subscription_id text, starts_at timestamptz, ends_at timestamptz, status text, pause_behavior text,
  scheduled_to_cancel boolean, customer_id text, currency text, items jsonb, discounts jsonb
)
language sql stable
set search_path = '' as $$
  with phases as (
    select p.*, t.terms
    from payops.subscription_phases(p_ids) as p
    left join payops.discount_terms(p_ids) as t on p.subscription_id = t.subscription_id
    where p.status in ('active', 'past_due', 'trialing', 'unpaid', 'paused')
  ),
  parts as (
    select
      p.*, cut.moment as part_starts,
      lead(cut.moment, 1, p.ends_at) over (partition by p.subscription_id, p.starts_at order by cut.moment) as part_ends,
      case
        when p.terms is null then '[]'
        else payops.discounts_at(p.terms, p.state, p.told_at, cut.moment)
      end as discounts
    from phases as p
    cross join lateral (
      select p.starts_at
      union
      select m.moment
      from jsonb_array_elements(p.terms) as t
      cross join unnest(array[(t ->> 'starts_at')::timestamptz, (t ->> 'ends_at')::timestamptz]) as m (moment)
      where m.moment > p.starts_at and m.moment < p.ends_at
    ) as cut (moment)
  ),
  keyed as (
    select
      p.subscription_id, p.part_starts, p.part_ends, jsonb_build_array(
        p.status, p.pause_behavior,
        (p.state ->> 'cancel_at_period_end')::boolean or p.state ->> 'cancel_at' is not null,
        p.state -> 'customer_id', p.state -> 'currency', p.state -> 'items', p.discounts
      ) as was
    from parts as p
  ),
  changes as (
    select k.*, (
      k.was is distinct from lag(k.was) over following or k.part_starts <> lag(k.part_ends) over following
    )::integer as changed
    from keyed as k
    window following as (partition by k.subscription_id order by k.part_starts)
  ),
  numbered as (
    select c.*, sum(c.changed) over (partition by c.subscription_id order by c.part_starts) as number
    from changes as c
  ),
  whole as (
    select n.subscription_id, min(n.part_starts) as starts_at, max(n.part_ends) as ends_at, (array_agg(n.was))[1] as was
    from numbered as n
    group by n.subscription_id, n.number
  )
  select
    w.subscription_id, w.starts_at, w.ends_at, w.was ->> 0, w.was ->> 1, coalesce((w.was ->> 2)::boolean, false),
    w.was ->> 3, w.was ->> 4, w.was -> 5, w.was -> 6
  from whole as w
$$;

-- build_history: builds the history of these subscriptions from everything recorded about them.
create function payops.build_history(p_ids text[]) returns void
language plpgsql
set search_path = '' as $$
declare
  customers text[] := payops.customers_in_history(p_ids);
begin
  delete from payops.subscription_history where subscription_id = any(p_ids);
  insert into payops.subscription_history (
    subscription_id, starts_at, item_place, ends_at, item_id, customer_id, currency, status, pause_behavior,
    scheduled_to_cancel, item, discounts, price_minor, monthly_minor
  )
  select
    p.subscription_id, p.starts_at, i.item_place, p.ends_at, i.item ->> 'id', p.customer_id, p.currency, p.status,
    p.pause_behavior, p.scheduled_to_cancel, i.item, p.discounts, i.price_minor,
    case
      when p.status in ('active', 'past_due') and coalesce(p.pause_behavior, '') not in ('void', 'mark_uncollectible')
        then i.price_minor
      else 0
    end
  from payops.discounted_phases(p_ids) as p
  cross join lateral payops.priced_items(p.items, p.discounts, p.currency) as i;
  customers := customers || payops.customers_in_history(p_ids);
  customers := array(select distinct c from unnest(customers) as c);
  perform payops.rebuild_revenue_changes(customers);
  perform payops.rebuild_trial_changes(customers);
  perform payops.store_running(p_ids, payops.running_moment());
end
$$;

-- customers_in_history: the customers that the history names for these subscriptions.
create function payops.customers_in_history(p_ids text[]) returns text[]
language sql stable
set search_path = '' as $$
  select array(
    select distinct h.customer_id from payops.subscription_history as h
    where h.subscription_id = any(p_ids) and h.customer_id is not null
  )
$$;

-- refresh_subscriptions: brings the history up to date with all writes, or with the oldest `p_most` of them. Returns
-- how many subscriptions were rebuilt.
create function payops.refresh_subscriptions(p_most integer default null) returns integer
language plpgsql
set search_path = '' as $$
declare
  marks payops.stale_subscriptions[];
  ids text[];
begin
  if pg_is_in_recovery() or not exists (select from payops.stale_subscriptions) then
    return 0;
  end if;
  perform pg_advisory_xact_lock(payops.advisory_lock('subscription history'));
  with taken as (
    delete from payops.stale_subscriptions as s
    where s.id in (select o.id from payops.stale_subscriptions as o order by o.id limit p_most)
    returning s
  )
  select array_agg(t.s) into marks from taken as t;
  if marks is null then
    return 0;
  end if;
  ids := payops.stale_ids(marks);
  for chunk in 1 .. cardinality(ids) by 5000 -- as many as fit in memory
  loop
    perform payops.build_history(ids[chunk : chunk + 4999]);
  end loop;
  return cardinality(ids);
end
$$;
