-- A sign-in attempt from a device that its user signed in from before names it: such attempts are counted apart.
alter table payops.sign_in_attempts add column device text;
create index sign_in_attempts_device on payops.sign_in_attempts (subject, device, at)
where outcome = 'failed' and device is not null;
