-- Kinds of licence and the compacts between states; proof; when a provider is there; reminders of licences that end.

-- `grants` says what a compact gives the holder of a home licence: the privilege to see patients in every member state,
-- or in each state where they were issued one, or full licences of their own, from which nothing follows.
create table payops.compacts (
  code text primary key check (code ~ '^[A-Z]{2,12}$'),
  name text not null,
  grants text not null check (grants in ('every_member', 'one_state', 'full_licences')),
  note text not null default '',
  source text not null check (source <> ''),
  link text check (link ~ '^https://'),
  verified_on date
);

-- A state takes part from the start of `effective_on` to the end of `ends_on`, in its own time.
create table payops.compact_members (
  compact text not null references payops.compacts (code),
  state text not null references payops.states (code),
  effective_on date not null,
  ends_on date,
  source text not null check (source <> ''),
  link text check (link ~ '^https://'),
  verified_on date,
  primary key (compact, state),
  check (ends_on >= effective_on)
);

-- States that let clinicians of other states see their patients by telehealth after a registration, and what that does
-- not allow.
create table payops.telehealth_registrations (
  state text primary key references payops.states (code),
  not_allowed text not null check (not_allowed <> ''),
  effective_on date not null,
  ends_on date,
  source text not null check (source <> ''),
  link text check (link ~ '^https://'),
  verified_on date,
  check (ends_on >= effective_on)
);

insert into payops.compacts (code, name, grants, note, source, link, verified_on) values
('NLC', 'Nurse Licensure Compact', 'every_member',
 'A multistate licence of the home state lets registered and practical nurses practise in every member state. '
 'It does not cover advanced practice.',
 'Nurse Licensure Compact, article III', 'https://www.nursecompact.com', null),
('PSYPACT', 'Psychology Interjurisdictional Compact', 'every_member',
 'The authority to practise interjurisdictional telepsychology lets psychologists see patients in every member state.',
 'PSYPACT, article IV', 'https://psypact.gov', null),
('PT', 'Physical Therapy Compact', 'one_state', 'A privilege is issued for each state.',
 'Physical Therapy Licensure Compact, section 4', 'https://ptcompact.org', null),
('OT', 'Occupational Therapy Licensure Compact', 'one_state', 'A privilege is issued for each state.',
 'Occupational Therapy Licensure Compact, section 4', 'https://otcompact.gov', null),
('PA', 'PA Licensure Compact', 'one_state', 'A privilege is issued for each state.',
 'PA Licensure Compact, section 4', 'https://www.pacompact.org', null),
('IMLC', 'Interstate Medical Licensure Compact', 'full_licences',
 'Physicians get full licences of each state, so enter each of those.',
 'Interstate Medical Licensure Compact, section 5', 'https://imlcc.com', null);

insert into payops.compact_members (compact, state, effective_on, source, link, verified_on)
select 'NLC', m.state, m.day, 'NCSBN, NLC states and their implementation', 'https://www.nursecompact.com', null
from (
  select unnest(string_to_array(
    'AZ AR CO DE FL GA ID IA KY ME MD MS MO MT NE NH NM NC ND OK SC SD TN TX UT VA WV WI WY', ' '
  )), '2018-01-19'::date
  union all
  values
  ('KS', '2019-07-01'::date), ('LA', '2019-07-01'), ('AL', '2020-01-01'), ('IN', '2020-07-01'), ('NJ', '2021-11-15'),
  ('VT', '2022-02-01'), ('OH', '2023-01-01'), ('RI', '2024-01-01'), ('WA', '2024-01-31'), ('PA', '2025-07-07'),
  ('CT', '2025-10-01')
) as m (state, day);

insert into payops.compact_members (compact, state, effective_on, source, link, verified_on)
select 'PSYPACT', m.state, m.day, 'PSYPACT Commission, participating states', 'https://psypact.gov', null
from (
  select unnest(string_to_array('AZ CO DE GA IL MO NE NV NH OK TX UT', ' ')), '2020-07-01'::date
  union all
  values
  ('VA', '2021-01-01'::date), ('NC', '2021-03-01'), ('DC', '2021-04-02'), ('MD', '2021-10-01'), ('KS', '2022-01-01'),
  ('ID', '2022-07-01'), ('CT', '2022-10-01'), ('FL', '2023-07-01')
) as m (state, day);

insert into payops.telehealth_registrations (state, not_allowed, effective_on, source, link, verified_on) values
('FL', 'In-person care and an office in Florida. Schedule II controlled substances, but for the exceptions of the statute.',
 '2019-07-01', 'Florida Statutes § 456.47(4)',
 'https://www.flsenate.gov/Laws/Statutes/2024/456.47', null),
('AZ', 'In-person care and an office in Arizona.',
 '2021-05-05', 'Arizona Revised Statutes § 36-3606', 'https://www.azleg.gov/ars/36/03606.htm', null),
('MN', 'An office in Minnesota, and meeting patients there.',
 '2002-08-01', 'Minnesota Statutes § 147.032', 'https://www.revisor.mn.gov/statutes/cite/147.032', null);

