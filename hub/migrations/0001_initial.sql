-- The first schema. Types are those that SQLite and PostgreSQL both read (BLOB becomes BYTEA there);
-- times are Unix milliseconds; digests are their 32 bytes; documents are JSON text.

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('position', 0), ('events_dropped_through', 0);

CREATE TABLE clusters (
    id                     TEXT PRIMARY KEY,
    name                   TEXT NOT NULL UNIQUE,
    labels                 TEXT NOT NULL,
    variables              TEXT NOT NULL,
    created_unix_ms        BIGINT NOT NULL,
    standing               TEXT NOT NULL,
    certificate_serial     TEXT,
    certificate_key        BLOB,
    certificate_issued_ms  BIGINT,
    certificate_expires_ms BIGINT,
    sealing_key            BLOB,
    agent_version          TEXT,
    wire_version           BIGINT NOT NULL DEFAULT 0,
    bundle_schemas         TEXT NOT NULL DEFAULT '[]',
    trust_version          BIGINT NOT NULL DEFAULT 0,
    kubernetes_version     TEXT NOT NULL DEFAULT '',
    platform               TEXT NOT NULL DEFAULT '',
    last_contact_unix_ms   BIGINT,
    silence                BIGINT NOT NULL DEFAULT 0,
    highest_epoch          BIGINT,
    highest_generation     BIGINT,
    sync_requests          BIGINT NOT NULL DEFAULT 0,
    confirmations          TEXT NOT NULL DEFAULT '[]',
    position               BIGINT NOT NULL,
    refused_root           BLOB,
    refused                TEXT,
    api_kinds              TEXT NOT NULL DEFAULT '[]'
);
CREATE UNIQUE INDEX clusters_by_position ON clusters (position);
CREATE INDEX clusters_by_contact ON clusters (last_contact_unix_ms, silence);

CREATE TABLE cluster_labels (
    cluster TEXT NOT NULL REFERENCES clusters (id),
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (cluster, key)
);
CREATE INDEX cluster_labels_by_value ON cluster_labels (key, value, cluster);

