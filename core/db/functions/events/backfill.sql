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

-- record_backfill_page: a page's records are in the mirror and the listing resumes after them, both or neither.
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

-- record_complete_backfill: a backfill that began at this moment has listed every kind of object.
create function payops_api.record_complete_backfill(p_started timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.backfill_places (source, since, objects, done, at)
  values ('everything', '-infinity', 0, true, p_started)
  on conflict (source, since) do update set at = excluded.at;
  select 'true'::jsonb
$$;

-- analyze_tables: the planner's statistics are up to date. After a bulk load they would otherwise be out of date until
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
