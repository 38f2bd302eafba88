-- queue_staff_mail: queues an e-mail to this user alone, to be sent by the mail server of this fingerprint. Returns
-- false if the user is unknown, disabled or has no address.
create function payops_api.queue_staff_mail(p_user text, p_title text, p_body text, p_server text, p_now timestamptz)
returns jsonb
language plpgsql security definer
set search_path = '' as $$
declare
  address text;
  message bigint;
begin
  select s.email into address from payops.staff as s where s.name = p_user and s.active;
  if coalesce(address, '') = '' then
    return 'false'::jsonb;
  end if;
  insert into payops.alert_messages (rule, kind, alert_ids, severity, title, body, written_at)
  values ('staff_mail', 'mail', '{}', 'warning', p_title, p_body, p_now)
  returning id into message;
  insert into payops.alert_deliveries (message_id, target, next_attempt_at)
  values (message, p_server || ' to ' || address, p_now);
  return 'true'::jsonb;
end
$$;
