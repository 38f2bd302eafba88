-- Whether a plan made the flow's last switch: the end of a planned pause does not end a pause that somebody made since.
alter table payops.flags add column by_plan boolean not null default false;

-- Why a planned switch was not done at its time, where it was not.
alter table payops.flag_plans add column not_done_because text;

-- A review is sent as alerts are, to each target until it took it, with the review's page attached.
alter table payops.alert_messages
  drop constraint alert_messages_kind_check,
  add constraint alert_messages_kind_check check (kind in ('firing', 'reminder', 'resolved', 'test', 'review')),
  add column review_cadence text,
  add column review_day date;

-- What is over for as long as it is kept is found by its end.
create index alerts_resolved on payops.alerts (resolved_at) where resolved_at is not null;
create index incidents_resolved on payops.incidents (resolved_at) where resolved_at is not null;
