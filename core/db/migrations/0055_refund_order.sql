-- Refunds are read newest first.
create index refunds_created on payops.refunds (created desc, id desc);
