-- The audit log's chain: each entry's hash covers the entry and the hash before it, so that whoever changes or removes
-- one has to remake every later hash. It is built after the entries were committed, by the background work.
create table payops.audit_chain (
  position bigint primary key,
  audit_id bigint not null unique,
  hash bytea not null,
  chained_at timestamptz not null
);
create index audit_chain_chained_at on payops.audit_chain (chained_at);

create trigger audit_chain_append_only
before update or delete on payops.audit_chain
for each row execute function payops.refuse_change();
create trigger audit_chain_no_truncate
before truncate on payops.audit_chain
for each statement execute function payops.refuse_change();

-- How long the chain is, what it ends in, how far it was looked at again, and when a whole round ended.
create table payops.audit_chain_head (
  only_row boolean primary key default true check (only_row),
  position bigint not null default 0,
  hash bytea not null default ''::bytea,
  verified_position bigint not null default 0,
  verified_hash bytea not null default ''::bytea,
  round_ended_at timestamptz
);
insert into payops.audit_chain_head default values;
