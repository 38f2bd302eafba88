-- Messages may be e-mails to one member of staff: an invitation, a rejected request.
alter table payops.alert_messages
  drop constraint alert_messages_kind_check,
  add constraint alert_messages_kind_check
  check (kind in ('firing', 'reminder', 'resolved', 'test', 'review', 'mail'));
