-- The second factor: a secret shared with an app on somebody's phone, sealed with a key that is not in the database,
-- the last step of time whose code was used, and the hashes of the recovery codes that are left.
alter table payops.staff
  add column second_factor_sealed text,
  add column second_factor_step bigint not null default 0,
  add column recovery_hashes text[] not null default '{}';

-- When a session passed the second factor, and when its user last proved to be there.
alter table payops.staff_sessions
  add column second_factor_at timestamptz,
  add column confirmed_at timestamptz;
