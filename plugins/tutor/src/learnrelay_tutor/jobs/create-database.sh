# The core's own task has waited for MySQL. The user of the LMS may not create a database, so root does.
mysql --user={{ MYSQL_ROOT_USERNAME }} --password="{{ MYSQL_ROOT_PASSWORD }}" --host="{{ MYSQL_HOST }}" --port={{ MYSQL_PORT }} <<'SQL'
CREATE DATABASE IF NOT EXISTS `{{ LEARNRELAY_MYSQL_DATABASE }}`;
CREATE USER IF NOT EXISTS '{{ LEARNRELAY_MYSQL_USERNAME }}'@'%';
ALTER USER '{{ LEARNRELAY_MYSQL_USERNAME }}'@'%' IDENTIFIED BY '{{ LEARNRELAY_MYSQL_PASSWORD|replace("\\", "\\\\")|replace("'", "\\'") }}';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON `{{ LEARNRELAY_MYSQL_DATABASE }}`.* TO '{{ LEARNRELAY_MYSQL_USERNAME }}'@'%';
SQL
