-- staff_as_json: a user's fields for other modules, without the password's hash.
create function payops.staff_as_json(p_staff payops.staff) returns jsonb
language sql stable
set search_path = '' as $$
  select jsonb_build_object(
    'name', p_staff.name, 'role', p_staff.role, 'email', p_staff.email, 'active', p_staff.active,
    'must_change_password', p_staff.must_change_password, 'created_at', p_staff.created_at,
    'second_factor', p_staff.second_factor_sealed is not null
  )
$$;

-- staff_named: the user's row, locked until the transaction ends; refused if no user has this name.
create function payops.staff_named(p_name text) returns payops.staff
language plpgsql
set search_path = '' as $$
declare
  found_staff payops.staff;
begin
  select s.* into found_staff from payops.staff as s where s.name = p_name for update;
  if not found then
    perform payops.refuse('no_such_user', 'No user has this name.');
  end if;
  return found_staff;
end
$$;

-- add_user: adds a user who may sign in; a name is used once and never again.
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
    perform payops.refuse(
      'bad_name',
      'A name has 1 to 32 lower-case letters, digits, dots, dashes or underscores, and starts with a letter.'
    );
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
    perform payops.refuse('user_exists', 'A user with this name already exists.');
  end if;
  perform payops.record_audit(
    p_actor, p_actor_role, 'staff:user:added', 'user:' || p_name, p_now, null, payops.staff_as_json(added)
  );
  return payops.staff_as_json(added);
end
$$;

-- list_users: every user by name, with when they were last seen, in how many browsers they are signed in at p_now, and
-- whether wrong passwords have locked sign-in on new devices.
create function payops_api.list_users(
  p_now timestamptz default null, p_idle_seconds integer default 14400
) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select coalesce(
    jsonb_agg(
      payops.staff_as_json(s) || jsonb_build_object(
        'last_seen_at', seen.last_seen_at, 'signed_in', seen.still_open,
        'locked', payops.sign_in_is_locked(s.name, null, p_now)
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

-- change_user: gives the user this role and makes them active or disabled. A disabled user is signed out everywhere;
-- the last active admin cannot be changed.
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
    perform payops.refuse('last_admin', 'This is the last active admin. Make somebody else an admin first.');
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

-- set_user_role: gives the user this role, which applies from their next click on.
create function payops_api.set_user_role(
  p_actor text, p_actor_role text, p_name text, p_role text, p_now timestamptz, p_reason text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.change_user(p_actor, p_actor_role, 'staff:user:role-set', p_name, p_role, null, p_reason, p_now)
$$;

-- disable_user: signs the user out everywhere and stops them from signing in; the audit log keeps what they did.
create function payops_api.disable_user(
  p_actor text, p_actor_role text, p_name text, p_now timestamptz, p_reason text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.change_user(p_actor, p_actor_role, 'staff:user:disabled', p_name, null, false, p_reason, p_now)
$$;

-- enable_user: lets a disabled user sign in again with the same password.
create function payops_api.enable_user(
  p_actor text, p_actor_role text, p_name text, p_now timestamptz, p_reason text default null
) returns jsonb
language sql security definer
set search_path = '' as $$
  select payops.change_user(p_actor, p_actor_role, 'staff:user:enabled', p_name, null, true, p_reason, p_now)
$$;

-- set_password: gives the user this password and signs them out everywhere; earlier failed attempts no longer count.
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

-- password_hash: the hash of this user's password, to compare a new one with; null if no user has this name.
create function payops_api.password_hash(p_name text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select to_jsonb((select s.password_hash from payops.staff as s where s.name = p_name))
$$;
