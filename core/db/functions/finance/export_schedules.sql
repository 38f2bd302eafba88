-- list_export_schedules: the weekly exports, oldest first, each with how its last one ended.
create function payops_api.list_export_schedules() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(s) order by s.id), '[]')
  from payops.export_schedules as s
  where s.removed_at is null
$$;

-- add_export_schedule: schedules a weekly export of this table, at most 50 in all. Returns its ID.
create function payops_api.add_export_schedule(
  p_actor text, p_actor_role text, p_table_name text, p_file_format text, p_weekday integer, p_delivery text,
  p_filters jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  added payops.export_schedules;
begin
  if (select count(*) from payops.export_schedules as s where s.removed_at is null) >= 50 then
    perform payops.refuse('too_many_schedules', 'There are 50 weekly exports. Remove one first.');
  end if;
  insert into payops.export_schedules (
    table_name, file_format, weekday, delivery, filters, created_at, created_by
  )
  values (p_table_name, p_file_format, p_weekday, p_delivery, p_filters, p_now, p_actor)
  returning * into added;
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:export-schedule:added', 'export-schedule:' || added.id, p_now,
    p_after => jsonb_build_object(
      'table', p_table_name, 'format', p_file_format, 'weekday', p_weekday, 'delivery', p_delivery, 'filters', p_filters
    )
  );
  return to_jsonb(added.id);
end
$$;

-- remove_export_schedule: removes the weekly export; refused if it does not exist.
create function payops_api.remove_export_schedule(
  p_actor text, p_actor_role text, p_id bigint, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  update payops.export_schedules set removed_at = p_now where id = p_id and removed_at is null;
  if not found then
    perform payops.refuse('no_such_schedule', 'This weekly export was removed already.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'finance:export-schedule:removed', 'export-schedule:' || p_id, p_now
  );
  return 'true'::jsonb;
end
$$;

-- finish_scheduled_export: records how the export for this day ended; without a file it stays due.
create function payops_api.finish_scheduled_export(
  p_id bigint, p_day date, p_now timestamptz, p_rows integer default null, p_file_name text default null,
  p_problem text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  update payops.export_schedules as s
  set
    done_for = case when p_file_name is null then s.done_for else p_day end,
    done_at = p_now, problem = p_problem, rows = coalesce(p_rows, s.rows),
    file_name = coalesce(p_file_name, s.file_name)
  where s.id = p_id
  returning 'true'::jsonb
$$;
