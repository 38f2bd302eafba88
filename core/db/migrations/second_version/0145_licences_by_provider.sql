-- All licences of a provider, derived privileges among them; the unique index over them holds only those that were entered.
create index licences_provider on payops.licences (provider_id);
