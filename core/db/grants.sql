-- The app may run the functions of payops_api and touch nothing else; nobody from the outside may do even that.
do $$
declare
  target record;
  outsider text;
begin
  for target in
    select c.oid::regclass as name, c.relkind
    from pg_class as c
    where c.relnamespace = 'payops'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', target.name);
  end loop;
  foreach outsider in array array['public', 'anon', 'authenticated', 'service_role', 'payops_app']
  loop
    if outsider = 'public' or exists (select from pg_roles where rolname = outsider) then
      execute format('revoke all on schema payops, payops_api from %s', outsider);
      execute format('revoke all on all tables in schema payops, payops_api from %s', outsider);
      execute format('revoke all on all sequences in schema payops, payops_api from %s', outsider);
      execute format('revoke all on all routines in schema payops, payops_api from %s', outsider);
    end if;
  end loop;
  foreach outsider in array array['service_role', 'payops_app']
  loop
    if exists (select from pg_roles where rolname = outsider) then
      execute format('grant usage on schema payops_api to %s', outsider);
      execute format('grant execute on all routines in schema payops_api to %s', outsider);
    end if;
  end loop;
end
$$;
notify pgrst, 'reload schema';
