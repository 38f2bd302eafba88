-- claim_job: gives the job to this worker, unless another worker holds it or it is not due. A worker whose claim
-- expired without a heartbeat has lost it. The database's clock decides, so the workers' clocks need not agree.
create function payops_api.claim_job(
  p_name text, p_holder text, p_seconds integer, p_due_before timestamptz default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  insert into payops.jobs (name) values (p_name) on conflict do nothing;
  update payops.jobs set holder = p_holder, held_until = clock_timestamp() + make_interval(secs => p_seconds)
  where name = p_name and (holder is null or holder = p_holder or held_until < clock_timestamp())
    and (p_due_before is null or done_at is null or done_at < p_due_before);
  return to_jsonb(found);
end
$$;

-- keep_job: a heartbeat: extends this worker's claim; false if another worker has taken over the job.
create function payops_api.keep_job(p_name text, p_holder text, p_seconds integer) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  update payops.jobs set held_until = clock_timestamp() + make_interval(secs => p_seconds)
  where name = p_name and holder = p_holder;
  return to_jsonb(found);
end
$$;

-- finish_job: records that the job was done at that time, or that it failed and any worker may take it after a pause.
create function payops_api.finish_job(
  p_name text, p_holder text, p_done_at timestamptz default null, p_again_after_seconds integer default 0
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  update payops.jobs set
    holder = case when p_again_after_seconds > 0 then 'nobody' end,
    held_until = clock_timestamp() + make_interval(secs => p_again_after_seconds),
    done_at = coalesce(p_done_at, done_at)
  where name = p_name and holder = p_holder;
  return to_jsonb(found);
end
$$;

-- release_jobs: gives up all jobs of this worker.
create function payops_api.release_jobs(p_holder text) returns jsonb
language sql security definer
set search_path = '' as $$
  update payops.jobs set holder = null, held_until = '-infinity' where holder = p_holder;
  select 'true'::jsonb
$$;
