-- Whom a patient knows is read from the index alone: their consultations lie far apart in the table.
create index consultations_patient_known on payops.consultations (patient_id)
include (status, provider_id, assigned_at, received_at);
drop index payops.consultations_patient;
alter index payops.consultations_patient_known rename to consultations_patient;
