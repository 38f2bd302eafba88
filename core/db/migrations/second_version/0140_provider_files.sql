-- Files about providers: the NPI registry, its taxonomy codes and the list of excluded individuals; and what of them takes
-- a provider out of assignment.

-- Why a provider is out of assignment now, whatever their licences are; null where nothing is known against them. Kept by
-- `refresh_blocked_reason` from the table below.
alter table payops.providers add column blocked_reason text;

-- Each finding that takes or took a provider out of assignment; `since` is the day from which it holds.
create table payops.assignment_blocks (
  id bigint generated always as identity primary key,
  provider_id text collate "C" not null references payops.providers (id),
  kind text not null check (kind in ('excluded', 'npi_deactivated')),
  since date not null,
  reason text not null,
  blocked_at timestamptz not null,
  blocked_by text not null,
  lifted_at timestamptz,
  lifted_by text,
  lift_reason text
);
create unique index assignment_blocks_open on payops.assignment_blocks (provider_id, kind) where lifted_at is null;

-- Each import of a file, so that a cut-off list is noticed by how many rows the last one had.
create table payops.registry_imports (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('nppes', 'exclusions', 'taxonomy')),
  file_name text not null,
  is_full boolean not null,
  rows_read bigint not null,
  outcomes jsonb not null,
  imported_at timestamptz not null,
  imported_by text not null
);
create index registry_imports_kind on payops.registry_imports (kind, id desc);

-- What the NPI registry says about a provider: `name` is theirs there, and `name_match` how it compares with ours.
-- `taxonomies` has one object for each: code, primary, number, state, and state_code where the state is one. `to_check` is
-- false where nothing was to be looked at when it was last compared with the directory.
create table payops.nppes_entries (
  provider_id text collate "C" primary key references payops.providers (id),
  npi text not null,
  entity_type text not null check (entity_type in ('', '1', '2')),
  name text not null,
  name_match text check (name_match in ('same', 'partly', 'different')),
  as_of date,
  deactivated_on date,
  reactivated_on date,
  deactivation_reason text not null,
  is_deactivated boolean not null,
  taxonomies jsonb not null,
  to_check boolean not null default true,
  imported_at timestamptz not null
);

-- The taxonomy code set of the NUCC; a retired code is no longer in it.
create table payops.taxonomy_codes (
  code text primary key check (code ~ '^[0-9]{3}[0-9A-Z]{6}X$'),
  name text not null,
  grouping text not null default '',
  classification text not null default '',
  specialization text not null default '',
  section text not null default '',
  retired boolean not null default false
);

-- Which taxonomy codes mean which of our specialties; edited by admins.
create table payops.taxonomy_specialties (
  code text not null references payops.taxonomy_codes (code),
  specialty text not null references payops.specialties (code),
  primary key (code, specialty)
);

-- A row of the list of excluded individuals that is, or may be, about one of our providers. Their birth date and address
-- are not stored. `unlisted_at` is when a full list no longer had the row.
create table payops.listed_exclusions (
  id bigint generated always as identity primary key,
  provider_id text collate "C" not null references payops.providers (id),
  listed_name text not null,
  listed_npi text,
  exclusion_type text not null,
  excluded_on date not null,
  reinstated_on date,
  waived_on date,
  waiver_state text,
  matched_by text not null check (matched_by in ('npi', 'name')),
  status text not null check (status in ('candidate', 'excluded', 'dismissed', 'returned')),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  unlisted_at timestamptz,
  decided_at timestamptz,
  decided_by text,
  decision_reason text,
  unique (provider_id, excluded_on, exclusion_type)
);

insert into payops.taxonomy_codes (code, name) values
('101Y00000X', 'Counselor'), ('101YA0400X', 'Addiction (Substance Use Disorder) Counselor'),
('101YM0800X', 'Mental Health Counselor'), ('101YP2500X', 'Professional Counselor'), ('103T00000X', 'Psychologist'),
('103TC0700X', 'Clinical Psychologist'), ('104100000X', 'Social Worker'), ('1041C0700X', 'Clinical Social Worker'),
('106H00000X', 'Marriage & Family Therapist'), ('133V00000X', 'Registered Dietitian'), ('207N00000X', 'Dermatology Physician'),
('207ND0101X', 'MOHS-Micrographic Surgery Physician'), ('207ND0900X', 'Dermatopathology Physician'),
('207NI0002X', 'Clinical & Laboratory Dermatological Immunology Physician'), ('207NP0225X', 'Pediatric Dermatology Physician'),
('207NS0135X', 'Procedural Dermatology Physician'), ('207P00000X', 'Emergency Medicine Physician'),
('207Q00000X', 'Family Medicine Physician'), ('207QA0505X', 'Adult Medicine Physician'),
('207QB0002X', 'Obesity Medicine (Family Medicine) Physician'), ('207QG0300X', 'Geriatric Medicine (Family Medicine) Physician'),
('207R00000X', 'Internal Medicine Physician'), ('207RB0002X', 'Obesity Medicine (Internal Medicine) Physician'),
('207RE0101X', 'Endocrinology, Diabetes & Metabolism Physician'), ('207RG0300X', 'Geriatric Medicine (Internal Medicine) Physician'),
('207V00000X', 'Obstetrics & Gynecology Physician'), ('207VE0102X', 'Reproductive Endocrinology Physician'),
('207VG0400X', 'Gynecology Physician'), ('207VX0000X', 'Obstetrics Physician'), ('208800000X', 'Urology Physician'),
('2084P0800X', 'Psychiatry Physician'), ('2084P0802X', 'Addiction Psychiatry Physician'),
('2084P0804X', 'Child & Adolescent Psychiatry Physician'), ('2084P0805X', 'Geriatric Psychiatry Physician'),
('208D00000X', 'General Practice Physician'), ('363A00000X', 'Physician Assistant'), ('363AM0700X', 'Medical Physician Assistant'),
('363L00000X', 'Nurse Practitioner'), ('363LA2200X', 'Adult Health Nurse Practitioner'), ('363LF0000X', 'Family Nurse Practitioner'),
('363LG0600X', 'Gerontology Nurse Practitioner'), ('363LP0808X', 'Psychiatric/Mental Health Nurse Practitioner'),
('363LP2300X', 'Primary Care Nurse Practitioner'), ('363LW0102X', 'Women''s Health Nurse Practitioner'),
('363LX0001X', 'Obstetrics & Gynecology Nurse Practitioner'), ('367A00000X', 'Advanced Practice Midwife');

-- To begin with: primary care may also see urgent, weight and men's and women's health cases; a specialist what they are.
insert into payops.taxonomy_specialties (code, specialty)
select c.code, s.specialty
from payops.taxonomy_codes as c
cross join lateral unnest(case
  when c.code ~ '^(207Q|208D0|363LF|363LP23)' then '{general_practice,urgent_care,weight_management,mens_health,womens_health}'
  when c.code ~ '^(207R[0G]|363L0|363LA|363LG|363A)' then '{general_practice,urgent_care,weight_management,mens_health}'
  when c.code ~ '^207N' then '{dermatology}'
  when c.code ~ '^207P' then '{urgent_care,general_practice}'
  when c.code ~ '^(207RB|207RE|133V)' then '{weight_management}'
  when c.code ~ '^(207V|363LW|363LX|367A)' then '{womens_health}'
  when c.code ~ '^2088' then '{mens_health}'
  when c.code ~ '^(101Y|103T|104|106H|2084P|363LP08)' then '{mental_health}'
end::text[]) as s (specialty)
inner join payops.specialties as known on known.code = s.specialty;
