--! phase: expand
create table item (id int primary key, value float8 not null);
insert into item select n, n from generate_series(1, 20000) n;
