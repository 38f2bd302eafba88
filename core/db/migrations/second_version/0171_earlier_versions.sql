-- The versions that were deployed before this one, the oldest first: their processes can go on with the present schema.
alter table payops.deployment add column earlier text[] not null default '{}';
