// The composition root: opens the stores that the configuration names, joins them into the service, and
// closes them again in the right order. The only place that picks implementations.
import { mkdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import { makeTokens, type Tokens } from './auth/tokens.ts'
import type { BlobStore } from './blobs/store.ts'
import { openVolumes } from './blobs/volumes.ts'
import type { Config } from './config.ts'
import { type Cipher, type Keyring, rootCipher } from './crypto/cipher.ts'
import { classicEngine } from './level.ts'
import { type OpenCatalog, openCatalog } from './open-catalog.ts'
import { startExpiry } from './service/expiry.ts'
import { Leases } from './service/leases.ts'
import { makeService } from './service/service.ts'
import type { Stores } from './service/stores.ts'
import { startSweep } from './service/sweep.ts'
import type { Service } from './service/types.ts'

export interface Coffer {
  readonly service: Service
  /** What lies below the service, for tools and tests. */
  readonly stores: Stores
  readonly rootCipher: Cipher
  readonly tokens: Tokens
  /** Null when writes are accepted, else why not. */
  impaired(): string | null
  /** Ends sweep and expiry and closes the stores; every acknowledged write is durable already. */
  close(): Promise<void>
}

/** Opens the node's stores. Throws where a store cannot be opened; then nothing stays open. */
export async function openCoffer(options: {
  readonly config: Config
  readonly keyring: Keyring
  readonly log: Logger
}): Promise<Coffer> {
  const { config, keyring, log } = options
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  const opened = await openCatalog(config, log)
  const { catalog } = opened
  const blobs = await openVolumes({
    engine: classicEngine,
    devices: config.devices,
    catalogId: catalog.id,
    commitNumber: () => catalog.commitNumber,
    ...config.storage,
    log,
  }).catch(async (error) => {
    await opened.close()
    throw error
  })
  const { resellers, tokenSeconds } = config.swift
  const tokens = makeTokens(keyring, { prefix: resellers[0]!.prefix, lifeSeconds: tokenSeconds })
  return { ...joinStores(opened, blobs, keyring, log), tokens }
}

function joinStores(
  { catalog, smallBodyBytes, close }: OpenCatalog,
  blobs: BlobStore,
  keyring: Keyring,
  log: Logger,
): Omit<Coffer, 'tokens'> {
  const queued = () => sweep.wake()
  const leases = new Leases(queued)
  const stores: Stores = { catalog, blobs, smallBodyBytes, leases, queued }
  const sweep = startSweep(stores, (error) => log.error({ err: error }, 'sweep failed'))
  const expiry = startExpiry(stores, (error) => log.error({ err: error }, 'expiry failed'))
  return {
    service: makeService(stores),
    stores,
    rootCipher: rootCipher(keyring),
    impaired: () => catalog.impaired ?? blobs.impaired,
    close: async () => {
      await expiry.close()
      await sweep.close()
      await blobs.close()
      await close()
    },
  }
}
