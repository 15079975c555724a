--! phase: expand

-- Who looks at the rules: one process of all of them, until its time is up.
create table alert_leader (
  only_row boolean     primary key default true check (only_row),
  holder   text        not null,
  until    timestamptz not null,
  -- When the rules were last looked at, to the end.
  looked_at timestamptz
);

-- Alerts that are pending or firing, and those that resolved within the last hour.
create table alert_state (
  rule            text             not null,
  key             text             not null,
  labels          jsonb            not null,
  state           text             not null,
  value           double precision not null,
  active_at       timestamptz      not null,
  fired_at        timestamptz,
  back_since      timestamptz,
  resolved_at     timestamptz,
  turns           timestamptz[]    not null,
  acknowledged_by text,
  primary key (rule, key)
);

-- What was told about each rule that fires.
create table alert_group (
  rule         text        primary key,
  first_at     timestamptz not null,
  sent_at      timestamptz,
  sent         text[]      not null,
  escalated_at timestamptz
);

-- What happened: fired, resolved, acknowledged, silenced. Kept for 30 days.
create table alert_history (
  id     bigint generated always as identity primary key,
  at     timestamptz not null default now(),
  rule   text        not null,
  labels jsonb       not null default '{}',
  what   text        not null,
  value  double precision,
  by     text
);
create index alert_history_at on alert_history (at);

create table alert_silence (
  id         uuid        primary key,
  created_at timestamptz not null default now(),
  by         text        not null,
  comment    text        not null,
  starts_at  timestamptz not null,
  ends_at    timestamptz not null,
  rule       text,
  labels     jsonb       not null default '{}'
);

-- Messages, until they were delivered and 7 days on.
create table alert_notice (
  id            bigint generated always as identity primary key,
  created_at    timestamptz not null default now(),
  channel       text        not null,
  rule          text        not null,
  body          jsonb       not null,
  attempts      int         not null default 0,
  -- Somebody sends it right now.
  claimed_until timestamptz,
  last_error    text,
  delivered_at  timestamptz
);
create index alert_notice_waiting on alert_notice (channel, rule, id) where delivered_at is null;
