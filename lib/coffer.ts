// The composition root: opens the stores of the configuration, joins them into the service, and closes them in
// the right order. No other file chooses implementations.
import { mkdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import { PasswordChecks } from './auth/password-checks.ts'
import { makeTokens, type Tokens } from './auth/tokens.ts'
import { type ListedUsers, makeUsers } from './auth/users.ts'
import { openVolumes, type Volumes } from './blobs/volumes.ts'
import { Budget } from './budget.ts'
import type { Catalog } from './catalog/catalog.ts'
import { readRestored } from './catalog/restore-mark.ts'
import type { Config } from './config/config.ts'
import { type Cipher, type Keyring, rootCipher } from './crypto/cipher.ts'
import { lateCipher } from './crypto/late.ts'
import { listCipher } from './crypto/list-key.ts'
import { rowMacs } from './crypto/row-mac.ts'
import { secretCipher } from './crypto/sealed-secret.ts'
import { type Figures, gatherFigures } from './figures.ts'
import { openRegistry, type Registry } from './identity/registry.ts'
import { catalogRevocations } from './identity/revocations.ts'
import { classicEngine } from './leveldb/engine.ts'
import { openCatalog } from './open-catalog.ts'
import { BegunUploads } from './service/begun-uploads.ts'
import { Leases } from './service/leases.ts'
import { resolveBodies } from './service/resolvers.ts'
import { makeService } from './service/service.ts'
import type { Stores } from './service/stores.ts'
import type { Service } from './service/types.ts'
import { startDirectoryRefresh } from './upkeep/directory-refresh.ts'
import { startExpiry } from './upkeep/expiry.ts'
import { startRevocationExpiry } from './upkeep/old-revocations.ts'
import { startUploadExpiry } from './upkeep/old-uploads.ts'
import { volumesWithBlobs } from './upkeep/reclaim.ts'
import { type Reclaimer, startReclaimer } from './upkeep/reclaim-worker.ts'
import { startSweep } from './upkeep/sweep.ts'
import { UnprovenRows } from './upkeep/unproven-rows.ts'

export interface Coffer {
  readonly service: Service
  /** The stores below the service, for commands and tests. */
  readonly stores: Stores & { readonly blobs: Volumes }
  readonly reclaimer: Reclaimer
  readonly rootCipher: Cipher
  readonly tokens: Tokens
  /** Users of the file and of the catalog, and what changes the latter. */
  readonly registry: Registry
  /** The memory for answers on their way to clients, including records read ahead. */
  readonly answerMemory: Budget
  /** How often a row was met whose MAC does not hold. */
  unprovenReads(): number
  /** Null while writes are accepted, else why they are not. */
  impaired(): string | null
  /** The figures of the stores. Rejects with StoreCorrupt of the catalog. */
  figures(): Promise<Figures>
  /** Ends sweep, expiry and reclaim, and closes the stores. Every acknowledged write is durable before. */
  close(): Promise<void>
}

/** Catalog and volumes of a node. */
export interface OpenStores {
  readonly catalog: Catalog
  readonly blobs: Volumes
  /** Largest body that lies beside its row. */
  readonly smallBodyBytes: number
  /** The memory that readers take for records read ahead. */
  readonly answerMemory: Budget
  close(): Promise<void>
}

/** Opens the node's stores. Rejects where one cannot be opened; nothing stays open then. */
export async function openCoffer(options: {
  readonly config: Config
  readonly keyring: Keyring
  readonly log: Logger
  /** Users of users.yaml; absent: none. `checks` are theirs. */
  readonly file?: { readonly users: ListedUsers; readonly checks: PasswordChecks }
}): Promise<Coffer> {
  const { config, keyring, log, file = nobody() } = options
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  const opened = await openStores(config, log)
  const { catalog, blobs } = opened
  const { resellers, tokenSeconds } = config.swift
  const tokens = makeTokens(keyring, catalogRevocations(catalog), {
    prefix: resellers[0]!.prefix,
    lifeSeconds: tokenSeconds,
  })
  const unproven = new UnprovenRows(log)
  const macs = rowMacs(keyring, catalog.id, (key) => unproven.note(key))
  const registry = await openUsers(opened, { cipher: secretCipher(keyring), macs }, file, log)
  const joined = joinStores(opened, registry, config, keyring, log)
  const { data, devices } = config
  const { reclaimer } = joined
  const unprovenReads = () => unproven.reads
  const figures = () => gatherFigures({ catalog, blobs, reclaimer, unprovenReads, devices, data })
  return { ...joined, unprovenReads, tokens, registry, figures }
}

function nobody() {
  const checks = new PasswordChecks()
  return { users: makeUsers({ accounts: [] }, checks), checks }
}

/** Reads the users of the catalog. Where that fails nothing stays open. */
async function openUsers(
  { catalog, close }: OpenStores,
  ciphers: Pick<Registry, 'cipher' | 'macs'>,
  { users, checks }: { readonly users: ListedUsers; readonly checks: PasswordChecks },
  log: Logger,
): Promise<Registry> {
  const damaged = (key: string) => log.error({ key }, 'a row of a user or project cannot be read')
  try {
    return await openRegistry(catalog, ciphers, users, checks, damaged)
  } catch (error) {
    await close()
    throw error
  }
}

/** Opens catalog and volumes only, for commands that run in the place of the node. Rejects as `openCoffer`
 * does. */
export async function openStores(config: Config, log: Logger): Promise<OpenStores> {
  const opened = await openCatalog(config, log)
  const { catalog, smallBodyBytes } = opened
  const answerMemory = new Budget(config.limits.answerBytes)
  try {
    const blobs = await openVolumes({
      engine: classicEngine,
      devices: config.devices,
      knownVolumes: () => volumesWithBlobs(catalog),
      catalogId: catalog.id,
      catalogRestored: (await readRestored(catalog)) !== null,
      commitNumber: () => catalog.commitNumber,
      ...config.storage,
      readAhead: answerMemory,
      log,
    })
    const close = async () => {
      await blobs.close()
      await opened.close()
    }
    return { catalog, blobs, smallBodyBytes, answerMemory, close }
  } catch (error) {
    await opened.close()
    throw error
  }
}

function joinStores(
  { catalog, blobs, smallBodyBytes, answerMemory, close }: OpenStores,
  { directory, macs }: Registry,
  config: Config,
  keyring: Keyring,
  log: Logger,
): Omit<Coffer, 'tokens' | 'registry' | 'figures' | 'unprovenReads'> {
  const queued = () => sweep.wake()
  const { begunUploadsPerUser, begunUploadSeconds } = config.limits
  const begun = new BegunUploads(catalog, begunUploadsPerUser)
  const leases = new Leases(queued)
  const keys = {
    rootCipher: rootCipher(keyring),
    late: lateCipher(keyring),
    lists: listCipher(keyring),
    macs,
  }
  const { operatorRoles } = config.identity
  const resolve = resolveBodies(() => stores)
  const parts = { catalog, blobs, smallBodyBytes, leases, begun, resolve, queued }
  const stores: Coffer['stores'] = { ...parts, ...keys, operatorRoles }
  const sweep = startSweep(stores, (error) => log.error({ err: error }, 'sweep failed'))
  const expiry = startExpiry(stores, (error) => log.error({ err: error }, 'expiry failed'))
  const oldUploads = startUploadExpiry(stores, begunUploadSeconds, (error) =>
    log.error({ err: error }, 'an old upload could not be aborted'),
  )
  const refresh = startDirectoryRefresh(directory, (error) =>
    log.error({ err: error }, 'users that another node changed could not be read'),
  )
  const oldRevocations = startRevocationExpiry(catalog, (error) =>
    log.error({ err: error }, 'an old revocation could not be removed'),
  )
  const reclaimer = startReclaimer(stores, config.storage.reclaim, log)
  return {
    service: makeService(stores),
    stores,
    reclaimer,
    rootCipher: keys.rootCipher,
    answerMemory,
    impaired: () => catalog.impaired ?? blobs.impaired,
    close: async () => {
      await reclaimer.close()
      await refresh.close()
      await oldRevocations.close()
      await expiry.close()
      await oldUploads.close()
      await sweep.close()
      await close()
    },
  }
}
