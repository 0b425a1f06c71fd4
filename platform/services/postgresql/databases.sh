# Makes or mends the roles and databases of the platform's services: what is there stays.
set -eu
until pg_isready -q; do sleep 2; done
for name in $DATABASES; do
  eval "export PASSWORD=\$PASSWORD_$name"
  psql -q -v ON_ERROR_STOP=1 -v name="$name" <<'SQL'
\getenv password PASSWORD
SELECT format('CREATE ROLE %I LOGIN', :'name')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
-- Whoever is no superuser, as in a managed service, gives databases only to roles that it is a member of.
GRANT :"name" TO CURRENT_USER;
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
