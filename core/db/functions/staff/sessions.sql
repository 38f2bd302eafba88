-- revoke_sessions_of: ends every open session of this user except the one to keep, and voids their unused tickets.
-- Returns how many sessions ended.
create function payops.revoke_sessions_of(
  p_name text, p_revoked_by text, p_now timestamptz, p_keep uuid default null
) returns bigint
language sql
set search_path = '' as $$
  with revoked as (
    update payops.staff_sessions set revoked_at = p_now, revoked_by = p_revoked_by, ticket_hash = null
    where name = p_name and revoked_at is null and expires_at > p_now and id is distinct from p_keep
    returning id
  )
  select count(*) from revoked
$$;

-- refuse_signed_out: refuses the call because nobody is signed in, or no longer.
create function payops.refuse_signed_out() returns void
language plpgsql
set search_path = '' as $$
begin
  perform payops.refuse('not_signed_in', 'Please sign in again.');
end
$$;

-- open_session: records that the attempt succeeded and opens a session, whose cookie is handed out once in exchange for
-- this ticket. Earlier failures on the same device or from the same address no longer count. Returns the session's ID.
create function payops_api.open_session(
  p_attempt bigint, p_ticket_hash text, p_ticket_expires_at timestamptz, p_expires_at timestamptz,
  p_device text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  succeeded payops.sign_in_attempts;
  member payops.staff;
  session_id uuid;
begin
  update payops.sign_in_attempts set outcome = 'succeeded' where id = p_attempt and outcome = 'failed'
  returning * into succeeded;
  if not found then
    perform payops.refuse_signed_out();
  end if;
  member := payops.staff_named(succeeded.subject);
  if not member.active then
    perform payops.refuse_signed_out();
  end if;
  update payops.sign_in_attempts set outcome = 'forgiven'
  where
    subject = member.name and outcome = 'failed'
    and (device = succeeded.device or succeeded.device is null and device is null and address = succeeded.address);
  insert into payops.staff_sessions
    (name, ticket_hash, ticket_expires_at, opened_at, last_seen_at, expires_at, address, device, confirmed_at)
  values (
    member.name, p_ticket_hash, p_ticket_expires_at, p_now, p_now, p_expires_at, succeeded.address, p_device, p_now
  )
  returning id into session_id;
  perform payops.record_audit(
    'staff:' || member.name, member.role, 'staff:session:opened', 'user:' || member.name, p_now, null,
    jsonb_build_object('session', session_id, 'address', succeeded.address, 'device', p_device)
  );
  return to_jsonb(session_id);
end
$$;

-- redeem_ticket: uses up the ticket; from now on its session is found by this token. Refuses a ticket that is unknown,
-- used, expired or of an ended session. Returns when the session ends.
create function payops_api.redeem_ticket(p_ticket_hash text, p_token_hash text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  ends_at timestamptz;
begin
  update payops.staff_sessions set token_hash = p_token_hash, ticket_hash = null
  where
    ticket_hash = p_ticket_hash and ticket_expires_at > p_now and token_hash is null and revoked_at is null
    and expires_at > p_now
  returning expires_at into ends_at;
  if not found then
    perform payops.refuse_signed_out();
  end if;
  return jsonb_build_object('expires_at', ends_at);
end
$$;

-- session_user: the user of the session with this id or token, with their current role; null if the session has ended
-- or was idle too long, or the user is disabled. The time they were last seen is updated at most every 30 seconds.
create function payops_api.session_user(
  p_now timestamptz, p_idle_seconds integer, p_session_id uuid default null, p_token_hash text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  open_session payops.staff_sessions;
  member payops.staff;
begin
  select o.* into open_session from payops.staff_sessions as o
  where
    (o.id = p_session_id or o.token_hash = p_token_hash) and o.revoked_at is null and o.expires_at > p_now
    and o.last_seen_at > p_now - make_interval(secs => p_idle_seconds);
  select s.* into member from payops.staff as s where s.name = open_session.name and s.active;
  if member.name is null then
    return null;
  end if;
  if open_session.last_seen_at < p_now - interval '30 seconds' then
    update payops.staff_sessions set last_seen_at = p_now where id = open_session.id;
  end if;
  return payops.staff_as_json(member) || jsonb_build_object(
    'session_id', open_session.id, 'has_cookie', open_session.token_hash is not null,
    'second_factor_passed', open_session.second_factor_at is not null,
    'confirmed_at', coalesce(open_session.confirmed_at, open_session.opened_at)
  );
end
$$;

-- list_sessions: the open sessions of one user or of everybody, each with its device and when it was last seen.
create function payops_api.list_sessions(
  p_now timestamptz, p_idle_seconds integer, p_name text default null
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'id', o.id, 'name', o.name, 'opened_at', o.opened_at, 'last_seen_at', o.last_seen_at,
        'expires_at', o.expires_at, 'address', o.address, 'device', o.device
      )
      order by o.last_seen_at desc
    ),
    '[]'
  )
  from payops.staff_sessions as o
  where
    o.revoked_at is null and o.expires_at > p_now
    and o.last_seen_at > p_now - make_interval(secs => p_idle_seconds)
    and (o.name = p_name or p_name is null)
$$;

-- revoke_session: ends this session; a second call changes nothing.
create function payops_api.revoke_session(
  p_actor text, p_actor_role text, p_session_id uuid, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  session_of text;
begin
  update payops.staff_sessions set revoked_at = p_now, revoked_by = p_actor, ticket_hash = null
  where id = p_session_id and revoked_at is null
  returning name into session_of;
  if found then
    perform payops.record_audit(
      p_actor, p_actor_role, 'staff:session:revoked', 'user:' || session_of, p_now, null,
      jsonb_build_object('session', p_session_id)
    );
  end if;
  return to_jsonb(session_of is not null);
end
$$;

-- revoke_sessions: signs the user out everywhere, or everywhere except in the session to keep. Returns how many
-- sessions ended.
create function payops_api.revoke_sessions(
  p_actor text, p_actor_role text, p_name text, p_now timestamptz, p_keep uuid default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  ended bigint := payops.revoke_sessions_of(p_name, p_actor, p_now, p_keep);
begin
  perform payops.record_audit(
    p_actor, p_actor_role, 'staff:session:revoked', 'user:' || p_name, p_now, null,
    jsonb_build_object('sessions', ended)
  );
  return to_jsonb(ended);
end
$$;
