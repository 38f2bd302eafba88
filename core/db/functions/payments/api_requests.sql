-- take_api_turn: this caller came once more in the present minute, or is refused where that is once too often.
create function payops_api.take_api_turn(p_caller text, p_limit integer, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  turns integer;
begin
  perform payops.commit_later();
  insert into payops.api_turns as t (caller, minute, taken) values (p_caller, date_trunc('minute', p_now), 1)
  on conflict (caller) do update set
    taken = case when t.minute = excluded.minute then t.taken + 1 else 1 end, minute = excluded.minute
  returning taken into turns;
  return jsonb_build_object(
    'allowed', turns <= p_limit,
    'retry_after_seconds', 60 - floor(extract(second from p_now))::integer
  );
end
$$;

-- begin_api_request: this caller's key belongs to this request from now on. `new` and `again` are this process's to
-- answer for the next two minutes, `again` being one whose answer never came about; others are told what it is.
create function payops_api.begin_api_request(p_caller text, p_key text, p_fingerprint text, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  kept payops.api_requests;
begin
  perform payops.commit_later(); -- whatever is done at Stripe is written down after this, and waits for the disk
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

-- answer_api_request: from now on this request has this answer; with none, the next one with the key may try again.
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

-- forget_api_requests: keys from before this moment may be used anew.
create function payops_api.forget_api_requests(p_before timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  with forgotten as (delete from payops.api_requests as r where r.started_at < p_before returning 1)
  select to_jsonb(count(*)) from forgotten
$$;
