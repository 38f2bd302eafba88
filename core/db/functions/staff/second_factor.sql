-- open_session_row: the open session's row, locked until the transaction ends; refused if the session has ended.
create function payops.open_session_row(p_session_id uuid, p_now timestamptz) returns payops.staff_sessions
language plpgsql
set search_path = '' as $$
declare
  found_session payops.staff_sessions;
begin
  select o.* into found_session from payops.staff_sessions as o
  where o.id = p_session_id and o.revoked_at is null and o.expires_at > p_now for update;
  if not found then
    perform payops.refuse_signed_out();
  end if;
  return found_session;
end
$$;

-- failed_confirmations: how many of this session's failures count. If the user passed the second factor at the
-- session's address before, only failures from that address count, so that guesses from elsewhere cannot lock the user
-- out. All new addresses share ten guesses.
create function payops.failed_confirmations(p_session payops.staff_sessions, p_subject text, p_now timestamptz)
returns bigint
language sql stable
set search_path = '' as $$
  select payops.failed_attempts(
    p_subject,
    case
      when exists (
        select from payops.staff_sessions as o
        where o.name = p_session.name and o.address = p_session.address and o.second_factor_at is not null
      ) then p_session.address
    end,
    p_now
  )
$$;

-- begin_confirmation: records the attempt before the code or password is checked. Returns what to compare it with, or
-- that confirmation is locked after 10 failures within 15 minutes.
create function payops_api.begin_confirmation(p_session_id uuid, p_now timestamptz) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  open_session payops.staff_sessions := payops.open_session_row(p_session_id, p_now);
  member payops.staff := payops.staff_named(open_session.name);
  counted_as text := 'confirmation:' || member.name;
  attempt bigint;
begin
  if payops.failed_confirmations(open_session, counted_as, p_now) >= 10 then
    perform payops.record_incident(
      'sign_in_locked', counted_as, 'Codes were locked for 15 minutes after too many wrong ones.', p_now,
      'warning', jsonb_build_object('user', member.name, 'address', open_session.address)
    );
    return jsonb_build_object('locked', true);
  end if;
  insert into payops.sign_in_attempts (at, subject, address) values (p_now, counted_as, open_session.address)
  returning id into attempt;
  return jsonb_build_object(
    'locked', false, 'attempt', attempt, 'password_hash', member.password_hash,
    'sealed', member.second_factor_sealed, 'step', member.second_factor_step
  );
end
$$;

-- confirm_session: records that the session's user confirmed their identity with an app's code or a recovery code (each
-- works once), or with the password if they have no second factor. Earlier failures no longer count.
create function payops_api.confirm_session(
  p_session_id uuid, p_attempt bigint, p_by text, p_now timestamptz, p_step bigint default null,
  p_recovery_hash text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  open_session payops.staff_sessions := payops.open_session_row(p_session_id, p_now);
  member payops.staff := payops.staff_named(open_session.name);
begin
  if
    p_by = 'code' and coalesce(p_step <= member.second_factor_step, true)
    or p_by = 'recovery' and not coalesce(p_recovery_hash = any(member.recovery_hashes), false)
    or p_by = 'password' and member.second_factor_sealed is not null
    or p_by not in ('code', 'recovery', 'password')
  then
    return 'false'::jsonb;
  end if;
  update payops.staff
  set
    second_factor_step = greatest(second_factor_step, coalesce(p_step, 0)),
    recovery_hashes = array_remove(recovery_hashes, p_recovery_hash)
  where name = member.name;
  update payops.staff_sessions
  set confirmed_at = p_now, second_factor_at = case when p_by = 'password' then second_factor_at else p_now end
  where id = p_session_id;
  update payops.sign_in_attempts set outcome = case when id = p_attempt then 'succeeded' else 'forgiven' end
  where subject = 'confirmation:' || member.name and outcome = 'failed';
  perform payops.record_audit(
    'staff:' || member.name, member.role, 'staff:session:confirmed', 'user:' || member.name, p_now, null,
    jsonb_build_object('session', p_session_id, 'by', p_by)
  );
  return 'true'::jsonb;
end
$$;

-- refuse_confirmation: writes to the audit log that this attempt failed.
create function payops_api.refuse_confirmation(p_session_id uuid, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.record_audit(
    'staff:' || o.name, null, 'staff:session:confirmed', 'user:' || o.name, p_now, null,
    jsonb_build_object('session', o.id), p_outcome => 'refused'
  )
  from payops.staff_sessions as o where o.id = p_session_id;
  select 'true'::jsonb
$$;

-- set_second_factor: gives the session's user this second factor and these recovery codes, as passed now; their other
-- sessions end. A user who already has a second factor must pass it first.
create function payops_api.set_second_factor(
  p_session_id uuid, p_sealed text, p_step bigint, p_recovery_hashes jsonb, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  open_session payops.staff_sessions := payops.open_session_row(p_session_id, p_now);
  member payops.staff := payops.staff_named(open_session.name);
begin
  if member.second_factor_sealed is not null and open_session.second_factor_at is null then
    perform payops.refuse_signed_out();
  end if;
  update payops.staff
  set
    second_factor_sealed = p_sealed, second_factor_step = p_step,
    recovery_hashes = array(select jsonb_array_elements_text(p_recovery_hashes))
  where name = member.name;
  update payops.staff_sessions set second_factor_at = p_now, confirmed_at = p_now where id = p_session_id;
  update payops.staff_sessions set revoked_at = p_now, revoked_by = 'staff:' || member.name, ticket_hash = null
  where name = member.name and id <> p_session_id and revoked_at is null;
  perform payops.record_audit(
    'staff:' || member.name, member.role, 'staff:user:second-factor-set', 'user:' || member.name, p_now
  );
  return 'true'::jsonb;
end
$$;

-- reset_second_factor: removes the user's second factor and signs them out everywhere.
create function payops_api.reset_second_factor(
  p_actor text, p_actor_role text, p_name text, p_now timestamptz, p_reason text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.staff_named(p_name);
  update payops.staff set second_factor_sealed = null, recovery_hashes = '{}' where name = p_name;
  update payops.sign_in_attempts set outcome = 'forgiven'
  where subject = 'confirmation:' || p_name and outcome = 'failed';
  perform payops.revoke_sessions_of(p_name, p_actor, p_now);
  perform payops.record_audit(
    p_actor, p_actor_role, 'staff:user:second-factor-reset', 'user:' || p_name, p_now,
    p_reason => nullif(trim(p_reason), '')
  );
  return 'true'::jsonb;
end
$$;
