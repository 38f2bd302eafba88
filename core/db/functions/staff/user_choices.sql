-- user_choice: the value this user stored under this name; null if they stored nothing.
create function payops_api.user_choice(p_user_name text, p_name text) returns jsonb
language sql stable security definer
set search_path = '' as $$
  select c.value from payops.user_choices as c where c.user_name = p_user_name and c.name = p_name
$$;

-- choose: stores this user's value under this name.
create function payops_api.choose(p_user_name text, p_name text, p_value jsonb, p_now timestamptz) returns jsonb
language sql security definer
set search_path = '' as $$
  insert into payops.user_choices as c (user_name, name, value, changed_at)
  select p_user_name, p_name, p_value, p_now
  where exists (select from payops.staff as s where s.name = p_user_name)
  on conflict (user_name, name) do update set value = excluded.value, changed_at = excluded.changed_at
  returning to_jsonb(c)
$$;
