--! phase: expand
create table entry (
  id bigint generated always as identity primary key,
  name text not null,
  thanked boolean not null default false
);
