--! phase: expand
-- One row for each mail that somebody should get. Its id is in the Message-ID, so it stays the same over all attempts.
create table mail_message (
  id         uuid primary key default uuidv7(),
  template   text not null,
  key        text not null,
  recipient  text not null,
  state      text not null default 'sending'
             check (state in ('sending', 'sent', 'refused', 'suppressed', 'bounced', 'complained')),
  -- What the mail server said, or why it was not sent.
  answer     text,
  created_at timestamptz not null default now(),
  sent_at    timestamptz,
  unique (template, key)
);
create index mail_message_recipient on mail_message (lower(recipient));
create index mail_message_created on mail_message (created_at);

-- Who is not written to any more.
create table mail_suppressed (
  address text primary key,
  reason  text not null,
  since   timestamptz not null default now()
);
