// The engine of lib/leveldb/engine.ts on memory-level. Databases are kept in a map, so that a closed one can be
// opened again, and there are no files. Values are copied in both directions as LevelDB does, because callers
// reuse what they put and release what they get.
import { basename, dirname } from 'node:path'
import { MemoryLevel } from 'memory-level'
import type { Database, Engine, Keys } from '../../lib/leveldb/engine.ts'

const copying = {
  name: 'copying',
  format: 'buffer' as const,
  encode: (value: Buffer): Buffer => Buffer.from(value),
  decode: (value: Buffer): Buffer => Buffer.from(value),
}

type Memory = MemoryLevel<string, Buffer> | MemoryLevel<Buffer, Buffer>

function newDatabase(keyEncoding: keyof Keys): Memory {
  return keyEncoding === 'utf8'
    ? new MemoryLevel<string, Buffer>({ keyEncoding: 'utf8', valueEncoding: copying })
    : new MemoryLevel<Buffer, Buffer>({ keyEncoding: copying, valueEncoding: copying })
}

/** A new empty engine. Tests of the reserve may set `freeBytesNow`. */
export function memoryEngine(): Engine & { freeBytesNow: number } {
  const databases = new Map<string, Memory>()
  const notes = new Map<string, string>()
  const notesOf = (location: string) =>
    [...notes.keys()].filter((path) => path.startsWith(`${location}/`))
  return {
    freeBytesNow: 2 ** 40,

    async open<E extends keyof Keys>(
      location: string,
      options: { keyEncoding: E; create: boolean },
    ) {
      let db = databases.get(location)
      if (db === undefined) {
        if (!options.create) throw new Error(`${location} does not exist`)
        db = newDatabase(options.keyEncoding)
        databases.set(location, db)
      } else if (db.status === 'open') {
        throw new Error(`${location} is open already`)
      }
      await db.open()
      // There are no tables to compact.
      Object.assign(db, { compactRange: async () => {} })
      return db as unknown as Database<Keys[E]>
    },

    async destroy(location) {
      databases.delete(location)
      for (const path of notesOf(location)) notes.delete(path)
    },

    async rename(location, to) {
      const db = databases.get(location)
      if (db === undefined) throw new Error(`${location} does not exist`)
      if (databases.has(to)) throw new Error(`${to} exists`)
      databases.delete(location)
      databases.set(to, db)
      for (const path of notesOf(location)) {
        notes.set(to + path.slice(location.length), notes.get(path)!)
        notes.delete(path)
      }
    },

    // There are no files.
    async link() {},

    async note(path, text) {
      if (!notes.has(path)) notes.set(path, text)
    },

    readNote: async (path) => notes.get(path),

    async makeDirectory() {},

    async requireWritable() {},

    async list(directory) {
      return [...databases.keys()]
        .filter((location) => dirname(location) === directory)
        .map((location) => basename(location))
    },

    async measure(location) {
      const db = databases.get(location)
      if (db?.status !== 'open') return { files: 0, bytes: 0 }
      // All in one step, because the database may be closed at any await.
      const values = await db.values().all()
      const bytes = values.reduce((sum, value) => sum + value.length, 0)
      return { files: 0, bytes }
    },

    async makeOne() {},

    async openData(path) {
      throw Object.assign(new Error(`${path} does not exist`), { code: 'ENOENT' })
    },

    async openFile(path) {
      throw Object.assign(new Error(`${path} does not exist`), { code: 'ENOENT' })
    },

    async syncDirectory() {},

    freeBytes() {
      return this.freeBytesNow
    },
  }
}
