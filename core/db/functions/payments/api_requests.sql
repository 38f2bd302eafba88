-- take_api_turn: counts this request of the caller, or refuses it if the last 60 seconds already reach the limit.
create function payops_api.take_api_turn(p_caller text, p_limit integer, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  current_second bigint := floor(extract(epoch from p_now));
  turns payops.api_turns;
  in_window integer;
  wait_seconds integer := 0;
begin
  perform payops.commit_later();
  insert into payops.api_turns (caller, last_second, counts)
  values (p_caller, current_second, array_fill(0, array[60]))
  on conflict (caller) do nothing;
  select t.* into turns from payops.api_turns as t where t.caller = p_caller for update;
  current_second := greatest(current_second, turns.last_second); -- clocks of different machines differ slightly
  for passed in 1..least(60, current_second - turns.last_second) loop
    turns.counts[1 + (turns.last_second + passed) % 60] := 0;
  end loop;
  in_window := (select sum(c) from unnest(turns.counts) as c);
  while in_window >= p_limit and wait_seconds < 60 loop
    wait_seconds := wait_seconds + 1;
    in_window := in_window - turns.counts[1 + (current_second + wait_seconds) % 60];
  end loop;
  if wait_seconds > 0 then
    return jsonb_build_object('allowed', false, 'retry_after_seconds', wait_seconds);
  end if;
  turns.counts[1 + current_second % 60] := turns.counts[1 + current_second % 60] + 1;
  update payops.api_turns as t set last_second = current_second, counts = turns.counts where t.caller = p_caller;
  return jsonb_build_object('allowed', true, 'retry_after_seconds', 0);
end
$$;

-- begin_api_request: binds the caller's idempotency key to this request. With the state `new`, or `again` (a request
-- that was never answered), this process has two minutes to answer; any other state says why it must not process the
-- request.
create function payops_api.begin_api_request(p_caller text, p_key text, p_fingerprint text, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  kept payops.api_requests;
begin
  perform payops.commit_later(); -- the money action itself is recorded later, by a commit that waits for the disk
  insert into payops.api_requests (caller, key, fingerprint, state, started_at, lease_until)
  values (p_caller, p_key, p_fingerprint, 'in_progress', p_now, p_now + interval '2 minutes')
  on conflict do nothing;
  if found then
    return '{"state": "new"}';
  end if;
  select r.* into kept from payops.api_requests as r where r.caller = p_caller and r.key = p_key for update;
  if kept.fingerprint <> p_fingerprint then
    return '{"state": "other_body"}';
  elsif kept.state = 'answered' then
    return jsonb_build_object('state', 'answered', 'status', kept.status, 'answer', kept.answer);
  elsif kept.lease_until > p_now then
    return '{"state": "in_progress"}';
  end if;
  update payops.api_requests as r set lease_until = p_now + interval '2 minutes'
  where r.caller = p_caller and r.key = p_key;
  return '{"state": "again"}';
end
$$;

-- answer_api_request: stores the answer to this request; without an answer, the next request with the key may try
-- again.
create function payops_api.answer_api_request(
  p_caller text, p_key text, p_now timestamptz, p_status integer default null, p_answer jsonb default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.commit_later();
  update payops.api_requests as r set
    state = case when p_status is null then 'in_progress' else 'answered' end,
    status = p_status, answer = p_answer, lease_until = p_now
  where r.caller = p_caller and r.key = p_key;
  select to_jsonb(true)
$$;

-- forget_api_requests: deletes the requests from before this time, so that their keys can be used again.
create function payops_api.forget_api_requests(p_before timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  with forgotten as (delete from payops.api_requests as r where r.started_at < p_before returning 1)
  select to_jsonb(count(*)) from forgotten
$$;
