-- staff_as_json: a member of staff as the outside sees one, without the password's hash.
create function payops.staff_as_json(p_staff payops.staff) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'name', p_staff.name, 'role', p_staff.role, 'email', p_staff.email, 'active', p_staff.active,
    'must_change_password', p_staff.must_change_password, 'created_at', p_staff.created_at,
    'second_factor', p_staff.second_factor_sealed is not null
  )
$$;

-- staff_named: the member of staff of this name, locked until the transaction ends; refused where there is none.
create function payops.staff_named(p_name text) returns payops.staff
language plpgsql
set search_path = '' as $$
declare
  found_staff payops.staff;
begin
  select s.* into found_staff from payops.staff as s where s.name = p_name for update;
  if not found then
    perform payops.refuse('no_such_user', 'There is no user of this name.');
  end if;
  return found_staff;
end
$$;

-- revoke_sessions_of: every open session of this user is over, with any ticket on its way; answers how many were.
create function payops.revoke_sessions_of(p_name text, p_revoked_by text, p_now timestamptz) returns bigint
language sql
set search_path = '' as $$
  with revoked as (
    update payops.staff_sessions set revoked_at = p_now, revoked_by = p_revoked_by, ticket_hash = null
    where name = p_name and revoked_at is null and expires_at > p_now
    returning id
  )
  select count(*) from revoked
$$;

