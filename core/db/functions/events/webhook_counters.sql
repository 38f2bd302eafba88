-- record_webhook_counters: adds one process's counts since its last report: refused requests by sender and reason, and
-- uses of each secret. A sender that is refused too often is an incident.
create function payops_api.record_webhook_counters(
  p_rejections jsonb, p_verified jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  insert into payops.webhook_secret_uses as u (fingerprint, day, times, last_used_at)
  select v.fingerprint, payops.business_day(v.last_used_at), v.times, v.last_used_at
  from jsonb_to_recordset(p_verified) as v (fingerprint text, times bigint, last_used_at timestamptz)
  order by v.fingerprint
  on conflict (fingerprint, day) do update set
    times = u.times + excluded.times, last_used_at = greatest(u.last_used_at, excluded.last_used_at);
  perform payops.count_rejections(p_rejections, p_now);
  delete from payops.webhook_rejections where minute < p_now - interval '30 days';
  return 'true'::jsonb;
end
$$;

-- count_rejections: counts refused requests by minute, sender and reason. 20 within five minutes from one sender, or
-- 200 from several together, are an incident.
create function payops.count_rejections(p_rejections jsonb, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
declare
  of_one constant integer := 20;
  of_all constant integer := 200;
  since constant timestamptz := p_now - interval '5 minutes';
begin
  if jsonb_array_length(p_rejections) = 0 then
    return;
  end if;
  insert into payops.webhook_rejections as r (minute, address, reason, times)
  select date_trunc('minute', p_now), n.address, n.reason, sum(n.times)
  from jsonb_to_recordset(p_rejections) as n (address text, reason text, times bigint)
  group by n.address, n.reason
  order by n.address, n.reason
  on conflict (minute, address, reason) do update set times = r.times + excluded.times;
  perform payops.record_incident(
    'webhook_attack', s.reason || ' ' || s.sender,
    format('The webhook refused many requests: %s.', replace(s.reason, '_', ' ')), p_now,
    'warning', jsonb_build_object('sender', s.sender, 'reason', s.reason, 'within five minutes', s.times),
    p_occurrences => s.fresh
  )
  from (
    (
      select r.address as sender, r.reason, sum(r.times) as times, f.fresh
      from payops.webhook_rejections as r
      inner join (
        select n.address, n.reason, sum(n.times)::bigint as fresh
        from jsonb_to_recordset(p_rejections) as n (address text, reason text, times bigint)
        group by n.address, n.reason
      ) as f on r.address = f.address and r.reason = f.reason
      where r.minute > since
      group by r.address, r.reason, f.fresh
      having sum(r.times) >= of_one
      order by sum(r.times) desc
      limit 20
    )
    union all
    select 'many senders', r.reason, sum(r.times), 1
    from payops.webhook_rejections as r
    where r.minute > since
      and r.reason in (select n.reason from jsonb_to_recordset(p_rejections) as n (reason text))
    group by r.reason
    having sum(r.times) >= of_all and count(distinct r.address) > 1
  ) as s;
end
$$;

-- list_webhook_rejections: refused requests since then by sender and reason, with the last time, most frequent first.
create function payops_api.list_webhook_rejections(p_since timestamptz, p_limit integer default 200) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(r) order by r.times desc, r.last_minute desc), '[]')
  from (
    select w.address, w.reason, sum(w.times)::bigint as times, max(w.minute) as last_minute
    from payops.webhook_rejections as w
    where w.minute >= p_since
    group by w.address, w.reason
    order by sum(w.times) desc, max(w.minute) desc
    limit least(p_limit, 1000)
  ) as r
$$;

-- webhook_secret_uses: when each of these secrets last verified an event, and how often in the last 30 days.
create function payops_api.webhook_secret_uses(p_fingerprints jsonb, p_now timestamptz) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(jsonb_object_agg(u.fingerprint, u.used), '{}')
  from (
    select
      s.fingerprint,
      jsonb_build_object(
        'last_used_at', max(s.last_used_at),
        'times', coalesce(sum(s.times) filter (where s.last_used_at > p_now - interval '30 days'), 0)
      ) as used
    from payops.webhook_secret_uses as s
    where s.fingerprint in (select jsonb_array_elements_text(p_fingerprints))
    group by s.fingerprint
  ) as u
$$;
