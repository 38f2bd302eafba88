-- The numbers of our advisory locks, in one place. Two of them are taken by Python before any function exists, with
-- the same numbers: 'deploy' by deploy.py and 'app login' by embedded.py. Locks on a single thing (a submission, a
-- refund, a dispute, a payment's recovery, a subscription, a promotion code, a sign-in) are taken by a hash of its kind
-- and ID instead.

-- advisory_lock: the number of the lock of this name; an unknown name is refused.
create function payops.advisory_lock(p_name text) returns integer
language plpgsql immutable
set search_path = '' as $$
begin
  case p_name
    when 'deploy' then return 7209113;
    when 'recount payments' then return 7209114;
    when 'recount balances' then return 7209115;
    when 'app login' then return 7209116;
    when 'assignment slot' then return 7209117; -- with the slot's number
    when 'assignment slot choice' then return 7209118;
    when 'subscription history' then return 7209119;
    when 'waiting consultations' then return 7209120; -- with the state's hash
    when 'search cursors' then return 7209121; -- with the state's hash
    when 'bank entries' then return 7209122;
    when 'reconcile' then return 7209123;
    when 'recount revenue' then return 7209140;
    when 'count observations' then return 7209160;
    when 'count recovery' then return 7209161;
    when 'staff identities' then return 7209175;
    when 'apply recorded events' then return 7209185;
  end case;
end
$$;
