--! phase: expand

create table item (
  id     int  primary key,
  owner  int  not null,
  amount int  not null,
  note   text not null
);
insert into item select n, n::bigint * 7919 % 20011, n % 1000, repeat('x', 60) from generate_series(1, 300000) n;

create table counter (id int primary key, n int not null);
insert into counter select n, 0 from generate_series(1, 20) n;

create table churn (id int primary key, n int not null) with (autovacuum_enabled = false);
insert into churn select n, 0 from generate_series(1, 300) n;

create table entry (id bigint generated always as identity primary key, n int not null);
