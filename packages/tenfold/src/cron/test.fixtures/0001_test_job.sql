--! phase: expand
create table test_job (id bigint generated always as identity primary key, name text not null, tick jsonb not null);
