-- A property of the file: every connection uses it from now on.
pragma journal_mode = wal;
create table if not exists notes (id integer primary key, body text not null);