-- `compact` is the compact whose home licence a full one is, or that grants a privilege. A privilege that follows from a
-- home licence has `home_licence_id` and is written by the rules alone. `awaiting` a second person's confirmation are the
-- licence itself, or only the privileges that follow from it.
alter table payops.licences
add column kind text not null default 'full',
add column compact text references payops.compacts (code),
add column home_licence_id bigint references payops.licences (id) on delete cascade,
add column awaiting text,
add column entered_by text,
add constraint licences_kind check (
  case kind
    when 'full' then true
    when 'compact_privilege' then compact is not null
    when 'telehealth_registration' then compact is null
    when 'temporary' then compact is null and expires_on is not null
    else false
  end
),
add constraint licences_awaiting check (awaiting in ('licence', 'privileges')),
drop constraint licences_provider_id_state_number_key;
create unique index licences_entered on payops.licences (provider_id, state, number) nulls not distinct
where home_licence_id is null;
create unique index licences_derived on payops.licences (home_licence_id, state) where home_licence_id is not null;
create unique index licences_home on payops.licences (provider_id, compact)
where kind = 'full' and compact is not null and status = 'active';
create index licences_compact on payops.licences (compact, provider_id) where compact is not null;

-- Each licence as it was from `since` to `until`, so that its state on a past day is known. A licence that is there now
-- has no end.
create table payops.licence_versions (
  id bigint generated always as identity primary key,
  licence_id bigint not null,
  provider_id text collate "C" not null,
  state text not null,
  facts jsonb not null,
  valid_from timestamptz not null,
  valid_until timestamptz not null,
  since timestamptz not null,
  until timestamptz not null default 'infinity'
);
create index licence_versions_provider on payops.licence_versions (provider_id, state, since);
create unique index licence_versions_open on payops.licence_versions (licence_id) where until = 'infinity';
insert into payops.licence_versions (licence_id, provider_id, state, facts, valid_from, valid_until, since)
select
  l.id, l.provider_id, l.state,
  jsonb_build_object(
    'state', l.state, 'number', l.number, 'type', l.type, 'kind', l.kind, 'compact', null, 'home_state', null,
    'status', l.status, 'issued_on', l.issued_on, 'expires_on', l.expires_on, 'verified_on', l.verified_on,
    'verified_by', l.verified_by, 'awaiting', null
  ),
  l.valid_from, l.valid_until, p.updated_at
from payops.licences as l inner join payops.providers as p on l.provider_id = p.id;

-- Documents that prove a licence; the file itself lies in Supabase Storage or in DATA_DIR, under the document's id.
create table payops.licence_documents (
  id text primary key default 'ldoc_' || replace(gen_random_uuid()::text, '-', ''),
  provider_id text collate "C" not null references payops.providers (id),
  name text not null check (name <> ''),
  media_type text not null check (media_type in ('application/pdf', 'image/png', 'image/jpeg')),
  size_bytes integer not null check (size_bytes > 0),
  sha256 text not null,
  uploaded_by text not null,
  uploaded_at timestamptz not null
);
create index licence_documents_provider on payops.licence_documents (provider_id);

-- Who verified which licence, when and where; nothing is changed or deleted.
create table payops.licence_verifications (
  id bigint generated always as identity primary key,
  provider_id text collate "C" not null references payops.providers (id),
  state text not null,
  number text not null default '',
  source text not null check (source <> ''),
  link text check (link ~ '^https?://'),
  note text,
  document_id text references payops.licence_documents (id),
  verified_by text not null,
  verified_at timestamptz not null,
  due_on date not null
);
create index licence_verifications_licence on payops.licence_verifications (provider_id, state, number, verified_at);
create trigger licence_verifications_append_only
before update or delete on payops.licence_verifications
for each row execute function payops.refuse_change();

-- The rules of licensing that admins set.
create table payops.licensing_policy (
  only_row boolean primary key default true check (only_row),
  verification_days integer not null default 30 check (verification_days between 1 and 3650),
  second_person boolean not null default false,
  return_to_known boolean not null default true,
  refuse_unserved boolean not null default true
);
insert into payops.licensing_policy default values;

-- When a provider is there. Who has no row is there always, with the capacity of the directory. From `settled_from` to
-- `settled_until` it is known whether they are there (`on_duty`) and the capacity of that day; then it is settled anew.
create table payops.provider_schedules (
  provider_id text collate "C" primary key references payops.providers (id),
  zone text not null,
  on_duty boolean not null default true,
  capacity integer,
  settled_from timestamptz not null default 'infinity',
  settled_until timestamptz not null default '-infinity'
);
create index provider_schedules_until on payops.provider_schedules (settled_until);
create index provider_schedules_from on payops.provider_schedules (settled_from desc);

-- Hours in the provider's time, Monday is 1; hours that close before they open end on the next day.
create table payops.provider_hours (
  provider_id text collate "C" not null references payops.providers (id),
  weekday integer not null check (weekday between 1 and 7),
  opens time not null check (opens < '24:00'),
  closes time not null,
  primary key (provider_id, weekday, opens)
);

-- The capacity on a day of the week, where it is not that of the directory.
create table payops.provider_day_capacities (
  provider_id text collate "C" not null references payops.providers (id),
  weekday integer not null check (weekday between 1 and 7),
  capacity integer not null check (capacity between 0 and 10000),
  primary key (provider_id, weekday)
);

-- Time off, from the start of the first day to the end of the last in the provider's time.
create table payops.provider_time_off (
  provider_id text collate "C" not null references payops.providers (id),
  first_day date not null,
  last_day date not null,
  note text,
  primary key (provider_id, first_day),
  check (last_day >= first_day)
);

-- The reminders that were sent of a licence's end, so that each is sent once.
create table payops.licence_reminders (
  provider_id text collate "C" not null,
  state text not null,
  number text not null,
  expires_on date not null,
  days integer not null,
  sent_at timestamptz not null,
  primary key (provider_id, state, number, expires_on, days)
);
