-- Old events and calls may be deleted by the retention alone: what is stored still never changes.
create function payops.refuse_change_but_retention() returns trigger language plpgsql
set search_path = '' as $$
begin
  if tg_op = 'DELETE' and current_setting('payops.retention', true) = 'on' then
    return old;
  end if;
  raise exception 'append_only' using hint = 'What was recorded here is never changed or removed.';
end
$$;
drop trigger events_append_only on payops.events;
create trigger events_append_only
before update or delete on payops.events
for each row execute function payops.refuse_change_but_retention();
