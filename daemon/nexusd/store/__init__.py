"""Where the daemon remembers: one SQLite database, one writer, one module per record.

`nexusd.store.database` opens it and runs functions in transactions; the record modules (`workspaces`, `operations`,
`processes`, `ports`, `keys`, `tokens`, `meta`) hold what such a function may call. The schema is declared once, with
SQLAlchemy Core in `tables`, for SQLite and PostgreSQL; Alembic migrates it. Neither is imported while the daemon
starts on a database that is up to date: together they would cost a third of its memory and half of its start.
"""
