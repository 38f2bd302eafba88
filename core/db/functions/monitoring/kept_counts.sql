-- Counts that take long are computed in advance by the worker (`kept_counts`), and shown from there while they are
-- fresh.

-- counted_lately: whether this was counted so recently that counting again would take more than a twentieth of the
-- time.
create function payops.counted_lately(p_subject text, p_asked_with text) returns boolean
language sql stable
set search_path = '' as $$
  select exists (
    select from payops.kept_counts as k
    where k.subject = p_subject and k.asked_with = p_asked_with
      and clock_timestamp() < k.counted_at + 20 * k.took
  )
$$;

-- keep_count: stores the worker's count, begun at `p_begun`.
create function payops.keep_count(
  p_subject text, p_asked_with text, p_begun timestamptz, p_now timestamptz, p_items bigint, p_counted jsonb,
  p_oldest timestamptz default null
) returns void
language sql
set search_path = '' as $$
  insert into payops.kept_counts as k (subject, asked_with, as_of, counted_at, took, items, at_stake, oldest)
  values (
    p_subject, p_asked_with, p_now, clock_timestamp(), clock_timestamp() - p_begun, p_items, p_counted, p_oldest
  )
  on conflict (subject) do update set
    asked_with = excluded.asked_with, as_of = excluded.as_of, counted_at = excluded.counted_at, took = excluded.took,
    items = excluded.items, at_stake = excluded.at_stake, oldest = excluded.oldest
$$;

-- kept_lately: the worker's last count, if counting takes more than 20 ms and the count is at most 10 s old, or 40
-- times as old as counting takes.
create function payops.kept_lately(p_subject text, p_asked_with text, p_now timestamptz) returns setof payops.kept_counts
language sql stable rows 1
set search_path = '' as $$
  select k.*
  from payops.kept_counts as k
  cross join lateral (select greatest(interval '10 seconds', 40 * k.took) as fresh_for) as f
  where k.subject = p_subject and k.asked_with = p_asked_with and k.took > interval '20 milliseconds'
    and clock_timestamp() < k.counted_at + f.fresh_for
    and p_now between k.as_of - f.fresh_for and k.as_of + f.fresh_for
$$;
