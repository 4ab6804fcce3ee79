// An engine whose calls fail where a test decides so.
import type { DataFile } from '../../lib/files.ts'
import type { Database, Engine, Keys, OpenOptions } from '../../lib/leveldb/engine.ts'

/** Each function is called before the engine's, with location or path. It throws to make the call fail. */
export interface Faults {
  open?: (location: string) => void
  put?: (location: string) => void | Promise<void>
  get?: (location: string) => void | Promise<void>
  close?: (location: string) => void | Promise<void>
  list?: (directory: string) => void
  syncDirectory?: (directory: string) => void
  requireWritable?: (directory: string) => void
  batch?: (location: string) => void | Promise<void>
  rename?: (location: string) => void | Promise<void>
  destroy?: (location: string) => void | Promise<void>
  makeOne?: (directory: string) => void
  openData?: (path: string) => void
  write?: (path: string) => void | Promise<void>
  readv?: (path: string) => void | Promise<void>
  datasync?: (path: string) => void | Promise<void>
}

/** `engine` with `faults`, which a test may change at any time. */
export function faultyEngine(engine: Engine, faults: Faults): Engine {
  return {
    ...engine,
    async open<E extends keyof Keys>(location: string, options: OpenOptions<E>) {
      faults.open?.(location)
      return faultyDatabase(await engine.open(location, options), location, faults)
    },
    async destroy(location) {
      await faults.destroy?.(location)
      await engine.destroy(location)
    },
    async rename(location, to) {
      await faults.rename?.(location)
      await engine.rename(location, to)
    },
    link: (location, to) => engine.link(location, to),
    note: (path, text) => engine.note(path, text),
    readNote: (path) => engine.readNote(path),
    makeDirectory: (directory) => engine.makeDirectory(directory),
    async requireWritable(directory) {
      faults.requireWritable?.(directory)
      await engine.requireWritable(directory)
    },
    async list(directory) {
      faults.list?.(directory)
      return engine.list(directory)
    },
    measure: (location) => engine.measure(location),
    openFile: (path) => engine.openFile(path),
    async makeOne(directory) {
      faults.makeOne?.(directory)
      await engine.makeOne(directory)
    },
    async openData(path, flags) {
      faults.openData?.(path)
      return faultyFile(await engine.openData(path, flags), path, faults)
    },
    async syncDirectory(directory) {
      faults.syncDirectory?.(directory)
      await engine.syncDirectory(directory)
    },
    freeBytes: (directory) => engine.freeBytes(directory),
  }
}

function faultyFile(file: DataFile, path: string, faults: Faults): DataFile {
  return new Proxy(file, {
    get(target, name) {
      const method = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]) => {
        await faults[name as 'write' | 'readv' | 'datasync']?.(path)
        return Reflect.apply(method, target, args)
      }
    },
  })
}

function faultyDatabase<K>(db: Database<K>, location: string, faults: Faults): Database<K> {
  return new Proxy(db, {
    get(target, name) {
      // `getMany` counts as a read, too.
      const fault = faults[(name === 'getMany' ? 'get' : name) as 'put' | 'batch' | 'get' | 'close']
      const method = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      if (fault === undefined) return method.bind(target)
      return async (...args: unknown[]) => {
        // Copies what the caller may reuse as soon as this call returns.
        const copies = args.map((arg) => (Buffer.isBuffer(arg) ? Buffer.from(arg) : arg))
        await fault(location)
        return method.apply(target, copies)
      }
    },
  })
}
