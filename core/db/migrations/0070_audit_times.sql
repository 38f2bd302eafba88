-- The audit log is read by days.
create index audit_log_at on payops.audit_log (at);
