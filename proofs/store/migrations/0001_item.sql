--! phase: expand
create table item (id int primary key, name text not null, price int not null);
insert into item select n, 'item ' || n, n % 100 from generate_series(1, 100000) n;
create table visit (id bigint generated always as identity primary key, item int not null, at timestamptz not null default now());
