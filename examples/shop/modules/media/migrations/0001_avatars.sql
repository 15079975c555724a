--! phase: expand
create table avatars (
  user_id    uuid primary key,
  -- The upload that is being worked on, and the one whose pictures are shown; the old pictures stay until the new are there.
  upload     uuid,
  ready      uuid,
  problem    text,
  changed_at timestamptz not null default now()
);
