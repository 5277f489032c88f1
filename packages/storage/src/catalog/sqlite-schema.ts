/**
 * The tables of the catalog's file and how a file of an older version becomes one of today.
 *
 * `user_version` is the number of migrations that the file has been through, `application_id` says that it is ours. A migration that has been
 * released is never changed: what comes next is a new one at the end.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StorageError } from '../engine.ts'

/** `MilR` in ASCII. */
const APPLICATION_ID = 0x4d_69_6c_52

const migrations: readonly string[] = [
  `
  CREATE TABLE cluster (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cluster_id TEXT NOT NULL,
    next_producer_id INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE nodes (
    node_id INTEGER PRIMARY KEY,
    incarnation INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE topics (
    topic_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    partition_count INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE configs (
    resource TEXT NOT NULL,
    resource_name TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource, resource_name, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE consumer_groups (
    group_id TEXT NOT NULL UNIQUE,
    value BLOB NOT NULL
  ) STRICT;

  CREATE TABLE offsets (
    group_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    committed_offset INTEGER NOT NULL,
    leader_epoch INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    commit_timestamp_ms INTEGER NOT NULL,
    expire_timestamp_ms INTEGER NOT NULL,
    PRIMARY KEY (group_id, topic, partition)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE transactions (
    transactional_id TEXT NOT NULL UNIQUE,
    value BLOB NOT NULL
  ) STRICT;

  CREATE TABLE pending_offsets (
    group_id TEXT NOT NULL,
    producer_id INTEGER NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    committed_offset INTEGER NOT NULL,
    leader_epoch INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    commit_timestamp_ms INTEGER NOT NULL,
    expire_timestamp_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    PRIMARY KEY (group_id, producer_id, topic, partition)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE features (
    name TEXT PRIMARY KEY,
    level INTEGER NOT NULL,
    epoch INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  INSERT INTO features VALUES ('transaction.version', 2, 0);
  `,
  `
  CREATE TABLE placements (
    topic_id TEXT NOT NULL,
    partition INTEGER NOT NULL,
    node_id INTEGER NOT NULL,
    leader_epoch INTEGER NOT NULL,
    target_node_id INTEGER NOT NULL,
    handover TEXT NOT NULL,
    PRIMARY KEY (topic_id, partition)
  ) STRICT, WITHOUT ROWID;
  `,
  // Not unique: two nodes could make both names before they were one, and such a file is to open.
  `
  CREATE INDEX topics_by_collision_key ON topics (replace(name, '.', '_'));
  `,
]

export const SCHEMA_VERSION: number = migrations.length

/** Brings the file to SCHEMA_VERSION, each step whole or not at all. */
export function migrate(db: DatabaseSync, path: string): void {
  refuseStranger(db, path)
  for (let version = versionOf(db); version < SCHEMA_VERSION; version++) {
    db.exec('BEGIN IMMEDIATE')
    try {
      // Another process may have taken this step while we waited for the lock.
      if (versionOf(db) === version) {
        db.exec(migrations[version]!)
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}`)
      }
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}

function refuseStranger(db: DatabaseSync, path: string): void {
  const version = versionOf(db)
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  if (!isEmpty && numberOf(db, 'application_id') !== APPLICATION_ID)
    throw new StorageError('INCOMPATIBLE', `${path} is a database of another program, not a catalog of Millrace`, {
      path,
    })
  if (version > SCHEMA_VERSION)
    throw new StorageError(
      'INCOMPATIBLE',
      `${path} has schema version ${version}, written by a newer Millrace; this one knows versions up to ${SCHEMA_VERSION}. ` +
        'Start the newer one, or restore the data folder from before the upgrade.',
      { path },
    )
}

function versionOf(db: DatabaseSync): number {
  return numberOf(db, 'user_version')
}

function numberOf(db: DatabaseSync, pragma: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${pragma}`).get()?.[pragma])
}
