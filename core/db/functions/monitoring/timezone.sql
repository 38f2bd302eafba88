-- business_timezone: the zone whose midnight ends a business day, and whether somebody chose it yet.
create function payops_api.business_timezone() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object('timezone', b.timezone, 'chosen', b.timezone_chosen_at is not null) from payops.business as b
$$;

-- utc_offsets: how far this database's zone is from UTC, in seconds, at each of these moments.
create function payops_api.utc_offsets(p_timezone text, p_moments jsonb) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_agg(
    extract(epoch from (m.at at time zone p_timezone) - (m.at at time zone 'UTC'))::integer order by m.n
  )
  from jsonb_array_elements_text(p_moments) with ordinality as t (moment, n)
  cross join lateral (select t.moment::timestamptz as at, t.n) as m
$$;

-- choose_business_timezone: days end at this zone's midnight from now on, audited; where that is another one, all is stale
-- and will be counted again. Answers how many payments are to be counted. With `p_unless_chosen`, a zone that was chosen
-- before stays.
create function payops_api.choose_business_timezone(
  p_timezone text, p_actor text, p_actor_role text, p_now timestamptz, p_unless_chosen boolean default false
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before payops.business;
begin
  select b.* into before from payops.business as b for update;
  if p_unless_chosen and before.timezone_chosen_at is not null then
    return '0';
  elsif not exists (select from pg_catalog.pg_timezone_names as z where z.name = p_timezone) then
    perform payops.refuse('unknown_timezone', format('The database does not know the time zone %s.', p_timezone));
  end if;
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

-- mark_all_stale: every day will be counted again, the oldest payments first; answers how many payments there are.
create function payops.mark_all_stale() returns bigint
language plpgsql
set search_path = '' as $$
declare
  payments bigint;
begin
  delete from payops.daily_payments;
  delete from payops.daily_failures;
  delete from payops.daily_attempts;
  delete from payops.daily_intents;
  delete from payops.daily_captures;
  delete from payops.daily_balances;
  delete from payops.capture_facts;
  delete from payops.payment_facts;
  insert into payops.stale_balance_days (day)
  select distinct payops.business_day(t.created) from payops.balance_transactions as t;
  insert into payops.stale_charges (charge_id)
  select c.id from payops.charges as c where c.payment_intent_id is null order by c.created;
  insert into payops.stale_payments (payment_intent_id)
  select i.id from payops.payment_intents as i order by i.created;
  get diagnostics payments = row_count;
  return payments;
end
$$;

-- recount_stale: what is stale is counted again, or the oldest `p_most` payments of it; answers how many payments were.
create function payops_api.recount_stale(p_most integer default null) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.refresh_balances();
  return to_jsonb(payops.refresh_rollups(p_most));
end
$$;
