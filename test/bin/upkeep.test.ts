// What a node does for `coffer key` and `coffer rewrap` when its keyring's file is changed at the wrong moment:
// no key is given up that something lies under, or will.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { makeUpkeep } from '../../bin/commands/upkeep.ts'
import type { Catalog } from '../../lib/catalog/catalog.ts'
import { openCoffer } from '../../lib/coffer.ts'
import { defaultConfig } from '../../lib/config/config.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { replaceableKeyring } from '../../lib/crypto/keyring-edit.ts'
import { CofferError } from '../../lib/errors.ts'
import { scratch } from '../helpers/process.ts'
import { admin, sourceOf } from '../helpers/service.ts'

const keys: Readonly<Record<string, string>> = Object.fromEntries(
  [1, 2, 3].map((n) => [`k${n}`, Buffer.alloc(32, n).toString('base64')]),
)

/** A node with one object and one unfinished upload under k1, and the file of its keyring. */
async function site(t: Test) {
  const data = scratch(t)
  const base = defaultConfig()
  const storage = { ...base.storage, reserveBytes: 0, writeBufferBytes: 4 << 20 }
  const keyringFile = join(data, 'keyring')
  const config = { ...base, data, devices: [join(data, 'v')], storage, keyring: keyringFile }
  const ring = (active: string, ids: readonly string[]) => {
    const some = Object.fromEntries(ids.map((id) => [id, keys[id]]))
    writeFileSync(keyringFile, stringify({ version: 1, active, keys: some }), { mode: 0o600 })
  }
  ring('k1', ['k1', 'k2', 'k3'])
  const keyring = replaceableKeyring(openKeyring(keyringFile, { create: false }))
  const coffer = await openCoffer({ config, keyring, log: pino({ level: 'silent' }) })
  const { service, rootCipher: cipher } = coffer
  await service.createContainer(admin, { account: 'test', container: 'c' }, { indexed: false })
  const refOf = (object: string) => ({ account: 'test', container: 'c', object })
  const options = { cipher, headers: {}, metadata: {} }
  await service.put(admin, refOf('whole'), { ...options, source: sourceOf('whole body') })
  const { uploadId } = await service.createUpload(admin, refOf('parts'), options)
  const source = sourceOf('a part')
  const part = await service.putPart(admin, refOf('parts'), uploadId, 1, { cipher, source })
  const gate: { wait?: Promise<void> } = {}
  const { catalog } = coffer.stores
  /** What the handlers scan, as the first words of keys. `before` is awaited before each. */
  const scans: { seen: string[]; before?: (() => Promise<unknown>) | undefined } = { seen: [] }
  // Commits of what the handlers do wait at the gate.
  const slow: Catalog = {
    id: catalog.id,
    commitNumber: catalog.commitNumber,
    impaired: null,
    get: (key) => catalog.get(key),
    getMany: (all) => catalog.getMany(all),
    getCounters: (key) => catalog.getCounters(key),
    async scan(range) {
      await scans.before?.()
      scans.seen.push(range.from.split('/')[0]!)
      return await catalog.scan(range)
    },
    snapshot: () => catalog.snapshot(),
    advance: (number) => catalog.advance(number),
    close: () => catalog.close(),
    async commit(commit) {
      await gate.wait
      await catalog.commit(commit)
    },
  }
  const upkeep = makeUpkeep(config, () => ({ catalog: slow, keyring }))
  t.teardown(async () => {
    await upkeep.close()
    await coffer.close()
  })
  const ask = async (verb: string, args: object = {}) =>
    (await upkeep.handlers[verb]!(args)) as Record<string, unknown>
  const read = async (object: string) => {
    const reader = await service.get(admin, refOf(object), { cipher })
    const pieces: Buffer[] = []
    for (let piece = await reader.read(); piece; piece = await reader.read()) {
      pieces.push(Buffer.from(piece))
    }
    reader.close()
    return Buffer.concat(pieces).toString()
  }
  const complete = () =>
    service.completeUpload(admin, refOf('parts'), uploadId, {
      parts: [{ part: 1, etag: part.etag }],
    })
  const rewrapped = async () => {
    while ((await ask('rewrap-status')).running === true) await sleep(5)
  }
  return { ring, keyring, keyringFile, ask, read, complete, gate, rewrapped, scans, coffer, refOf }
}

t.test('the key of a rewrap stays, though nothing is under it yet', async (t) => {
  const { ring, ask, gate, rewrapped, read, complete, keyring } = await site(t)
  ring('k2', ['k1', 'k2', 'k3'])
  await ask('keyring-reload')
  let open = () => {}
  gate.wait = new Promise<void>((resolve) => {
    open = resolve
  })
  await ask('rewrap-start', { rowsPerSecond: 1000 })
  ring('k3', ['k1', 'k2', 'k3'])
  await ask('keyring-reload')
  ring('k3', ['k1', 'k3'])
  await t.rejects(ask('keyring-reload'), /a rewrap under the key k2 is under way, and it is gone/)
  t.same([...keyring.ids], ['k1', 'k2', 'k3'])
  open()
  await rewrapped()
  t.match(await ask('keyring-uses'), { active: 'k3', uses: { k2: { versions: 1, uploads: 1 } } })
  await t.rejects(ask('keyring-reload'), {
    message:
      /key k2 is gone from the file, and 1 version, 1 upload, 1 container, 1 bucket and 1 account would be lost/,
  })
  ring('k3', ['k2', 'k3'])
  await ask('keyring-reload')
  t.equal(await read('whole'), 'whole body')
  await complete()
  t.equal(await read('parts'), 'a part')
})

