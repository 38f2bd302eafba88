-- check_writes: writes to the database, to see whether it accepts writes: a full disk or a read-only server refuses.
create function payops_api.check_writes(p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  update payops.write_probe set written_at = p_now;
  select 'true'::jsonb
$$;

-- replication_lag: how many seconds this replica is behind; 0 if it has received everything, null on a primary.
create function payops_api.replication_lag() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select case
    when not pg_is_in_recovery() then null
    when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then to_jsonb(0)
    else to_jsonb(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()))
  end
$$;
