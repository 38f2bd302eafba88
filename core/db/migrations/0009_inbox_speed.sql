-- A handling is written in the transaction of its event and never alone, so that nothing has to look the event up
-- again for each.
alter table payops.event_handlings drop constraint event_handlings_event_id_fkey;