t.test('an upload that was begun under a key keeps it until it was rewrapped', async (t) => {
  const { ring, ask, rewrapped, read, complete } = await site(t)
  ring('k2', ['k1', 'k2'])
  await ask('keyring-reload')
  ring('k2', ['k2'])
  await t.rejects(ask('keyring-reload'), {
    message:
      /key k1 is gone from the file, and 1 version, 1 upload, 1 container, 1 bucket and 1 account would be lost/,
  })
  await ask('rewrap-start', { rowsPerSecond: 1000 })
  await rewrapped()
  await ask('keyring-reload')
  await complete()
  t.equal(await read('parts'), 'a part')
  t.equal(await read('whole'), 'whole body')
})

t.test('a file that is empty, cut or another one is not taken over', async (t) => {
  const { ring, ask, keyring, keyringFile, read } = await site(t)
  const whole = readFileSync(keyringFile, 'utf8')
  for (const text of ['', '\n', 'version: 1\n', whole.slice(0, whole.length / 2), '{}', 'keys']) {
    writeFileSync(keyringFile, text)
    const error = (await ask('keyring-reload').catch((error) => error)) as Error
    t.equal(error.name, 'FileInvalid', JSON.stringify(text))
    for (const key of Object.values(keys)) t.notOk(error.message.includes(key))
  }
  const other = Buffer.alloc(32, 9).toString('base64')
  writeFileSync(keyringFile, stringify({ version: 1, active: 'k1', keys: { k1: other } }))
  await t.rejects(ask('keyring-reload'), /the key k1 is another one now/)
  ring('k2', ['k2'])
  await t.rejects(ask('keyring-reload'), /the key k1 is active and gone from the file/)
  t.same([...keyring.ids], ['k1', 'k2', 'k3'])
  t.equal(await read('whole'), 'whole body')
})

t.test('an upload that is completed while rows are counted is not missed', async (t) => {
  const { ring, ask, complete, read, scans, coffer, refOf } = await site(t)
  await coffer.service.delete(admin, refOf('whole'), { promote: true })
  ring('k2', ['k1', 'k2', 'k3'])
  await ask('keyring-reload')
  ring('k2', ['k2', 'k3'])
  scans.before = async () => {
    // Uploads and versions are read one after the other. In between the upload becomes a version.
    if (scans.seen.length > 0) scans.before = undefined
    if (scans.seen.length > 0) await complete()
  }
  await t.rejects(ask('keyring-reload'), { message: /k1 is gone from the file, and 1 [uv]/ })
  t.equal(await read('parts'), 'a part')
})

t.test('what a rewrap finds first as an upload, then as a version, is wrapped', async (t) => {
  const { ring, ask, rewrapped, complete, read, scans, coffer, refOf } = await site(t)
  await coffer.service.delete(admin, refOf('whole'), { promote: true })
  ring('k2', ['k1', 'k2', 'k3'])
  await ask('keyring-reload')
  scans.before = async () => {
    if (scans.seen.length > 0) scans.before = undefined
    if (scans.seen.length > 0) await complete()
  }
  await ask('rewrap-start', { rowsPerSecond: 1e6 })
  await rewrapped()
  ring('k2', ['k2', 'k3'])
  await ask('keyring-reload')
  t.equal(await read('parts'), 'a part')
})

t.test('a key goes only once what was wrapped under it is committed', async (t) => {
  const { ring, ask, rewrapped, read, coffer, refOf } = await site(t)
  const { catalog } = coffer.stores
  const commit = catalog.commit.bind(catalog)
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  let isWaiting = () => {}
  const waiting = new Promise<void>((resolve) => {
    isWaiting = resolve
  })
  catalog.commit = async (one) => {
    if (one.put?.some(({ key }) => key.startsWith('version/test/c/slow'))) {
      isWaiting()
      await gate
    }
    await commit(one)
  }
  const source = sourceOf('slow body')
  const options = { cipher: coffer.rootCipher, headers: {}, metadata: {} }
  const written = coffer.service.put(admin, refOf('slow'), { ...options, source })
  await waiting
  catalog.commit = commit
  ring('k2', ['k1', 'k2', 'k3'])
  await ask('keyring-reload')
  await ask('rewrap-start', { rowsPerSecond: 1e6 })
  const ended = await Promise.race([rewrapped().then(() => true), sleep(300, false)])
  t.equal(ended, false, 'the rewrap waits')
  open()
  await written
  await rewrapped()
  ring('k2', ['k2', 'k3'])
  await ask('keyring-reload')
  t.equal(await read('slow'), 'slow body')
})

t.test('a key that a rewrap has emptied is taken out without a count', async (t) => {
  const { ring, ask, rewrapped, read, scans } = await site(t)
  ring('k2', ['k1', 'k2', 'k3'])
  await ask('keyring-reload')
  await ask('rewrap-start', { rowsPerSecond: 1e6 })
  await rewrapped()
  scans.seen.length = 0
  ring('k2', ['k2'])
  await ask('keyring-reload')
  t.same(scans.seen, [], 'one row says that nothing lies under k1 and k3')
  t.equal(await read('whole'), 'whole body')
  // A key that is active again may have rows again.
  ring('k1', ['k1', 'k2'])
  await ask('keyring-reload')
  ring('k2', ['k1', 'k2'])
  await ask('keyring-reload')
  ring('k2', ['k2'])
  await ask('keyring-reload')
  t.not(scans.seen.length, 0)
})

t.test('keys are counted where nothing can be written, as on a full disk', async (t) => {
  const { ask, coffer } = await site(t)
  const { catalog } = coffer.stores
  const commit = catalog.commit.bind(catalog)
  catalog.commit = async () => {
    throw new CofferError('StoreUnavailable')
  }
  t.match(await ask('keyring-uses'), { active: 'k1', uses: { k1: { versions: 1, uploads: 1 } } })
  catalog.commit = commit
})
