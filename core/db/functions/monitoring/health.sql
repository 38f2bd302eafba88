-- check_writes: the database took this write just now; a full disk or a read-only server refuses it.
create function payops_api.check_writes(p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  update payops.write_probe set written_at = p_now;
  select 'true'::jsonb
$$;
