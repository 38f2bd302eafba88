-- duty_times: when this provider is on duty on this day in their time zone: in their hours, if they have any, and not
-- on time off. Hours that close before they open reach into the next day.
create function payops.duty_times(p_provider text, p_zone text, p_day date) returns tstzmultirange
language sql stable
set search_path = '' as $$
  select
    case when exists (select from payops.provider_hours as h where h.provider_id = p_provider) then coalesce((
      select range_agg(tstzrange(
        t.opens, greatest(
          t.opens,
          (d.day + h.closes + case when h.closes <= h.opens then interval '1 day' else '0' end) at time zone p_zone
        )
      ))
      from (values (p_day - 1), (p_day)) as d (day)
      inner join payops.provider_hours as h
        on h.provider_id = p_provider and h.weekday = extract(isodow from d.day)
      cross join lateral (select (d.day + h.opens) at time zone p_zone) as t (opens)
    ), '{}') * whole.day else whole.day end
    - coalesce((
      select range_agg(tstzrange(
        o.first_day::timestamp at time zone p_zone, (o.last_day + 1)::timestamp at time zone p_zone
      ))
      from payops.provider_time_off as o
      where o.provider_id = p_provider and o.first_day <= p_day and o.last_day >= p_day
    ), '{}')
  from (
    select tstzmultirange(tstzrange(p_day::timestamp at time zone p_zone, (p_day + 1)::timestamp at time zone p_zone))
  ) as whole (day)
$$;

-- duty_now: whether this provider is on duty at this moment, with which capacity on that day (null: that of the
-- directory), and from when until when none of this changes, within that day. No row for a provider without a schedule.
create function payops.duty_now(
  p_provider text, p_now timestamptz, out on_duty boolean, out capacity integer, out since timestamptz, out until timestamptz
) returns setof record
language sql stable
set search_path = '' as $$
  select
    d.times @> p_now and coalesce(d.capacity, 1) > 0, d.capacity, lower(part.range), upper(part.range)
  from (
    select
      payops.duty_times(s.provider_id, s.zone, t.day) as times,
      tstzmultirange(tstzrange(t.day::timestamp at time zone s.zone, (t.day + 1)::timestamp at time zone s.zone)) as whole,
      (
        select c.capacity from payops.provider_day_capacities as c
        where c.provider_id = p_provider and c.weekday = extract(isodow from t.day)
      ) as capacity
    from payops.provider_schedules as s
    cross join lateral (select (p_now at time zone s.zone)::date as day) as t
    where s.provider_id = p_provider
  ) as d
  cross join lateral unnest(case when d.times @> p_now then d.times else d.whole - d.times end) as part (range)
  where part.range @> p_now
$$;

-- free_slots: how many more consultations this provider with this schedule can take now: none while they are away or
-- outside their hours. Postgres inlines it, like `is_within`.
create function payops.free_slots(p_provider payops.providers, p_schedule payops.provider_schedules) returns integer
language sql immutable
return case
  when p_schedule.on_duty is false then 0
  else greatest(coalesce(p_schedule.capacity, p_provider.capacity) - p_provider.pending, 0)
end;

-- settle_schedule: stores whether this provider is on duty at this moment, and until when. The caller holds the
-- provider's lock.
create function payops.settle_schedule(p_provider text, p_now timestamptz) returns void
language sql
set search_path = '' as $$
  update payops.provider_schedules as s set
    on_duty = d.on_duty, capacity = d.capacity, settled_from = d.since, settled_until = d.until
  from payops.duty_now(p_provider, p_now) as d
  where s.provider_id = p_provider
$$;

-- schedules_are_stale: whether any provider's hours, time off or day has changed since schedules were settled.
create function payops.schedules_are_stale(p_now timestamptz) returns boolean
language plpgsql stable
set search_path = '' as $$
begin
  return exists (select from payops.provider_schedules as s where s.settled_until <= p_now)
    or exists (select from payops.provider_schedules as s where s.settled_from > p_now);
end
$$;

-- refresh_schedules: makes providers whose hours, time off or day has changed available or not, as their schedule says,
-- at most so many at a time, and assigns waiting consultations that they can take. Returns how many were refreshed.
-- Providers whom another transaction is just choosing are left for the next time.
create function payops_api.refresh_schedules(p_now timestamptz, p_limit integer default 500) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  provider text;
  refreshed text[] := '{}';
begin
  for provider in
    select p.id
    from payops.providers as p
    where p.id in (
      select s.provider_id from payops.provider_schedules as s where s.settled_until <= p_now
      union all
      select s.provider_id from payops.provider_schedules as s where s.settled_from > p_now
      limit p_limit
    )
    for update of p skip locked
  loop
    perform payops.settle_schedule(provider, p_now);
    perform payops.rewrite_availability(provider);
    refreshed := refreshed || provider;
  end loop;
  perform payops.drain_for(refreshed, p_now);
  return to_jsonb(cardinality(refreshed));
