-- search_cursor: where the search for a provider in this state and specialty starts; null if it starts at the first.
create function payops.search_cursor(p_state text, p_specialty text) returns payops.search_cursors
language plpgsql stable
set search_path = '' as $$
declare
  lowest payops.search_cursors;
begin
  select c.* into lowest from payops.search_cursors as c
  where c.state = p_state and c.specialty = p_specialty
  order by c.load, c.idle_since
  limit 1;
  return lowest;
end
$$;

-- lower_search_cursors: makes sure that no search starts after a row of these providers that is available now. Until
-- this commits, nobody advances the cursors of these states, since they would not see the rows.
create function payops.lower_search_cursors(p_providers text[]) returns void
language plpgsql
set search_path = '' as $$
begin
  perform pg_advisory_xact_lock_shared(payops.advisory_lock('search cursors'), hashtext(s.state))
  from (
    select distinct a.state from payops.availability as a
    where a.provider_id in (select unnest(p_providers)) order by a.state
  ) as s;
  insert into payops.search_cursors (state, specialty, load, idle_since)
  select a.state, a.specialty, a.load, a.idle_since
  from payops.availability as a
  cross join lateral payops.search_cursor(a.state, a.specialty) as c
  where a.provider_id in (select unnest(p_providers)) and (a.load, a.idle_since) < (c.load, c.idle_since);
end
$$;

-- advance_search_cursor: makes the next searches start at the first provider who is available now. Runs at most once in
-- two seconds, and not while another transaction is making a provider available. One time in fifty it starts from the
-- very first row, so that a wrong cursor is corrected, whatever the cause. It is the last step of a transaction:
-- whoever makes a provider available waits for it to end, and may hold a lock that it would need.
create function payops.advance_search_cursor(p_state text, p_specialty text) returns void
language plpgsql
set search_path = '' as $$
declare
  known payops.search_cursors;
begin
  if exists (
    select from payops.search_cursors as c
    where c.state = p_state and c.specialty = p_specialty and c.moved_at > clock_timestamp() - interval '2 seconds'
  ) or not pg_try_advisory_xact_lock(payops.advisory_lock('search cursors'), hashtext(p_state)) then
    return;
  end if;
  if random() > 0.02 then
    known := payops.search_cursor(p_state, p_specialty);
  end if;
  delete from payops.search_cursors as c where c.state = p_state and c.specialty = p_specialty;
  insert into payops.search_cursors (state, specialty, load, idle_since, moved_at)
  select p_state, p_specialty, coalesce(first.load, 1), coalesce(first.idle_since, 'infinity'), clock_timestamp()
  from (select) as one
  left join lateral (
    select a.load, a.idle_since
    from payops.availability as a
    where a.state = p_state and a.specialty = p_specialty and a.load < 1
      and (a.load, a.idle_since) >= (coalesce(known.load, 0), coalesce(known.idle_since, '-infinity'))
    order by a.load, a.idle_since, a.provider_id
    limit 1
  ) as first on true;
end
$$;
