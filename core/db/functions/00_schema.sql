-- Every deploy creates payops_api and the inner functions of payops again (trigger functions belong to migrations).
set local check_function_bodies = off; -- a function may call one that a later file creates
drop schema if exists payops_api cascade;
create schema payops_api;
do $$
declare
  inner_function regprocedure;
begin
  for inner_function in
    select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace = 'payops'::regnamespace and p.prorettype <> 'trigger'::regtype
  loop
    if exists (select from pg_proc as p where p.oid = inner_function) then -- may be gone with one it uses
      execute format('drop routine %s cascade', inner_function);
    end if;
  end loop;
end
$$;
