-- Recovery is read from its sums by day since: nothing reads these indexes any more, and every event paid for them.
drop index payops.charges_failed;
drop index payops.invoices_unpaid;
-- Sums that are written every second keep room for their new versions beside the old ones, and are tidied often.
alter table payops.daily_observations set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
alter table payops.daily_payments set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
alter table payops.event_minutes set (autovacuum_vacuum_scale_factor = 0.02);
-- The mirror's large tables are tidied by a twentieth, not by a fifth, so that each time takes less long.
alter table payops.balance_transactions set (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
alter table payops.invoices set (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05);
alter table payops.subscription_history set (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05);