CREATE TABLE certificates (
    serial     TEXT PRIMARY KEY,
    cluster    TEXT NOT NULL REFERENCES clusters (id),
    key        BLOB NOT NULL,
    issued_ms  BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    revoked    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX certificates_by_cluster ON certificates (cluster, issued_ms);

CREATE TABLE join_tokens (
    hash            BLOB PRIMARY KEY,
    cluster         TEXT NOT NULL REFERENCES clusters (id),
    created_unix_ms BIGINT NOT NULL,
    expires_unix_ms BIGINT NOT NULL,
    used_by         BLOB
);
CREATE INDEX join_tokens_by_cluster ON join_tokens (cluster);

CREATE TABLE roots (
    cluster           TEXT NOT NULL REFERENCES clusters (id),
    epoch             BIGINT NOT NULL,
    generation        BIGINT NOT NULL,
    digest            BLOB NOT NULL,
    payload           BLOB NOT NULL,
    key_id            TEXT,
    signature         BLOB,
    reserved_unix_ms  BIGINT NOT NULL,
    published_unix_ms BIGINT,
    PRIMARY KEY (cluster, epoch, generation)
);
CREATE INDEX roots_unsigned ON roots (cluster) WHERE signature IS NULL;

CREATE TABLE blobs (
    digest          BLOB PRIMARY KEY,
    size            BIGINT NOT NULL,
    zstd            BLOB NOT NULL,
    touched_unix_ms BIGINT NOT NULL
);
CREATE INDEX blobs_by_touch ON blobs (touched_unix_ms);

CREATE TABLE sealed (
    key    BLOB PRIMARY KEY,
    digest BLOB NOT NULL,
    size   BIGINT NOT NULL
);

CREATE TABLE sources (
    name            TEXT PRIMARY KEY,
    url             TEXT NOT NULL,
    reference       TEXT NOT NULL,
    commit_id       TEXT,
    checked_unix_ms BIGINT,
    changed_unix_ms BIGINT,
    failures        BIGINT NOT NULL,
    error           TEXT
);

CREATE TABLE revisions (
    source          TEXT NOT NULL,
    commit_id       TEXT NOT NULL,
    reference       TEXT NOT NULL,
    fetched_unix_ms BIGINT NOT NULL,
    state           TEXT NOT NULL,
    position        BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (source, commit_id)
);

CREATE TABLE problems (
    subject       TEXT NOT NULL,
    name          TEXT NOT NULL,
    problems      TEXT NOT NULL,
    since_unix_ms BIGINT NOT NULL,
    PRIMARY KEY (subject, name)
);

-- One row: the documents of the last good commit.
CREATE TABLE fleet (
    one        BIGINT PRIMARY KEY CHECK (one = 1),
    commit_id  TEXT NOT NULL,
    at_unix_ms BIGINT NOT NULL,
    documents  BLOB NOT NULL
);

CREATE TABLE cluster_states (
    cluster          TEXT PRIMARY KEY REFERENCES clusters (id),
    received_unix_ms BIGINT NOT NULL,
    observed_unix_ms BIGINT NOT NULL,
    current_epoch      BIGINT,
    current_generation BIGINT,
    current_root       BLOB,
    applied_epoch      BIGINT,
    applied_generation BIGINT,
    applied_root       BLOB,
    sync             TEXT NOT NULL,
    health           TEXT NOT NULL,
    counts           TEXT NOT NULL,
    drift            BIGINT NOT NULL,
    applications     BIGINT NOT NULL,
    conditions       TEXT NOT NULL,
    held_prunes      TEXT NOT NULL
);

CREATE TABLE application_states (
    cluster          TEXT NOT NULL REFERENCES clusters (id),
    application      TEXT NOT NULL,
    cluster_name     TEXT NOT NULL,
    observed_unix_ms BIGINT NOT NULL,
    received_unix_ms BIGINT NOT NULL,
    position         BIGINT NOT NULL UNIQUE,
    report           TEXT NOT NULL,
    PRIMARY KEY (cluster, application)
);
CREATE UNIQUE INDEX application_states_by_name ON application_states (application, cluster_name);

CREATE TABLE journal_marks (
    cluster     TEXT NOT NULL REFERENCES clusters (id),
    incarnation BIGINT NOT NULL,
    through     BIGINT NOT NULL,
    PRIMARY KEY (cluster, incarnation)
);

CREATE TABLE events (
    position         BIGINT PRIMARY KEY,
    cluster          TEXT REFERENCES clusters (id),
    incarnation      BIGINT,
    sequence         BIGINT,
    at_unix_ms       BIGINT NOT NULL,
    received_unix_ms BIGINT NOT NULL,
    kind             TEXT NOT NULL,
    body             TEXT NOT NULL,
    UNIQUE (cluster, incarnation, sequence)
);
CREATE INDEX events_by_cluster ON events (cluster, position);

CREATE TABLE dropped_events (
    cluster TEXT NOT NULL,
    kind    TEXT NOT NULL,
    dropped BIGINT NOT NULL,
    PRIMARY KEY (cluster, kind)
);

CREATE TABLE drifts (
    cluster          TEXT NOT NULL REFERENCES clusters (id),
    uid              TEXT NOT NULL,
    resource_version TEXT NOT NULL,
    path             TEXT NOT NULL,
    incarnation      BIGINT NOT NULL,
    sequence         BIGINT NOT NULL,
    position         BIGINT NOT NULL UNIQUE,
    application      TEXT NOT NULL,
    object           TEXT NOT NULL,
    kind             TEXT NOT NULL,
    manager          TEXT NOT NULL,
    detected_unix_ms BIGINT NOT NULL,
    outcome          TEXT,
    closed_unix_ms   BIGINT,
    PRIMARY KEY (cluster, uid, resource_version, path)
);
CREATE INDEX drifts_by_entry ON drifts (cluster, incarnation, sequence);
CREATE INDEX drifts_by_cluster ON drifts (cluster, position);

CREATE TABLE api_tokens (
    name            TEXT PRIMARY KEY,
    hash            BLOB NOT NULL UNIQUE,
    role            TEXT NOT NULL,
    created_unix_ms BIGINT NOT NULL,
    expires_unix_ms BIGINT
);

CREATE TABLE audit (
    position   BIGINT PRIMARY KEY,
    at_unix_ms BIGINT NOT NULL,
    who        TEXT NOT NULL,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    outcome    TEXT NOT NULL
);
