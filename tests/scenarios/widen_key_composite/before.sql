CREATE TABLE accounts (tenant text, id integer, name text, PRIMARY KEY (tenant, id));
CREATE TABLE entries (tenant text, id integer, account integer, PRIMARY KEY (tenant, account, id),
  CONSTRAINT of_account FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE lines (id bigint PRIMARY KEY, tenant text, account smallint, entry integer,
  CONSTRAINT of_entry FOREIGN KEY (tenant, account, entry) REFERENCES entries (tenant, account, id) MATCH FULL ON DELETE CASCADE ON UPDATE CASCADE NOT VALID);
INSERT INTO accounts SELECT 't', n, 'a' FROM generate_series(1, 300) n;
INSERT INTO entries SELECT 't', n, n FROM generate_series(1, 300) n;
INSERT INTO lines SELECT n, 't', n, n FROM generate_series(1, 300) n;
