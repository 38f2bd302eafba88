-- business_timezone: the time zone of business days, and whether it has been chosen yet.
create function payops_api.business_timezone() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object('timezone', b.timezone, 'chosen', b.timezone_chosen_at is not null)
  from payops.business as b
$$;

-- require_timezone: refused unless the database knows a time zone of this name.
create function payops.require_timezone(p_timezone text) returns void
language plpgsql stable
set search_path = '' as $$
begin
  perform now() at time zone p_timezone;
exception
  when invalid_parameter_value then
    perform payops.refuse('unknown_timezone', format('The database does not know the time zone %s.', p_timezone));
end
$$;

-- zone_changes: how many seconds the zone is ahead of UTC at the first of these moments, as this database knows it, and
-- after every change up to the last.
create function payops_api.zone_changes(p_timezone text, p_since timestamptz, p_until timestamptz) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
begin
  perform payops.require_timezone(p_timezone);
  return (
    select jsonb_agg(jsonb_build_object('at', c.at, 'seconds', c.seconds) order by c.at)
    from (
      select o.at, o.seconds, lag(o.seconds) over (order by o.at) as before
      from (
        select s.at, extract(epoch from (s.at at time zone p_timezone) - (s.at at time zone 'UTC'))::integer as seconds
        from generate_series(p_since, p_until, interval '30 minutes') as s (at)
      ) as o
    ) as c
    where c.seconds is distinct from c.before
  );
end
$$;

-- lock_all_counts: nobody else counts anything until this transaction ends. Whoever takes several of these locks takes
-- them in this order, so that no two transactions wait for each other.
create function payops.lock_all_counts() returns void
language sql
set search_path = '' as $$
  select pg_advisory_xact_lock(payops.advisory_lock('reconcile'));
  select payops.lock_balances();
  select pg_advisory_xact_lock(payops.advisory_lock('recount revenue'));
  select pg_advisory_xact_lock(payops.advisory_lock('subscription history'));
  select pg_advisory_xact_lock(payops.advisory_lock('count observations'));
  select pg_advisory_xact_lock(payops.advisory_lock('count recovery'));
  select payops.lock_rollups();
$$;

-- choose_business_timezone: days end at this zone's midnight from now on; audited. If the zone is a new one, all
-- figures become stale and are counted again. Returns how many payments that affects. With `p_unless_chosen`, a zone
-- that was chosen before stays.
create function payops_api.choose_business_timezone(
  p_timezone text, p_actor text, p_actor_role text, p_now timestamptz, p_unless_chosen boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.business;
begin
  perform payops.lock_all_counts();
  select b.* into before from payops.business as b for update;
  if p_unless_chosen and before.timezone_chosen_at is not null then
    return '0';
  end if;
  perform payops.require_timezone(p_timezone);
  update payops.business set timezone = p_timezone, timezone_chosen_at = p_now;
  perform payops.record_audit(
    p_actor, p_actor_role, 'monitoring:timezone:changed', 'business', p_now,
    jsonb_build_object('timezone', before.timezone), jsonb_build_object('timezone', p_timezone)
  );
  if before.timezone = p_timezone then
    return '0';
  end if;
  return to_jsonb(payops.mark_all_stale());
end
$$;

-- mark_all_stale: marks every day to be counted again, the oldest payments first. Returns the number of payments, and
-- of charges without one.
create function payops.mark_all_stale() returns bigint
language plpgsql
set search_path = '' as $$
declare
  charges bigint;
  payments bigint;
begin
  delete from payops.daily_payments;
  delete from payops.daily_failures;
  delete from payops.daily_attempts;
  delete from payops.daily_intents;
  delete from payops.daily_captures;
  delete from payops.daily_balances;
  delete from payops.daily_revenue;
  delete from payops.capture_facts;
  delete from payops.payment_facts;
  perform payops.sum_revenue_changes();
  perform payops.sum_trial_changes();
  insert into payops.stale_recovery (invoice_id) select r.invoice_id from payops.recovery_invoices as r;
  insert into payops.stale_observation_days (day) -- and its neighbours, which its hours may now belong to
  select distinct o.day + n.days from payops.daily_observations as o cross join generate_series(-1, 1) as n (days);
  perform payops.mark_all_unreconciled();
  insert into payops.stale_balance_days (day)
  select distinct payops.business_day(t.created) from payops.balance_transactions as t;
  insert into payops.stale_revenue_days (day)
  select distinct d.day from payops.stale_balance_days as d;
  insert into payops.stale_charges (charge_id)
  select c.id from payops.charges as c where c.payment_intent_id is null order by c.created;
  get diagnostics charges = row_count;
  insert into payops.stale_payments (payment_intent_id)
  select i.id from payops.payment_intents as i order by i.created;
  get diagnostics payments = row_count;
  return payments + charges;
end
$$;

-- recount_stale: counts everything stale again, of payments and charges only the oldest `p_most` if given; answers how many.
create function payops_api.recount_stale(p_most integer default null) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_balances();
  perform payops.refresh_revenue(30);
  perform payops.refresh_subscriptions(10000); -- this many take less time than a page waits for a lock
  perform payops.refresh_observations(10);
  perform payops.refresh_recovery(5000);
  return to_jsonb(payops.refresh_rollups(p_most));
end
$$;

-- refresh_figures: brings everything that figures are counted from up to date. If much is stale at once, as after an
-- upgrade or a change of time zone, a part of it is counted here and the worker counts the rest. The order is that of
-- `lock_all_counts`.
create function payops.refresh_figures() returns void
language plpgsql
set search_path = '' as $$
begin
  if not pg_is_in_recovery() then
    perform payops.refresh_balances();
    perform payops.refresh_subscriptions(5000);
    perform payops.refresh_observations();
    perform payops.refresh_recovery(5000);
    perform payops.refresh_rollups(5000);
  end if;
end
$$;
