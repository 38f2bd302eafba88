-- A place in the order of choice says by itself how loaded its provider will be after one more, and how many they have.
alter table payops.openings add column capacity integer;
update payops.openings set capacity = p.capacity
from payops.providers as p
where openings.provider_id = p.id;
alter table payops.openings alter column capacity set not null;
