-- A specialty is called something, a directory is read by name, and ended consultations newest first.
alter table payops.specialties add column name text;
update payops.specialties set name = case code
  when 'womens_health' then 'Women''s health' when 'mens_health' then 'Men''s health'
  else upper(left(code, 1)) || replace(substr(code, 2), '_', ' ')
end;
alter table payops.specialties alter column name set not null;
create index consultations_ended on payops.consultations (ended_at desc) where ended_at is not null;
create index providers_name on payops.providers (lower(name), id);
