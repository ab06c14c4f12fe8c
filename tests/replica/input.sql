create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) insert into t select i, hex(i * 7919) from n;
create index t_b on t(b);
select count(*), min(b), max(b) from t where b like '3%';
update t set b = b || 'x' where a % 3 = 0;
delete from t where a % 5 = 0;
vacuum;
.schema
