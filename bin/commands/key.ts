// `coffer key`: adds, lists and activates root keys. Keys are never printed.
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { callControl } from '../../lib/control.ts'
import { isRootKeyId } from '../../lib/crypto/keyring.ts'
import { activateRootKey, addRootKey } from '../../lib/crypto/keyring-edit.ts'
import { columnsOf, isUnused, type KeyUse, noUse } from '../../lib/upkeep/hanging-rows.ts'
import { fileOf, type SourceOptions, shown, UsageRefused } from '../program.ts'
import { type Call, withUpkeep } from './upkeep.ts'

export interface KeyOptions extends SourceOptions {
  /** The file to change, where it is another than the node's. */
  readonly keyring?: string
}

export interface AddKeyOptions extends KeyOptions {
  readonly id?: string
}

/** Adds a random key. Rejects with UsageRefused, FileInvalid, ControlRefused. */
export async function add(options: AddKeyOptions): Promise<void> {
  if (options.id !== undefined && !isRootKeyId(options.id)) {
    throw new UsageRefused('an id has 1 to 64 of the characters A-Z a-z 0-9 . _ -')
  }
  const config = configOf(options)
  const file = options.keyring ?? config.keyring
  const id = addRootKey(file, options.id)
  process.stdout.write(
    `Added ${id} to ${shown(file)}. Nothing is under it yet: copy the file to a safe place, then\n` +
      `coffer key activate ${id}\n`,
  )
  await notifyNode(config, options)
}

/** Makes a key the one that wraps new body keys. Rejects with FileInvalid, ControlRefused. */
export async function activate(id: string, options: KeyOptions): Promise<void> {
  const config = configOf(options)
  const file = options.keyring ?? config.keyring
  activateRootKey(file, id)
  process.stdout.write(`${id} is the active key in ${shown(file)}.\n`)
  await notifyNode(config, options)
  process.stdout.write('What older keys have wrapped stays under them until coffer rewrap.\n')
}

/** Prints a line for each key: its id, whether it is active, and the rows of each kind under it. Rejects
 * with FileInvalid. */
export async function list(options: SourceOptions): Promise<void> {
  await withUpkeep(configOf(options), printKeys)
}

/** Prints the keys of a node. A key that its keyring lacks makes the exit code 1. */
export async function printKeys(call: Call): Promise<void> {
  const { active, ids, uses } = (await call('keyring-uses')) as unknown as {
    active: string
    ids: string[]
    uses: Record<string, KeyUse>
  }
  const missing = Object.keys(uses).filter((id) => !ids.includes(id))
  for (const id of [...ids, ...missing]) {
    const use = Object.hasOwn(uses, id) ? uses[id]! : noUse()
    let state = isUnused(use) ? 'unused: backups may still need it' : 'in use'
    if (id === active) state = 'active'
    if (missing.includes(id)) state = 'MISSING: what is under it cannot be read'
    process.stdout.write(`${[id, ...columnsOf(use), state].join('\t')}\n`)
  }
  if (missing.length > 0) process.exitCode = 1
}

function configOf(options: SourceOptions): Config {
  return loadConfig({ file: fileOf(options), data: options.data })
}

async function notifyNode(config: Config, { keyring }: KeyOptions): Promise<void> {
  if (keyring !== undefined && keyring !== config.keyring) {
    process.stdout.write(
      `A node that reads ${shown(config.keyring)} learns of it when that file is renewed: under systemd,\n` +
        'systemctl restart coffer.\n',
    )
    return
  }
  const answer = await callControl(config.data, 'keyring-reload', {})
  process.stdout.write(
    answer === null
      ? 'No node runs on this data.\n'
      : `The running node has read the file; its active key is ${answer.active}.\n`,
  )
}
