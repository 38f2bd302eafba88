-- Nothing open in this state for this specialty comes before the first of its places here in the order of choice.
-- Whoever is chosen leaves a dead entry at the head of the index; a search that begins here does not wade through them.
-- Whoever gets room adds a place, so that nobody waits for anybody; whoever moves the front leaves but one.
create table payops.fronts (
  state text not null,
  specialty text not null,
  load double precision not null,
  idle_since timestamptz not null,
  moved_at timestamptz
) with (autovacuum_vacuum_threshold = 1000);
create index fronts_order on payops.fronts (state, specialty, load, idle_since);

-- Of states and specialties none is ever deleted, and `check_submission` refuses what is none of them. The keys made
-- each submission lock the same few rows, and those who came at once waited for one another.
alter table payops.consultations
drop constraint if exists consultations_state_fkey,
drop constraint if exists consultations_specialty_fkey;
