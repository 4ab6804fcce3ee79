// `coffer backup`: writes the catalog of a node, running or not, to a file. The file holds neither volumes nor
// the keyring.
import { resolve } from 'node:path'
import { type BackupReport, verifyBackup, writeBackup } from '../../lib/catalog/backup.ts'
import type { BackupHeader } from '../../lib/catalog/backup-format.ts'
import { loadConfig } from '../../lib/config/config.ts'
import { fileOf, type SourceOptions, shown } from '../program.ts'
import { type Call, withBackup } from './upkeep.ts'

export interface BackupOptions extends SourceOptions {
  readonly verify?: boolean
}

/** Writes or verifies a backup. Rejects with FileInvalid, ControlRefused or the system's error; FILE is
 * unchanged then. */
export async function backup(file: string, options: BackupOptions): Promise<void> {
  const path = resolve(file)
  if (options.verify === true) {
    say('Read', file, await verifyBackup(path))
    return
  }
  const config = loadConfig({ file: fileOf(options), data: options.data })
  const done = await withBackup(config, async (call) => {
    const begun = (await call('backup-begin')) as unknown as BackupHeader & { id: string }
    try {
      return await writeBackup(path, { ...begun, pieces: () => piecesOf(call, begun.id) })
    } finally {
      // A node that has ended holds no snapshot any more.
      await call('backup-end', { id: begun.id }).catch(() => undefined)
    }
  })
  say('Wrote and read back', file, done)
  process.stdout.write(
    `It holds no keys and no volumes: keep copies of ${shown(config.keyring)} and of the devices apart.\n`,
  )
}

async function* piecesOf(call: Call, id: string) {
  let after = ''
  for (;;) {
    const page = await call('backup-page', { id, after })
    if (page.rows === 0) return
    after = page.after as string
    yield { bytes: Buffer.from(page.bytes as string, 'base64'), rows: page.rows as number }
  }
}

function say(done: string, file: string, report: BackupReport): void {
  const count = (n: number) => n.toLocaleString('en')
  const { catalogId, commitNumber, timeMicros, rows, bytes, digest } = report
  process.stdout.write(
    `${done} ${file}: catalog ${catalogId} at commit ${count(commitNumber)}, ` +
      `${new Date(timeMicros / 1000).toISOString()}\n` +
      `${count(rows)} rows, ${count(bytes)} bytes, SHA-256 ${digest}\n`,
  )
}
