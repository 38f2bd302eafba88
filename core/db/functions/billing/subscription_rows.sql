-- Lists of subscriptions as they are now, and the figures of the Subscriptions page.

-- present_subscriptions: every subscription in this currency that is running at this moment, with its monthly revenue;
-- only those of `p_ids` if given.
create function payops.present_subscriptions(p_currency text, p_now timestamptz, p_ids text[] default null)
returns table (
  subscription_id text, customer_id text, status text, pause_behavior text, scheduled boolean, price_minor bigint,
  monthly_minor bigint
)
language sql stable
set search_path = '' as $$
  select
    h.subscription_id, min(h.customer_id), min(h.status), min(h.pause_behavior), bool_or(h.scheduled_to_cancel),
    sum(h.price_minor)::bigint, sum(h.monthly_minor)::bigint
  from (
    select a.* from payops.subscription_history as a where p_ids is null
    union all
    select n.* from unnest(p_ids) as i (id) inner join payops.subscription_history as n on i.id = n.subscription_id
  ) as h
  where h.currency = p_currency and h.ends_at > p_now and h.starts_at <= p_now
  group by h.subscription_id
$$;

-- is_shown: whether a running subscription belongs to the list of this name.
create function payops.is_shown(
  p_list text, p_status text, p_pause_behavior text, p_scheduled boolean, p_monthly_minor bigint
) returns boolean
language sql immutable
set search_path = '' as $$
  select case p_list
    when 'all' then true
    when 'active' then p_monthly_minor > 0
    when 'trialing' then p_status = 'trialing'
    when 'past_due' then p_status = 'past_due'
    when 'scheduled' then p_scheduled and p_status in ('active', 'past_due', 'trialing')
    when 'paused' then p_pause_behavior is not null and p_status in ('active', 'past_due') or p_status = 'paused'
    when 'unpaid' then p_status = 'unpaid'
    else false
  end
$$;

-- subscription_lists: the number of subscriptions in each list, their monthly revenue and the total of their prices. If
-- the stored totals are of another moment, equal subscriptions are counted together first and then assigned to the
-- lists.
create function payops.subscription_lists(p_currency text, p_now timestamptz) returns jsonb
language plpgsql stable
set search_path = '' as $$
begin
  if payops.running_is_current(p_now) then
    return (
      select coalesce(jsonb_object_agg(k.list, jsonb_build_object(
        'subscriptions', k.subscriptions, 'monthly_minor', k.monthly_minor, 'price_minor', k.price_minor
      )), '{}')
      from payops.running_lists as k
      where k.currency = p_currency and k.subscriptions > 0
    );
  end if;
  return (
    with alike as (
      select
        s.status, s.pause_behavior, s.scheduled, least(s.monthly_minor, 1) as brings, count(*) as subscriptions,
        sum(s.monthly_minor) as monthly, sum(s.price_minor) as price
      from payops.present_subscriptions(p_currency, p_now) as s
      group by s.status, s.pause_behavior, s.scheduled, least(s.monthly_minor, 1)
    )
    select coalesce(jsonb_object_agg(k.list, to_jsonb(k) - 'list'), '{}')
    from (
      select
        l.list, sum(a.subscriptions) as subscriptions, sum(a.monthly) as monthly_minor, sum(a.price) as price_minor
      from unnest(payops.subscription_list_names()) as l (list)
      inner join alike as a on payops.is_shown(l.list, a.status, a.pause_behavior, a.scheduled, a.brings)
      group by l.list
    ) as k
  );
end
$$;

