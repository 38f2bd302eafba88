-- Counts who took a seat to choose a provider (`take_turn`), so that the seats are taken in turn. What it was is worth
-- nothing after a crash.
create unlogged sequence payops.seats_taken minvalue 0;

-- The same rules in one: Postgres reads each check anew at each statement, and this table has one a submission.
alter table payops.consultations
drop constraint consultations_status_check,
drop constraint consultations_check,
drop constraint consultations_check1,
drop constraint consultations_check2,
add constraint consultations_status_check check (
  case status
    when 'waiting' then provider_id is null and ended_at is null
    when 'assigned' then provider_id is not null and ended_at is null
    when 'completed' then ended_at is not null
    when 'cancelled' then ended_at is not null
    else false
  end
);
