--! phase: expand

-- The least level of log lines that all processes write until then.
create table telemetry_level (
  only_row boolean     primary key default true check (only_row),
  level    text        not null check (level in ('trace', 'debug', 'info', 'warn', 'error', 'fatal')),
  until    timestamptz not null
);
