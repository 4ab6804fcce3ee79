// The layers of lib/, for test/tidy.test.ts.

/**
 * Who may import whom inside lib, from the bottom up. A row is a folder, without those below it and without the files
 * that have rows of their own; a file always may import what is in its own row. What is not here is forbidden.
 */
export const layers: Readonly<Record<string, readonly string[]>> = {
  // Errors, names, units, log, turns, budgets: what everything else is written with.
  lib: [],
  'lib/bytes': ['lib'],
  // Beside the stores: the composition root reads it, and gives each of them what concerns it.
  'lib/config': ['lib'],
  'lib/leveldb': ['lib'],
  'lib/crypto': ['lib', 'lib/bytes'],
  // Seam 1 and what does not depend on the format of a volume. The engine is a type here, handed on to a format.
  'lib/blobs': [
    'lib',
    'lib/bytes',
    'lib/leveldb/engine.ts',
    'lib/blobs/device.ts',
    'lib/blobs/formats.ts',
    'lib/blobs/volume-files.ts',
  ],
  'lib/blobs/level': ['lib', 'lib/bytes', 'lib/leveldb', 'lib/blobs'],
  // Knows nothing of LevelDB.
  'lib/blobs/file': ['lib', 'lib/bytes', 'lib/blobs'],
  // Makes a volume of what is left of one of either format.
  'lib/blobs/salvage': [
    'lib',
    'lib/bytes',
    'lib/leveldb',
    'lib/blobs',
    'lib/blobs/volume-files.ts',
    'lib/blobs/level',
    'lib/blobs/file',
  ],
  // The two files that know the formats: one for the store, one for commands.
  'lib/blobs/formats.ts': [
    'lib/leveldb/engine.ts',
    'lib/blobs',
    'lib/blobs/level',
    'lib/blobs/file',
  ],
  'lib/blobs/volume-files.ts': ['lib', 'lib/blobs', 'lib/blobs/level', 'lib/blobs/file'],
  // Asks what LevelDB alone needs: whether to open a volume would kill the process.
  'lib/blobs/device.ts': [
    'lib',
    'lib/blobs',
    'lib/blobs/formats.ts',
    'lib/blobs/level/quarantine.ts',
  ],
  // Rows hold envelopes, of which they know the fields.
  'lib/catalog': [
    'lib',
    'lib/bytes',
    'lib/leveldb',
    'lib/crypto/envelope.ts',
    'lib/crypto/late.ts',
    'lib/crypto/root-wrap.ts',
    'lib/crypto/row-mac.ts',
  ],
  'lib/catalog/redis': ['lib', 'lib/bytes', 'lib/catalog'],
  // Seam 2 on Redis, beside lib/catalog/level.ts.
  'lib/catalog/redis.ts': ['lib', 'lib/catalog', 'lib/catalog/redis'],
  // Tokens are signed with root keys.
  'lib/auth': ['lib', 'lib/bytes', 'lib/crypto/cipher.ts'],
  // What clients ask for. Of the stores it sees the two seams, and what rows mean.
  'lib/service': [
    'lib',
    'lib/bytes',
    'lib/crypto',
    'lib/auth',
    'lib/blobs/store.ts',
    'lib/catalog/catalog.ts',
    'lib/catalog/keys.ts',
    'lib/catalog/rows.ts',
  ],
  // Projects, users and credentials: rows of their own, changed as the service changes its rows.
  'lib/identity': ['lib', 'lib/crypto', 'lib/auth', 'lib/catalog', 'lib/service'],
  // Secrets that users keep, sealed under the root key.
  'lib/keymanager': ['lib', 'lib/crypto', 'lib/auth', 'lib/catalog', 'lib/service', 'lib/identity'],
  // What a node does to its own data: below the seams too, because it looks at files and makes them anew.
  'lib/upkeep': [
    'lib',
    'lib/leveldb',
    'lib/crypto',
    'lib/blobs',
    'lib/blobs/volume-files.ts',
    'lib/blobs/level',
    'lib/blobs/salvage',
    'lib/catalog',
    'lib/service',
    'lib/identity',
    'lib/keymanager',
  ],
  'lib/figures.ts': ['lib', 'lib/blobs', 'lib/catalog', 'lib/upkeep'],
  'lib/redis-settings.ts': ['lib', 'lib/config', 'lib/catalog/redis/settings.ts'],
  // The composition root.
  'lib/open-catalog.ts': [
    'lib',
    'lib/config',
    'lib/leveldb/engine.ts',
    'lib/blobs',
    'lib/blobs/volume-headers.ts',
    'lib/catalog',
    'lib/catalog/redis',
    'lib/catalog/redis.ts',
    'lib/redis-settings.ts',
  ],
  'lib/coffer.ts': [
    'lib',
    'lib/config',
    'lib/leveldb/engine.ts',
    'lib/crypto/cipher.ts',
    'lib/crypto/late.ts',
    'lib/crypto/list-key.ts',
    'lib/crypto/row-mac.ts',
    'lib/blobs',
    'lib/catalog',
    'lib/crypto/sealed-secret.ts',
    'lib/auth',
    'lib/identity',
    'lib/service',
    'lib/upkeep',
    'lib/figures.ts',
    'lib/open-catalog.ts',
  ],
}
