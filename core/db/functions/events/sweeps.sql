-- begin_event_sweep: an interrupted sweep resumes, or a new one covers the time from just before the end of the last
-- one until now; the first one starts at `p_earliest`, but not before a history that was loaded in bulk.
create function payops_api.begin_event_sweep(
  p_now timestamptz, p_until timestamptz, p_earliest timestamptz, p_overlap_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  insert into payops.event_sweeps (since, until, begun_at)
  select
    greatest(
      p_earliest,
      coalesce(
        (
          select max(s.until) - make_interval(secs => p_overlap_seconds)
          from payops.event_sweeps as s where s.done_at is not null
        ),
        (select b.at from payops.backfill_places as b where b.source = 'history' and b.done),
        p_earliest
      )
    ),
    p_until, p_now
  on conflict do nothing;
  return (
    select jsonb_build_object(
      'id', s.id, 'since', s.since, 'until', s.until, 'last_id', s.last_id, 'listed', s.listed, 'found', s.found
    )
    from payops.event_sweeps as s
    where s.done_at is null
  );
end
$$;

-- missing_events: those of these event ids that are not in the inbox.
create function payops_api.missing_events(p_ids jsonb) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(i.id), '[]')
  from jsonb_array_elements_text(p_ids) as i (id)
  where not exists (select from payops.events as e where e.id = i.id)
$$;

-- record_event_sweep_page: records that the sweep resumes after this page; a finished sweep that found events is an
-- incident.
create function payops_api.record_event_sweep_page(
  p_id bigint, p_last_id text, p_listed integer, p_found integer, p_done boolean, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  update payops.event_sweeps set
    last_id = p_last_id, listed = p_listed, found = p_found, done_at = case when p_done then p_now end
  where id = p_id and done_at is null;
  if found and p_done and p_found > 0 then
    perform payops.record_incident(
      'events_missed', 'sweep',
      'Events did not arrive and were fetched from Stripe. Check the webhook''s deliveries in Stripe''s dashboard.',
      p_now, 'warning', jsonb_build_object('events', p_found, 'sweep', p_id)
    );
  end if;
  return to_jsonb(found);
end
$$;

-- last_event_sweep: the last finished sweep: its time range, and how many events it listed and found.
create function payops_api.last_event_sweep() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb(s) from payops.event_sweeps as s where s.done_at is not null order by s.done_at desc limit 1
$$;