end
$$;

-- schedule_of: this provider's time zone, hours, capacities by day and time off as one document; null if they have
-- none.
create function payops.schedule_of(p_provider text) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'zone', s.zone,
    'hours', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'weekday', h.weekday, 'opens', to_char(h.opens, 'HH24:MI'), 'closes', to_char(h.closes, 'HH24:MI')
      ) order by h.weekday, h.opens), '[]')
      from payops.provider_hours as h where h.provider_id = p_provider
    ),
    'capacities', (
      select coalesce(jsonb_agg(jsonb_build_object('weekday', c.weekday, 'capacity', c.capacity) order by c.weekday), '[]')
      from payops.provider_day_capacities as c where c.provider_id = p_provider
    ),
    'time_off', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'first_day', o.first_day, 'last_day', o.last_day, 'note', o.note
      ) order by o.first_day), '[]')
      from payops.provider_time_off as o where o.provider_id = p_provider
    )
  )
  from payops.provider_schedules as s
  where s.provider_id = p_provider
$$;

-- provider_schedule: this provider's schedule, and whether they are on duty now; null if they have none.
create function payops_api.provider_schedule(p_provider text, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select payops.schedule_of(p_provider) || to_jsonb(d)
  from payops.duty_now(p_provider, p_now) as d
$$;

-- put_schedule: sets this provider's schedule from now on; without a document they are always on duty.
create function payops_api.put_schedule(
  p_actor text, p_actor_role text, p_provider text, p_schedule jsonb, p_reason text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  before jsonb;
begin
  perform payops.require_reason(p_reason);
  perform payops.lock_provider(p_provider);
  before := payops.schedule_of(p_provider);
  perform payops.write_schedule(p_provider, p_schedule);
  perform payops.settle_schedule(p_provider, p_now);
  perform payops.rewrite_availability(p_provider);
  perform payops.record_audit(
    p_actor, p_actor_role, 'providers:schedule:set', 'provider:' || p_provider, p_now,
    jsonb_build_object('schedule', before), jsonb_build_object('schedule', payops.schedule_of(p_provider)), p_reason
  );
  return jsonb_build_object('placed', payops.drain_for(array[p_provider], p_now));
end
$$;

-- write_schedule: stores exactly this schedule; refused if it is invalid.
create function payops.write_schedule(p_provider text, p_schedule jsonb) returns void
language plpgsql
set search_path = '' as $$
begin
  delete from payops.provider_hours where provider_id = p_provider;
  delete from payops.provider_day_capacities where provider_id = p_provider;
  delete from payops.provider_time_off where provider_id = p_provider;
  delete from payops.provider_schedules where provider_id = p_provider;
  if p_schedule is null then
    return;
  elsif not exists (select from pg_catalog.pg_timezone_names as z where z.name = p_schedule ->> 'zone') then
    perform payops.refuse('bad_zone', 'Choose the provider''s time zone, such as America/Chicago.');
  end if;
  insert into payops.provider_schedules (provider_id, zone) values (p_provider, p_schedule ->> 'zone');
  insert into payops.provider_hours (provider_id, weekday, opens, closes)
  select p_provider, h.weekday, h.opens, h.closes
  from jsonb_to_recordset(p_schedule -> 'hours') as h (weekday integer, opens time, closes time);
  insert into payops.provider_day_capacities (provider_id, weekday, capacity)
  select p_provider, c.weekday, c.capacity
  from jsonb_to_recordset(p_schedule -> 'capacities') as c (weekday integer, capacity integer);
  insert into payops.provider_time_off (provider_id, first_day, last_day, note)
  select p_provider, o.first_day, o.last_day, o.note
  from jsonb_to_recordset(p_schedule -> 'time_off') as o (first_day date, last_day date, note text);
exception
  when unique_violation or check_violation or not_null_violation or datetime_field_overflow
    or invalid_datetime_format then
    perform payops.refuse(
      'bad_schedule',
      'A schedule names days Monday to Sunday, times such as 09:00, and a last day of time off that is not before its first.'
    );
end
$$;

-- time_off_soon: providers who are on time off now or soon, earliest first.
create function payops_api.time_off_soon(p_until date, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'provider_id', o.provider_id, 'name', p.name, 'first_day', o.first_day, 'last_day', o.last_day, 'note', o.note,
    'open_consultations', p.pending
  ) order by o.first_day, p.name), '[]')
  from payops.provider_time_off as o
  inner join payops.providers as p on o.provider_id = p.id and p.active
  where o.last_day >= payops.business_day(p_now) and o.first_day <= p_until
$$;
