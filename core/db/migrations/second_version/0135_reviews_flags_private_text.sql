-- Words that would tell Stripe about a patient's health. Those that came with payops have nobody who added them; a word
-- that was taken off stays here, so that it is not put on again.
create table payops.clinical_words (
  word text primary key check (word ~ '^[a-z0-9]+( [a-z0-9]+){0,3}$'),
  listed boolean not null default true,
  added_by text,
  changed_at timestamptz
);

insert into payops.clinical_words (word)
select unnest(string_to_array(
  'abortion,abscess,acne,acyclovir,adderall,addiction,adhd,alcoholism,alopecia,alzheimer,ambien,amoxicillin,'
  'amphetamine,anemia,anorexia,antibiotic,antidepressant,anxiety,apnea,arthritis,asthma,ativan,autism,azithromycin,'
  'bacterial vaginosis,benzodiazepine,biopsy,bipolar,birth control,bronchitis,buprenorphine,bupropion,cancer,'
  'chemotherapy,chlamydia,cialis,cirrhosis,citalopram,colitis,contraception,contraceptive,copd,covid,crohn,dementia,'
  'depression,depressive,dermatitis,diabetes,diabetic,diagnosed,diagnosis,diarrhea,doxycycline,dysfunction,eczema,'
  'ejaculation,emphysema,endometriosis,epilepsy,erectile,erection,escitalopram,estradiol,estrogen,fertility,fibroid,'
  'fibromyalgia,finasteride,fluoxetine,genital,gonorrhea,gout,hair loss,hemorrhoid,hepatitis,herpes,hiv,hpv,'
  'hydroxychloroquine,hypertension,hyperthyroidism,hypothyroidism,impotence,incontinence,infection,infertility,'
  'insomnia,insulin,isotretinoin,ivermectin,kidney stone,klonopin,lab result,leukemia,levothyroxine,lexapro,libido,'
  'lisinopril,lupus,lymphoma,melanoma,menopause,metformin,methadone,migraine,minoxidil,miscarriage,mounjaro,naltrexone,'
  'narcotic,obesity,ocd,opioid,osteoporosis,oxycodone,ozempic,pap smear,parkinson,paxil,phentermine,pneumonia,polyp,'
  'postpartum,pregnancy,pregnant,prescription,prep therapy,propecia,prostate,prozac,psoriasis,psychosis,ptsd,rash,rosacea,'
  'saxenda,schizophrenia,seizure,semaglutide,sertraline,sexual health,shingles,sildenafil,sinusitis,spironolactone,std panel,'
  'std test,sti test,suboxone,suicidal,suicide,symptom,syphilis,tadalafil,testosterone,tirzepatide,trazodone,tretinoin,tumor,'
  'ulcer,urinary tract infection,uti,vaginal,vaginosis,valacyclovir,valium,viagra,wegovy,xanax,yeast infection,zoloft',
  ','
));

-- What a look at Stripe's older objects found: how often, in which field, of what kind; never the text.
create table payops.private_text_scans (
  id bigint generated always as identity primary key,
  scanned_at timestamptz not null,
  scanned_by text not null,
  since date not null,
  objects bigint not null,
  findings jsonb not null
);

-- Who signed off which check of which day or week, and what it had found then.
create table payops.review_signatures (
  cadence text not null check (cadence in ('daily', 'weekly')),
  day date not null,
  item text not null,
  finding jsonb not null,
  signed_by text not null,
  signed_at timestamptz not null,
  primary key (cadence, day, item)
);

-- What staff wrote beside a check; nothing is changed or deleted.
create table payops.review_comments (
  id bigint generated always as identity primary key,
  cadence text not null check (cadence in ('daily', 'weekly')),
  day date not null,
  item text not null,
  comment text not null check (comment <> ''),
  written_by text not null,
  written_at timestamptz not null
);
create index review_comments_day on payops.review_comments (cadence, day);

-- The reviews that were sent, so that each is sent once.
create table payops.review_sendings (
  cadence text not null,
  day date not null,
  sent_at timestamptz not null,
  primary key (cadence, day)
);

-- A switch of a flow that is planned: at its time it is done in the planner's name, unless it was withdrawn.
create table payops.flag_plans (
  id bigint generated always as identity primary key,
  flow text not null check (flow in ('checkout', 'one_time', 'subscriptions', 'discounts', 'retries', 'refunds')),
  at timestamptz not null,
  open boolean not null,
  sentence text not null,
  reason text not null,
  planned_by text not null,
  planned_role text not null,
  planned_at timestamptz not null,
  done_at timestamptz,
  withdrawn_at timestamptz,
  withdrawn_by text
);
create index flag_plans_due on payops.flag_plans (at) where done_at is null and withdrawn_at is null;

-- A flow that pauses by itself when this alert rule fires.
create table payops.flag_guards (
  flow text not null check (flow in ('checkout', 'one_time', 'subscriptions', 'discounts', 'retries', 'refunds')),
  rule text not null,
  sentence text not null check (sentence <> ''),
  reason text not null,
  set_by text not null,
  set_role text not null,
  set_at timestamptz not null,
  primary key (flow, rule)
);
