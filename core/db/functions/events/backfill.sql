-- backfill_place: where an interrupted listing resumes; a finished one starts again.
create function payops_api.backfill_place(p_source text, p_since timestamptz default null) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(
    (
      select jsonb_build_object('last_id', b.last_id, 'objects', b.objects, 'done', false)
      from payops.backfill_places as b
      where b.source = p_source and b.since = coalesce(p_since, '-infinity') and not b.done
    ),
    jsonb_build_object('last_id', null, 'objects', 0, 'done', false)
  )
$$;

-- record_backfill_page: stores a page's records in the mirror and the place to resume after it, both or neither.
create function payops_api.record_backfill_page(
  p_source text, p_records jsonb, p_last_id text, p_objects integer, p_done boolean, p_now timestamptz,
  p_since timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.apply_records(p_records);
  insert into payops.backfill_places (source, since, last_id, objects, done, at)
  values (p_source, coalesce(p_since, '-infinity'), p_last_id, p_objects, p_done, p_now)
  on conflict (source, since) do update set
    last_id = excluded.last_id, objects = excluded.objects, done = excluded.done, at = excluded.at;
  return jsonb_build_object('last_id', p_last_id, 'objects', p_objects, 'done', p_done);
end
$$;

-- backfill_slices: the slices of a list that is being read in slices, newest first, each with the place to resume;
-- empty if it is not read in slices.
create function payops_api.backfill_slices(p_source text, p_since timestamptz default null) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(s) - '{source,since}'::text[] order by s.starts desc), '[]')
  from payops.backfill_slices as s
  where s.source = p_source and s.since = coalesce(p_since, '-infinity')
$$;

-- plan_backfill_slices: splits the rest of a list into these slices, pairs of seconds.
create function payops_api.plan_backfill_slices(p_source text, p_bounds jsonb, p_since timestamptz default null)
returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.backfill_slices (source, since, starts, ends)
  select p_source, coalesce(p_since, '-infinity'), (b ->> 0)::bigint, (b ->> 1)::bigint
  from jsonb_array_elements(p_bounds) as b
  on conflict (source, since, starts) do nothing;
  select 'true'::jsonb
$$;

-- record_backfill_slice: stores the records of a slice's pages in the mirror and the place to resume after them, both
-- or neither. Returns how many slices of the list are left; with none left, the list is done. The list's row is locked,
-- so that when two slices end at once, the second sees that the first has ended.
create function payops_api.record_backfill_slice(
  p_source text, p_starts bigint, p_records jsonb, p_last_id text, p_objects integer, p_done boolean,
  p_now timestamptz, p_since timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  remaining bigint;
  of_since constant timestamptz := coalesce(p_since, '-infinity');
begin
  perform payops.apply_records(p_records);
  if p_done then
    perform 1 from payops.backfill_places where source = p_source and since = of_since for update;
  end if;
  update payops.backfill_slices set last_id = p_last_id, objects = p_objects, done = p_done
  where source = p_source and since = of_since and starts = p_starts;
  select count(*) into remaining from payops.backfill_slices as s
  where s.source = p_source and s.since = of_since and not s.done;
  if remaining = 0 then
    update payops.backfill_places set
      done = true, at = p_now,
      objects = objects + (
        select coalesce(sum(s.objects), 0) from payops.backfill_slices as s
        where s.source = p_source and s.since = of_since
      )
    where source = p_source and since = of_since;
    delete from payops.backfill_slices where source = p_source and since = of_since;
  end if;
  return to_jsonb(remaining);
end
$$;

-- record_complete_backfill: records that a backfill which began at this moment has listed every kind of object.
create function payops_api.record_complete_backfill(p_started timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.backfill_places (source, since, objects, done, at)
  values ('everything', '-infinity', 0, true, p_started)
  on conflict (source, since) do update set at = excluded.at;
  select 'true'::jsonb
$$;

-- analyze_tables: brings the planner's statistics up to date. After a bulk load they would otherwise be outdated until
-- autovacuum runs, and the overview would take ten times as long for its first minutes.
create function payops_api.analyze_tables() returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  named record;
begin
  for named in
    select c.relname from pg_class as c where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r'
    order by c.relname
  loop
    execute format('analyze payops.%I', named.relname);
  end loop;
  return 'true';
end
$$;

-- backfill_progress: how many objects of each kind have been listed, when the last complete backfill began (or a whole
-- history was loaded at once), and whether one is running.
create function payops_api.backfill_progress() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'kinds', coalesce(
      jsonb_agg(jsonb_build_object('name', b.source, 'objects', b.objects, 'done', b.done) order by b.source)
        filter (where b.source not in ('everything', 'history')),
      '[]'
    ),
    'complete_at', max(b.at) filter (where b.source in ('everything', 'history') and b.done),
    'running', exists (
      select from payops.jobs as j where j.name = 'backfill' and j.holder is not null and j.held_until > clock_timestamp()
    )
  )
  from payops.backfill_places as b
  where b.since = '-infinity'
$$;
