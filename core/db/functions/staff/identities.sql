-- Signing in through an OpenID provider: which user here an identity there belongs to.

-- staff_of_identity: the active user of this identity: the user linked to it, else the only user with this verified
-- e-mail address who is not linked to another identity of the provider. Null for anybody else.
create function payops.staff_of_identity(p_issuer text, p_subject text, p_verified_email text) returns payops.staff
language plpgsql stable
set search_path = '' as $$
declare
  member payops.staff;
  fitting text[];
begin
  select s.* into member
  from payops.staff_identities as i inner join payops.staff as s on i.name = s.name
  where i.issuer = p_issuer and i.subject = p_subject;
  if not found then
    fitting := array(
      select s.name from payops.staff as s
      where lower(s.email) = lower(p_verified_email) and s.active
        and not exists (select from payops.staff_identities as i where i.issuer = p_issuer and i.name = s.name)
    );
    if cardinality(fitting) = 1 then
      select s.* into member from payops.staff as s where s.name = fitting[1];
    end if;
  end if;
  if member.active is not true then
    return null;
  end if;
  return member;
end
$$;

-- sign_in_with_identity: opens a session for the user of this identity and links the two. The same sign-in opens only
-- one session. Returns `used`, `nobody` or `opened`, the latter with the session's ID and the user's name.
create function payops_api.sign_in_with_identity(
  p_issuer text, p_subject text, p_verified_email text, p_token_sha256 text, p_address text, p_ticket_hash text,
  p_ticket_expires_at timestamptz, p_expires_at timestamptz, p_device text, p_now timestamptz
) returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  member payops.staff;
  attempt bigint;
begin
  delete from payops.used_identities where used_at < p_now - interval '1 day';
  insert into payops.used_identities (token_sha256, used_at) values (p_token_sha256, p_now) on conflict do nothing;
  if not found then
    return jsonb_build_object('state', 'used');
  end if;
  perform pg_advisory_xact_lock(payops.advisory_lock('staff identities'));
  member := payops.staff_of_identity(p_issuer, p_subject, p_verified_email);
  if member.name is null then
    perform payops.record_audit(
      'staff:unknown', null, 'staff:session:opened',
      'identity:' || left(encode(sha256(convert_to(p_subject, 'UTF8')), 'hex'), 16), p_now, null,
      jsonb_build_object('address', p_address, 'issuer', p_issuer), p_outcome => 'refused'
    );
    return jsonb_build_object('state', 'nobody');
  end if;
  insert into payops.staff_identities (issuer, subject, name, linked_at)
  values (p_issuer, p_subject, member.name, p_now)
  on conflict (issuer, subject) do nothing;
  if found then
    perform payops.record_audit(
      'staff:' || member.name, member.role, 'staff:identity:linked', 'user:' || member.name, p_now, null,
      jsonb_build_object('issuer', p_issuer)
    );
  end if;
  insert into payops.sign_in_attempts (at, subject, address) values (p_now, member.name, p_address)
  returning id into attempt;
  return jsonb_build_object(
    'state', 'opened', 'name', member.name, 'session_id', payops_api.open_session(
      attempt, p_ticket_hash, p_ticket_expires_at, p_expires_at, p_device, p_now
    )
  );
end
$$;

-- unlink_identity: removes the user's link to an identity and signs them out everywhere; the next identity with their
-- verified e-mail address is linked. Returns whether there was a link.
create function payops_api.unlink_identity(p_actor text, p_actor_role text, p_name text, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = '' as $$
begin
  perform payops.staff_named(p_name);
  delete from payops.staff_identities as i where i.name = p_name;
  if not found then
    return 'false';
  end if;
  perform payops.revoke_sessions_of(p_name, p_actor, p_now);
  perform payops.record_audit(p_actor, p_actor_role, 'staff:identity:unlinked', 'user:' || p_name, p_now);
  return 'true';
end
$$;
