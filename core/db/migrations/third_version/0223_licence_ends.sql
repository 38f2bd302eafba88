-- Licences that end soon are found by the moment at which they end: by a rule it may be before the last day on them.
-- Who asks has to say that it is not infinite, so that no other query takes this index and reads it whole.
create index licences_ending on payops.licences (valid_until)
where status = 'active' and home_licence_id is null and valid_until < 'infinity';
drop index payops.licences_expires_on;
