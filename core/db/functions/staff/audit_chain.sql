-- audit_hash: the hash of an entry that follows the previous hash; the same in every session and on every version of
-- Postgres.
create function payops.audit_hash(p_previous bytea, p_entry payops.audit_log) returns bytea
language sql immutable
set search_path = '' as $$
  select sha256(p_previous || convert_to(
    jsonb_build_array(
      p_entry.id, extract(epoch from p_entry.at), p_entry.actor, p_entry.role, p_entry.action, p_entry.subject,
      p_entry.outcome, p_entry.reason, p_entry.before, p_entry.after, p_entry.request_id
    )::text,
    'UTF8'
  ))
$$;

-- audit_chain_head_locked: the end of the chain, locked: others who extend or verify the chain wait for this
-- transaction. The single row is created again if it is missing, as in a database whose rows were all removed.
create function payops.audit_chain_head_locked() returns payops.audit_chain_head
language plpgsql
set search_path = '' as $$
declare
  head payops.audit_chain_head;
begin
  insert into payops.audit_chain_head default values on conflict do nothing;
  select h.* into head from payops.audit_chain_head as h for update;
  return head;
end
$$;

-- extend_audit_chain: appends up to this many committed entries to the chain. An entry may be committed after one with
-- a higher ID, so entries are looked for from the highest ID that was chained an hour ago.
create function payops_api.extend_audit_chain(p_now timestamptz, p_limit integer default 5000) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  head payops.audit_chain_head := payops.audit_chain_head_locked();
  settled_id bigint := coalesce(
    (select max(c.audit_id) from payops.audit_chain as c where c.chained_at < p_now - interval '1 hour'), 0
  );
  entry payops.audit_log;
  chained bigint := 0;
begin
  for entry in
    select a.* from payops.audit_log as a
    where a.id > settled_id and not exists (select from payops.audit_chain as c where c.audit_id = a.id)
    order by a.id
    limit p_limit
  loop
    chained := chained + 1;
    head.position := head.position + 1;
    head.hash := payops.audit_hash(head.hash, entry);
    insert into payops.audit_chain (position, audit_id, hash, chained_at)
    values (head.position, entry.id, head.hash, p_now);
  end loop;
  update payops.audit_chain_head set position = head.position, hash = head.hash where only_row and chained > 0;
  return jsonb_build_object('chained', chained, 'position', head.position, 'head', encode(head.hash, 'hex'));
end
$$;

-- report_audit_break: reports a break in the audit log as an incident, once until it is resolved. Returns the
-- incident's ID.
create function payops.report_audit_break(
  p_position bigint, p_audit_id bigint, p_what text, p_now timestamptz
) returns bigint
language sql
set search_path = '' as $$
  select payops.record_incident(
    'audit_chain_broken', p_what || ' ' || coalesce(p_audit_id, p_position),
    'The audit log has been altered: ' || p_what || '.', p_now, 'critical',
    jsonb_build_object('position', p_position, 'audit_id', p_audit_id)
  )
$$;

-- verify_audit_chain: hashes the next entries of the chain again and reports each break as an incident. After the last
-- entry the round ends; then entries that never reached the chain, or a chain whose end was cut off, are reported too.
create function payops_api.verify_audit_chain(p_now timestamptz, p_limit integer default 5000) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  head payops.audit_chain_head := payops.audit_chain_head_locked();
  link record;
  seen bigint := head.verified_position;
  expected bytea := head.verified_hash;
  breaks bigint := 0;
begin
  for link in
    select c.position, c.audit_id, c.hash, a as entry, a.id is null as removed
    from payops.audit_chain as c
    left join payops.audit_log as a on a.id = c.audit_id
    where c.position > head.verified_position
    order by c.position
    limit p_limit
  loop
    if link.position <> seen + 1 then
      perform payops.report_audit_break(seen + 1, null, 'links of its chain were removed', p_now);
      breaks := breaks + 1;
    elsif link.removed then
      perform payops.report_audit_break(link.position, link.audit_id, 'an entry was removed', p_now);
      breaks := breaks + 1;
    elsif link.hash <> payops.audit_hash(expected, link.entry) then
      perform payops.report_audit_break(link.position, link.audit_id, 'an entry was changed', p_now);
      breaks := breaks + 1;
    end if;
    seen := link.position;
    expected := link.hash;
  end loop;
  if seen < head.position and seen < head.verified_position + p_limit then
    perform payops.report_audit_break(seen, null, 'the end of its chain was removed', p_now);
    breaks := breaks + 1;
  elsif seen = head.position and expected <> head.hash then
    perform payops.report_audit_break(seen, null, 'its chain ends in a different hash', p_now);
    breaks := breaks + 1;
  end if;
  if seen < head.verified_position + p_limit then
    breaks := breaks + payops.report_unchained(p_now);
    update payops.audit_chain_head
    set verified_position = 0, verified_hash = ''::bytea, round_ended_at = p_now where only_row;
  else
    update payops.audit_chain_head set verified_position = seen, verified_hash = expected where only_row;
  end if;
  return jsonb_build_object('verified', seen, 'breaks', breaks);
end
$$;

-- report_unchained: reports each entry that should have been chained an hour ago and was not as an incident. Returns
-- their number.
create function payops.report_unchained(p_now timestamptz) returns bigint
language sql
set search_path = '' as $$
  select count(payops.report_audit_break(null, a.id, 'an entry is missing from its chain', p_now))
  from payops.audit_log as a
  where
    a.id <= (select max(c.audit_id) from payops.audit_chain as c where c.chained_at < p_now - interval '1 hour')
    and not exists (select from payops.audit_chain as c where c.audit_id = a.id)
$$;

-- audit_chain_state: the length of the chain, how many of the newest entries are not chained yet, when the whole chain
-- was last verified, and how many breaks are open.
create function payops_api.audit_chain_state() returns jsonb
language sql stable security definer
set search_path = '' as $$
  select jsonb_build_object(
    'length', h.position,
    'waiting', (
      select count(*) from payops.audit_log as a
      where
        a.id > coalesce((select min(c.audit_id) from payops.audit_chain as c where c.position > h.position - 1000), 0)
        and not exists (select from payops.audit_chain as c where c.audit_id = a.id)
    ),
    'head', encode(h.hash, 'hex'), 'verified_at', h.round_ended_at,
    'chained_at', (select max(c.chained_at) from payops.audit_chain as c),
    'open_breaks', (
      select count(*) from payops.incidents as i where i.kind = 'audit_chain_broken' and i.resolved_at is null
    )
  )
  from payops.audit_chain_head as h
$$;
