-- Bank days, counted in the same way as in core/finance/bank_days.py.

-- is_bank_day: whether banks settle payments on this day. Refused for a year whose holidays are not known.
create function payops.is_bank_day(p_day date) returns boolean
language plpgsql immutable
set search_path = '' as $$
begin
  if extract(year from p_day) not between 2010 and 2040 then
    perform payops.refuse('no_bank_calendar', 'The bank holidays of ' || extract(year from p_day) || ' are not known.');
  end if;
  return extract(isodow from p_day) < 6 and p_day <> all(payops.bank_holidays());
end
$$;

-- next_bank_day: the first bank day on or after this day.
create function payops.next_bank_day(p_day date) returns date
language plpgsql immutable
set search_path = '' as $$
begin
  while not payops.is_bank_day(p_day) loop
    p_day := p_day + 1;
  end loop;
  return p_day;
end
$$;

-- add_bank_days: the bank day that is this many bank days after this day, or before it if negative.
create function payops.add_bank_days(p_day date, p_count integer) returns date
language plpgsql immutable
set search_path = '' as $$
begin
  for i in 1..abs(p_count) loop
    p_day := p_day + sign(p_count)::integer;
    while not payops.is_bank_day(p_day) loop
      p_day := p_day + sign(p_count)::integer;
    end loop;
  end loop;
  return p_day;
end
$$;

-- bank_days_between: the number of bank days after the earlier day, up to and including the later one; negative in
-- reverse.
create function payops.bank_days_between(p_earlier date, p_later date) returns integer
language sql immutable
set search_path = '' as $$
  select (sign(p_later - p_earlier) * count(*) filter (where payops.is_bank_day(d.day::date)))::integer
  from generate_series(
    least(p_earlier, p_later) + interval '1 day', greatest(p_earlier, p_later), interval '1 day'
  ) as d (day)
$$;

-- days_late: how many bank days after the date that Stripe named (or the next day on which banks are open) a deposit
-- was booked; 0 if it was on time or early.
create function payops.days_late(p_arrival_date date, p_booked_on date) returns integer
language sql immutable
set search_path = '' as $$
  select greatest(payops.bank_days_between(payops.next_bank_day(p_arrival_date), p_booked_on), 0)
$$;
