-- One provider's derived privileges are found without reading everybody's.
create index licences_derived_provider on payops.licences (provider_id) where home_licence_id is not null;
