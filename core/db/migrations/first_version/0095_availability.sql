-- Names that say what they hold: `openings` becomes `availability`, `fronts` becomes `search_cursors`, and the sequence
-- `seats_taken` becomes `assignment_slots`.
alter table payops.openings rename to availability;
alter index payops.openings_order rename to availability_order;
alter index payops.openings_pkey rename to availability_pkey;
alter table payops.fronts rename to search_cursors;
alter index payops.fronts_order rename to search_cursors_order;
alter sequence payops.seats_taken rename to assignment_slots;
