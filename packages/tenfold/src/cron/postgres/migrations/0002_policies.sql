--! phase: expand
-- A tick that was left out, because the run before was unfinished; its job_id is that of the run before.
alter table cron_tick add column skipped boolean not null default false;
