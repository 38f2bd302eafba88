-- tied_objects: the mirror rows that two events of the same second changed, once that second is over; without skipped
-- ones.
create function payops_api.tied_objects(
  p_tables jsonb, p_before timestamptz, p_most integer, p_now timestamptz
) returns jsonb
language plpgsql stable security definer
set search_path = '' as $$
declare
  target text;
  more_rows jsonb;
  found_rows jsonb := '[]';
begin
  for target in select t from jsonb_array_elements_text(p_tables) as t
  loop
    perform payops.require_mirror_table(target);
    execute format(
      'select coalesce(jsonb_agg(jsonb_build_object(''table'', %L, ''id'', id)), ''[]'')'
      ' from (select id from payops.%I where tied and as_of < $1'
      '   and not payops.is_skipped(''refetch tied objects'', id, $3) order by as_of limit $2) as r', target, target
    ) into more_rows using p_before, p_most - jsonb_array_length(found_rows), p_now;
    found_rows := found_rows || more_rows;
  end loop;
  return found_rows;
end
$$;

-- settle_tie: removes the tie mark of this row.
create function payops_api.settle_tie(p_table text, p_id text) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.require_mirror_table(p_table);
  execute format('update payops.%I set tied = false where id = $1', p_table) using p_id;
  return to_jsonb(found);
end
$$;

-- require_mirror_table: refuses a name that is not one of the mirror's tables.
create function payops.require_mirror_table(p_table text) returns void
language plpgsql stable
set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_proc
    where proname = 'record_' || p_table and pronamespace = 'payops'::regnamespace) then
    perform payops.refuse('unknown_table', format('There is no mirror table %s.', p_table));
  end if;
end
$$;
