-- Rendered from nexusd/store/tables.py; do not edit.
CREATE TABLE checkpoints (
	id VARCHAR(40) NOT NULL,
	workspace VARCHAR(40) NOT NULL,
	workspace_name VARCHAR(255) NOT NULL,
	owner VARCHAR(255) NOT NULL,
	state VARCHAR(20) NOT NULL,
	name VARCHAR(255) NOT NULL,
	comment TEXT NOT NULL,
	automatic BOOLEAN NOT NULL,
	backend VARCHAR(255) NOT NULL,
	branch TEXT NOT NULL,
	"commit" TEXT NOT NULL,
	files BIGINT NOT NULL,
	skipped BIGINT NOT NULL,
	size BIGINT NOT NULL,
	options TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX checkpoints_created_at ON checkpoints (created_at, id);

CREATE INDEX checkpoints_workspace ON checkpoints (workspace, created_at);

CREATE TABLE keys (
	owner VARCHAR(255) NOT NULL,
	"key" VARCHAR(255) NOT NULL,
	method VARCHAR(80) NOT NULL,
	params_hash VARCHAR(128) NOT NULL,
	state VARCHAR(20) NOT NULL,
	operation VARCHAR(40),
	outcome BLOB,
	error BLOB,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (owner, "key")
);

CREATE INDEX keys_created_at ON keys (created_at);

CREATE TABLE meta (
	"key" VARCHAR(80) NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);

CREATE TABLE operations (
	id VARCHAR(40) NOT NULL,
	kind VARCHAR(40) NOT NULL,
	workspace VARCHAR(40) NOT NULL,
	owner VARCHAR(255) NOT NULL,
	state VARCHAR(20) NOT NULL,
	steps TEXT NOT NULL,
	message TEXT NOT NULL,
	error TEXT,
	params TEXT NOT NULL,
	"key" VARCHAR(255),
	created_at BIGINT NOT NULL,
	ended_at BIGINT,
	data TEXT NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX operations_ended_at ON operations (ended_at);

CREATE INDEX operations_state ON operations (state);

CREATE INDEX operations_workspace ON operations (workspace, created_at);

CREATE TABLE ports (
	port INTEGER NOT NULL,
	workspace VARCHAR(40) NOT NULL,
	name VARCHAR(255) NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (port)
);

CREATE INDEX ports_workspace ON ports (workspace);

CREATE TABLE processes (
	id VARCHAR(40) NOT NULL,
	workspace VARCHAR(40) NOT NULL,
	argv TEXT NOT NULL,
	cwd TEXT NOT NULL,
	pty TEXT,
	stdin BOOLEAN NOT NULL,
	state VARCHAR(20) NOT NULL,
	pid BIGINT,
	pid_started BIGINT NOT NULL,
	exit TEXT,
	output_end BIGINT NOT NULL,
	labels TEXT NOT NULL,
	generation BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	ended_at BIGINT,
	deadline BIGINT,
	ending VARCHAR(20),
	signalled TEXT DEFAULT '[]' NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX processes_ended_at ON processes (ended_at);

CREATE INDEX processes_state ON processes (state);

CREATE INDEX processes_workspace ON processes (workspace, started_at);

CREATE TABLE tokens (
	id VARCHAR(40) NOT NULL,
	subject VARCHAR(255) NOT NULL,
	name TEXT NOT NULL,
	scopes TEXT NOT NULL,
	workspaces TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	revoked_at BIGINT,
	issuer_subject VARCHAR(255) NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX tokens_issuer_subject ON tokens (issuer_subject);

CREATE INDEX tokens_revoked_at ON tokens (revoked_at);

CREATE INDEX tokens_subject ON tokens (subject);

CREATE TABLE workspaces (
	id VARCHAR(40) NOT NULL,
	name VARCHAR(255) NOT NULL,
	owner VARCHAR(255) NOT NULL,
	state VARCHAR(20) NOT NULL,
	message TEXT NOT NULL,
	backend VARCHAR(255) NOT NULL,
	display_name TEXT,
	repo_url TEXT NOT NULL,
	repo_path TEXT NOT NULL,
	repo_ref TEXT NOT NULL,
	repo_commit TEXT NOT NULL,
	branch TEXT NOT NULL,
	root TEXT NOT NULL,
	worktree TEXT NOT NULL,
	env TEXT NOT NULL,
	labels TEXT NOT NULL,
	current BOOLEAN NOT NULL,
	generation BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	last_active_at BIGINT NOT NULL,
	operation VARCHAR(40),
	options TEXT DEFAULT '{}' NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX workspaces_created_at ON workspaces (created_at, id);

CREATE INDEX workspaces_name ON workspaces (name);

CREATE UNIQUE INDEX workspaces_owner_name ON workspaces (owner, name) WHERE state != 'destroyed';

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL
);
