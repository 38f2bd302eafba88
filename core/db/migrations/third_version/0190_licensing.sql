-- Privileges that follow from one home licence are available in one row for all their states: its `state` is the
-- compact's key, as `compact:NLC`, and it says when any of them holds. Otherwise each assignment of a nurse of the compact
-- would rewrite the load of some 40 rows.
alter table payops.availability
drop constraint availability_pkey,
add primary key (provider_id, licence_id, specialty, state);
create index compact_members_state on payops.compact_members (state, compact);

-- Most consultations have no payment yet: then there is nothing to look up in the balance.
create or replace function payops.follow_consultations() returns trigger language plpgsql
set search_path = '' as $$
declare
  payments constant text[] := payops.payments_of_consultations(array(select a.id from added as a));
begin
  if cardinality(payments) > 0 then
    perform payops.mark_stale_revenue(payments);
  end if;
  return null;
end
$$;