-- add_user: one more person may sign in; a name is never given twice.
create function payops_api.add_user(
  p_actor text, p_actor_role text, p_name text, p_role text, p_email text, p_password_hash text,
  p_must_change_password boolean, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  added payops.staff;
begin
  if p_name !~ '^[a-z][a-z0-9._-]{0,31}$' then
    perform payops.refuse('bad_name', 'A name is 1 to 32 small letters, digits, dots, dashes or underscores, and starts with a letter.');
  elsif p_email not like '_%@_%' then
    perform payops.refuse('bad_email', 'This is not an e-mail address.');
  elsif p_role not in ('ops', 'support', 'finance', 'admin') then
    perform payops.refuse('bad_role', 'A role is ops, support, finance or admin.');
  end if;
  insert into payops.staff
    (name, role, email, password_hash, must_change_password, created_at, password_changed_at)
  values (p_name, p_role, p_email, p_password_hash, p_must_change_password, p_now, p_now)
  on conflict (name) do nothing
  returning * into added;
  if added.name is null then
    perform payops.refuse('user_exists', 'There is a user of this name already.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'staff:user:added', 'user:' || p_name, p_now, null, payops.staff_as_json(added)
  );
  return payops.staff_as_json(added);
end
$$;

-- list_users: everybody who ever could sign in, by name, with when they were last seen, in how many browsers they are
-- signed in, and whether sign-in is locked to them after wrong passwords; the last two only as of a moment.
create function payops_api.list_users(
  p_now timestamptz default null, p_idle_seconds integer default 14400
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(
    jsonb_agg(
      payops.staff_as_json(s) || jsonb_build_object(
        'last_seen_at', seen.last_seen_at, 'signed_in', seen.still_open,
        'locked', (payops.failed_attempts(s.name, null, p_now)).failures >= 10
      )
      order by s.name
    ),
    '[]'
  )
  from payops.staff as s
  left join lateral (
    select
      max(o.last_seen_at) as last_seen_at,
      count(*) filter (
        where o.revoked_at is null and o.expires_at > p_now
          and o.last_seen_at > p_now - make_interval(secs => p_idle_seconds)
      ) as still_open
    from payops.staff_sessions as o where o.name = s.name
  ) as seen on true
$$;

-- change_user: the user has this role and may, or may no longer, sign in; one active admin always stays, and who is
-- disabled is signed out everywhere.
create function payops.change_user(
  p_actor text, p_actor_role text, p_action text, p_name text, p_role text, p_active boolean, p_reason text,
  p_now timestamptz
) returns jsonb
language plpgsql
set search_path = '' as $$
declare
  before payops.staff;
  after payops.staff;
begin
  lock table payops.staff in share row exclusive mode; -- two admins who demote each other wait for one another
  before := payops.staff_named(p_name);
  update payops.staff as s set role = coalesce(p_role, s.role), active = coalesce(p_active, s.active)
  where s.name = p_name
  returning s.* into after;
  if not exists (select from payops.staff where role = 'admin' and active) then
    perform payops.refuse('last_admin', 'This is the last active admin. Make somebody else one first.');
  end if;
  if not after.active then
    perform payops.revoke_sessions_of(p_name, p_actor, p_now);
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, p_action, 'user:' || p_name, p_now,
    payops.staff_as_json(before), payops.staff_as_json(after), nullif(trim(p_reason), '')
  );
  return payops.staff_as_json(after);
end
$$;

-- set_user_role: the user has this role from the next interaction on.
create function payops_api.set_user_role(
  p_actor text, p_actor_role text, p_name text, p_role text, p_now timestamptz, p_reason text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.change_user(p_actor, p_actor_role, 'staff:user:role-set', p_name, p_role, null, p_reason, p_now)
$$;

-- disable_user: the user is signed out everywhere and cannot sign in; what they did stays on record.
create function payops_api.disable_user(
  p_actor text, p_actor_role text, p_name text, p_now timestamptz, p_reason text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.change_user(p_actor, p_actor_role, 'staff:user:disabled', p_name, null, false, p_reason, p_now)
$$;

-- enable_user: a disabled user may sign in again, with the password they had.
create function payops_api.enable_user(
  p_actor text, p_actor_role text, p_name text, p_now timestamptz, p_reason text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.change_user(p_actor, p_actor_role, 'staff:user:enabled', p_name, null, true, p_reason, p_now)
$$;

-- set_password: the user has this password, is signed out everywhere, and earlier wrong guesses no longer count.
create function payops_api.set_password(
  p_actor text, p_actor_role text, p_name text, p_password_hash text, p_must_change_password boolean,
  p_now timestamptz, p_reason text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.staff_named(p_name);
  update payops.staff
  set password_hash = p_password_hash, must_change_password = p_must_change_password, password_changed_at = p_now
  where name = p_name;
  update payops.sign_in_attempts set outcome = 'forgiven' where subject = p_name and outcome = 'failed';
  perform payops.revoke_sessions_of(p_name, p_actor, p_now);
  perform payops.record_audit(
    p_actor, p_actor_role, 'staff:user:password-set', 'user:' || p_name, p_now, p_reason => nullif(trim(p_reason), '')
  );
  return 'true'::jsonb;
end
$$;

-- password_hash: the hash of this user's password, to compare a new one with; null where there is no such user.
create function payops_api.password_hash(p_name text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb((select s.password_hash from payops.staff as s where s.name = p_name))
$$;

-- failed_attempts: how many sign-ins of this user, or from this address, failed within the last 15 minutes, and when
-- the first of them did.
create function payops.failed_attempts(
  p_subject text, p_address text, p_now timestamptz, out failures bigint, out first_at timestamptz
)
language sql stable
set search_path = '' as $$
  select count(*), min(at)
  from payops.sign_in_attempts
  where
    outcome = 'failed' and at > p_now - interval '15 minutes'
    and (subject = p_subject or p_subject is null) and (address = p_address or p_address is null)
$$;

-- note_locked_sign_in: the audit log says once in 15 minutes that sign-in is locked to this user or address; how often
-- it was tried meanwhile is counted by the incident, so that nobody fills the log from outside.
create function payops.note_locked_sign_in(p_user text, p_locked text, p_address text, p_now timestamptz) returns void
language sql
set search_path = '' as $$
  select payops.record_audit(
    'staff:' || p_user, null, 'staff:session:locked', p_locked, p_now, null,
    jsonb_build_object('address', p_address), p_outcome => 'refused'
  )
  where not exists (
    select from payops.audit_log as a
    where a.subject = p_locked and a.action = 'staff:session:locked' and a.at > p_now - interval '15 minutes'
  )
$$;

-- begin_sign_in: the attempt is on record before the password is looked at. Answers the hash to compare with, and
-- how long to wait first; or, after 10 failures of a user or 50 from an address in 15 minutes, that it is locked.
-- A name that is nobody's is kept as a digest only: people type passwords there.
create function payops_api.begin_sign_in(p_name text, p_address text, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  subject text := coalesce(
    (select s.name from payops.staff as s where s.name = p_name),
    'unknown:' || left(encode(sha256(convert_to(p_name, 'UTF8')), 'hex'), 16)
  );
  of_user record;
  from_address record;
  attempt bigint;
begin
  -- Attempts are counted one after another; both locks are always taken in this order.
  perform pg_advisory_xact_lock(hashtextextended('sign-in subject ' || subject, 0));
  perform pg_advisory_xact_lock(hashtextextended('sign-in address ' || p_address, 0));
  delete from payops.sign_in_attempts where at < p_now - interval '1 day';
  of_user := payops.failed_attempts(subject, null, p_now);
  from_address := payops.failed_attempts(null, p_address, p_now);
  if of_user.failures >= 10 or from_address.failures >= 50 then
    perform payops.record_incident(
      'sign_in_locked', case when of_user.failures >= 10 then subject else p_address end,
      'Sign-in is locked for a while after many wrong passwords.', p_now, 'warning',
      jsonb_build_object('user', subject, 'address', p_address)
    );
    perform payops.note_locked_sign_in(
      subject, case when of_user.failures >= 10 then 'user:' || subject else 'address:' || p_address end, p_address,
      p_now
    );
    return jsonb_build_object('locked', true);
  end if;
  insert into payops.sign_in_attempts (at, subject, address) values (p_now, subject, p_address)
  returning id into attempt;
  return jsonb_build_object(
    'locked', false, 'attempt', attempt,
    'password_hash', (select s.password_hash from payops.staff as s where s.name = subject and s.active),
    'wait_ms', case when of_user.failures < 3 then 0 else least(4000, 250 * 2 ^ (of_user.failures - 3)) end
  );
end
$$;

-- refuse_sign_in: the audit log says that this attempt failed.
create function payops_api.refuse_sign_in(p_attempt bigint, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.record_audit(
    'staff:' || a.subject, null, 'staff:session:opened', 'user:' || a.subject, p_now, null,
    jsonb_build_object('address', a.address), p_outcome => 'refused'
  )
  from payops.sign_in_attempts as a where a.id = p_attempt;
  select 'true'::jsonb
$$;

-- open_session: the attempt succeeded, and its user has a session whose cookie can be had for this ticket, once and
-- within its time. Answers the session's id.
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
    perform payops.refuse('not_signed_in', 'Please sign in again.');
  end if;
  member := payops.staff_named(succeeded.subject);
  if not member.active then
    perform payops.refuse('not_signed_in', 'Please sign in again.');
  end if;
  update payops.sign_in_attempts set outcome = 'forgiven' where subject = member.name and outcome = 'failed';
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

-- redeem_ticket: the ticket is used up, and its session answers to this token from now on; a ticket that is unknown,
-- used, too old or of a session that is over is refused. Answers when the session ends.
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
    perform payops.refuse('not_signed_in', 'Please sign in again.');
  end if;
  return jsonb_build_object('expires_at', ends_at);
end
$$;

-- session_user: who the session of this id or token belongs to, with their role of this moment; null where it is
-- over, was idle too long, or its user is disabled. Being seen is noted once in 30 seconds.
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

-- list_sessions: where a user, or everybody, is signed in, with device and when it was last seen.
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

-- revoke_session: this session is over at its next interaction; again changes nothing.
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

-- revoke_sessions: the user is signed out everywhere; answers how many sessions that ended.
create function payops_api.revoke_sessions(
  p_actor text, p_actor_role text, p_name text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  ended bigint := payops.revoke_sessions_of(p_name, p_actor, p_now);
begin
  perform payops.record_audit(
    p_actor, p_actor_role, 'staff:session:revoked', 'user:' || p_name, p_now, null,
    jsonb_build_object('sessions', ended)
  );
  return to_jsonb(ended);
end
$$;