-- subscriptions_listed: one page of a list, highest monthly revenue first, and the total number. `p_find` narrows the
-- list to one ID: of a subscription, customer, patient, order, price or product.
create function payops_api.subscriptions_listed(
  p_list text, p_find text, p_currency text, p_now timestamptz, p_most integer, p_after integer default 0
) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
begin
  if p_find is null and payops.running_is_current(p_now) then
    return jsonb_build_object(
      'count', 0, 'customers', 0, 'monthly_minor', 0, 'price_minor', 0,
      'rows', payops.subscriptions_shown(array(
        select r.subscription_id from payops.largest_running(p_list, p_currency, p_most, p_after) as r
      ), p_currency, p_now)
    ) || coalesce((
      select jsonb_build_object(
        'count', k.subscriptions, 'customers', k.customers, 'monthly_minor', k.monthly_minor, 'price_minor', k.price_minor
      )
      from payops.running_lists as k
      where k.currency = p_currency and k.list = p_list
    ), '{}');
  end if;
  return (
    with found as (
      select p.*
      from payops.present_subscriptions(
        p_currency, p_now, case when p_find is not null then array(select i from payops.subscriptions_named(p_find) as i) end
      ) as p
      where payops.is_shown(p_list, p.status, p.pause_behavior, p.scheduled, p.monthly_minor)
    )
    select jsonb_build_object(
      'count', count(*), 'customers', count(distinct f.customer_id), 'monthly_minor', coalesce(sum(f.monthly_minor), 0),
      'price_minor', coalesce(sum(f.price_minor), 0),
      'rows', payops.subscriptions_shown(array(
        select n.subscription_id from found as n
        order by n.monthly_minor desc, n.price_minor desc, n.subscription_id
        limit p_most offset p_after
      ), p_currency, p_now)
    )
    from found as f
  );
end
$$;

-- subscriptions_shown: these running subscriptions as rows of the list, highest monthly revenue first.
create function payops.subscriptions_shown(p_ids text[], p_currency text, p_now timestamptz) returns jsonb
language sql stable
set search_path = ''
set enable_seqscan = 'off'
set enable_hashjoin = 'off'
set enable_mergejoin = 'off' as $$
  select coalesce(jsonb_agg(
    to_jsonb(p) || jsonb_build_object('id', p.subscription_id, 'currency', p_currency, 'owed_minor', (
      select i.amount_remaining_minor from payops.invoices as i
      where i.id = p.latest_invoice_id and i.status = 'open'
    ))
    order by p.monthly_minor desc, p.price_minor desc, p.subscription_id
  ), '[]')
  from (
    select
      f.*, s.patient_id, s.start_date, s.current_period_end, s.cancel_at, s.cancel_at_period_end, s.trial_end, s.items,
      s.pause_resumes_at, s.latest_invoice_id
    from payops.present_subscriptions(p_currency, p_now, p_ids) as f
    inner join payops.subscriptions as s on f.subscription_id = s.id
  ) as p
$$;

-- subscriptions_named: the subscriptions that an ID stands for: their own, or that of a customer, patient, order, price
-- or product.
create function payops.subscriptions_named(p_id text) returns setof text
language sql stable rows 20
set search_path = '' as $$
  select s.id from payops.subscriptions as s where s.id = p_id
  union select s.id from payops.subscriptions as s where s.customer_id = p_id
  union select s.id from payops.subscriptions as s where s.patient_id = p_id
  union select s.id from payops.subscriptions as s where s.order_id = p_id
  union
  select s.id from payops.subscriptions as s
  where s.items @> jsonb_build_array(jsonb_build_object('price_id', p_id))
  union
  select s.id from payops.subscriptions as s
  where s.items @> jsonb_build_array(jsonb_build_object('product_id', p_id))
$$;

-- subscription_currencies: the currencies of all subscriptions, the most frequent first.
create function payops_api.subscription_currencies() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(c.currency order by c.subscriptions desc, c.currency), '[]')
  from (
    select s.currency, count(*) as subscriptions
    from payops.subscriptions as s
    where s.currency is not null
    group by s.currency
  ) as c
$$;

-- subscription_figures: the figures of the Subscriptions page for a period and the one before it, exact up to now.
create function payops_api.subscription_figures(
  p_since date, p_until date, p_previous_since date, p_previous_until date, p_currency text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  now_is record;
begin
  if not pg_is_in_recovery() then
    perform payops.refresh_subscriptions(5000);
    perform payops.move_running(p_now, 500);
  end if;
  select m.starts, m.ends into now_is from payops.period_moments(p_since, p_until, p_now) as m;
  return jsonb_build_object(
    'fresh_at', payops.fresh_at(),
    'metrics', payops.subscription_metrics(p_since, p_until, p_currency, p_now),
    'previous_metrics', payops.subscription_metrics(p_previous_since, p_previous_until, p_currency, p_now),
    'waterfall', payops.recurring_revenue(now_is.starts, now_is.ends, p_currency),
    'losses', payops.losses_by_reason(now_is.starts, now_is.ends, p_currency),
    'lists', payops.subscription_lists(p_currency, p_now)
  );
end
$$;
