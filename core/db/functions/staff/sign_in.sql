-- failed_attempts: how often sign-in failed within the last 15 minutes for this user, from this address or on this
-- known device. A null argument is not compared, except that without a device the known devices' attempts are left out.
create function payops.failed_attempts(
  p_subject text, p_address text, p_now timestamptz, p_device text default null
) returns bigint
language sql stable
set search_path = '' as $$
  select count(*)
  from payops.sign_in_attempts
  where
    outcome = 'failed' and at > p_now - interval '15 minutes'
    and (subject = p_subject or p_subject is null) and (address = p_address or p_address is null)
    and device is not distinct from p_device
$$;

-- sign_in_is_locked: whether new devices may currently not sign in as this user from this address: 10 attempts failed
-- there within 15 minutes, or 100 from all addresses together. Without an address: whether that is so at any address.
create function payops.sign_in_is_locked(p_subject text, p_address text, p_now timestamptz) returns boolean
language sql stable
set search_path = '' as $$
  select coalesce(max(a.failures) >= 10, false)
    or payops.failed_attempts(p_subject, null, p_now) >= 100
  from (
    select count(*) as failures from payops.sign_in_attempts
    where
      subject = p_subject and outcome = 'failed' and at > p_now - interval '15 minutes' and device is null
      and (address = p_address or p_address is null)
    group by address
  ) as a
$$;

-- report_locked_sign_in: counts the attempts that were turned away in an incident, and writes to the audit log once in
-- 15 minutes, so that nobody outside can fill it. Names that no user has are one incident per address.
create function payops.report_locked_sign_in(p_subject text, p_address text, p_now timestamptz) returns void
language plpgsql
set search_path = '' as $$
begin
  perform payops.record_incident(
    'sign_in_locked', case when p_subject like 'unknown:%' then 'address:' || p_address else p_subject end,
    'Sign-in was locked for 15 minutes after too many wrong passwords.', p_now, 'warning',
    jsonb_build_object('user', p_subject, 'address', p_address)
  );
  if not exists (
    select from payops.audit_log as a
    where
      a.subject = 'user:' || p_subject and a.action = 'staff:session:locked'
      and a.at > p_now - interval '15 minutes'
  ) then
    perform payops.record_audit(
      'staff:' || p_subject, null, 'staff:session:locked', 'user:' || p_subject, p_now, null,
      jsonb_build_object('address', p_address), p_outcome => 'refused'
    );
  end if;
end
$$;

-- sign_in_wait_ms: how long an attempt waits before its password is checked; it doubles from the fourth failure on, up
-- to 4 seconds.
create function payops.sign_in_wait_ms(p_failures bigint) returns integer
language sql immutable
set search_path = '' as $$
  select case when p_failures < 3 then 0 else least(4000, 250 * 2 ^ least(p_failures - 3, 10))::integer end
$$;

-- begin_sign_in: records the attempt before the password is checked. Returns the hash to compare it with and how long
-- to wait first, or that sign-in is locked. A device that the user has signed in from before is never locked by what
-- others do: only its own attempts count, and after 30 failures it is treated like a new device. An address is slowed
-- down, never locked. A name that no user has is stored only as a digest, because people type passwords there.
create function payops_api.begin_sign_in(
  p_name text, p_address text, p_now timestamptz, p_device text default null
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  subject text := coalesce(
    (select s.name from payops.staff as s where s.name = p_name),
    'unknown:' || left(encode(sha256(convert_to(p_name, 'UTF8')), 'hex'), 16)
  );
  known_device text;
  failures bigint;
  attempt bigint;
begin
  -- Attempts are counted one at a time; both locks are always taken in this order.
  perform pg_advisory_xact_lock(hashtextextended('sign-in subject ' || subject, 0));
  perform pg_advisory_xact_lock(hashtextextended('sign-in address ' || p_address, 0));
  delete from payops.sign_in_attempts where at < p_now - interval '1 day';
  if p_device is not null and payops.failed_attempts(subject, null, p_now, p_device) < 30 then
    known_device := p_device;
    failures := payops.failed_attempts(subject, null, p_now, p_device);
  elsif payops.sign_in_is_locked(subject, p_address, p_now) then
    perform payops.report_locked_sign_in(subject, p_address, p_now);
    return jsonb_build_object('locked', true);
  else
    failures := greatest(
      payops.failed_attempts(subject, null, p_now), payops.failed_attempts(null, p_address, p_now) / 10
    );
  end if;
  insert into payops.sign_in_attempts (at, subject, address, device)
  values (p_now, subject, p_address, known_device)
  returning id into attempt;
  return jsonb_build_object(
    'locked', false, 'attempt', attempt,
    'password_hash', (select s.password_hash from payops.staff as s where s.name = subject and s.active),
    'wait_ms', payops.sign_in_wait_ms(failures)
  );
end
$$;

-- refuse_sign_in: writes to the audit log that this attempt failed.
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
