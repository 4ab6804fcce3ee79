// Containers against accounts and the index of names, settings and unfinished uploads against containers, and the work
// that commits have left in the queue.

import type { Row } from '../catalog/catalog.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf, queuePrefix, rowKeys, splitNameAndId, uploadPrefix } from '../catalog/keys.ts'
import {
  bucketRow,
  type ContainerRow,
  containerRow,
  queueRow,
  type SettingKind,
  settingRow,
  uploadRow,
} from '../catalog/rows.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import { digestOfSetting } from '../service/settings.ts'
import type { BodyCheck } from './fsck-bodies.ts'
import { type Findings, type Sums, shown, unchanged } from './fsck-report.ts'

export interface ContainerCheck {
  readonly rows: RowSource
  readonly findings: Findings
  readonly sums: Sums
  readonly macs: RowMacs
}

/**
 * Checks that each container counts for its account, and that the index of S3 names leads to containers. A
 * container that is missing from the index is no damage: another account had its name when it was made, and it
 * never gets the name later.
 */
export async function checkContainers({ rows, findings, sums }: ContainerCheck): Promise<void> {
  for await (const { key } of rows.scan('container/', endOf('container/'))) {
    const [, account, container] = key.split('/') as [string, string, string]
    sums.add(rowKeys.accountUsage(account), 1, 0, 0)
    sums.add(rowKeys.containerUsage(account, container), 0, 0, 0)
    if ((await rows.get(rowKeys.account(account))) === undefined) {
      findings.add('account', `${shown(key)}: its account has no row`)
    }
  }
  for await (const row of rows.scan('bucket/', endOf('bucket/'))) {
    const container = row.key.slice('bucket/'.length)
    const { account } = bucketRow.decodeUnproven(row.value)
    const key = rowKeys.container(account, container)
    if ((await rows.get(key)) !== undefined) continue
    const expect = [unchanged(row.key, row), { key, revision: null }]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    findings.add('bucket', `${shown(row.key)}: ${account} has no such container`, repair)
  }
}

/**
 * Checks that each setting is of the container that is there, or of one that was deleted and that the sweep clears; and
 * that it is the one of which that container's row has the digest. A row that a container does not name is no setting.
 */
export async function checkSettings({ rows, findings, macs }: ContainerCheck): Promise<void> {
  const given = await queuedContainers(rows)
  for await (const row of rows.scan('setting/', endOf('setting/'))) {
    const [, account, container, kind] = row.key.split('/') as [string, string, string, SettingKind]
    const { containerId } = settingRow.decode(row.value)
    const key = rowKeys.container(account, container)
    const held = await rows.get(key)
    const read = held && containerRow.read(held, macs)
    // What somebody edited proves nothing against what it named before.
    if (read?.holds === false) continue
    const { id, settings } = read?.row ?? noContainer
    const isNamed = settings[kind] !== undefined
    if (id === containerId && isNamed) continue
    if (given.has(containerId)) continue
    const expect = [unchanged(row.key, row), unchanged(key, held)]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    const why =
      held === undefined
        ? 'its container is gone'
        : id === containerId
          ? 'its container’s row does not name it'
          : 'it is of an earlier container'
    findings.add('setting', `${shown(row.key)}: ${why}, and nobody will remove it`, repair)
  }
  for await (const held of rows.scan('container/', endOf('container/'))) {
    const { row } = containerRow.read(held, macs)
    const [, account, container] = held.key.split('/') as [string, string, string]
    for (const [kind, digest] of Object.entries(row.settings)) {
      const key = rowKeys.setting(account, container, kind)
      const stored = await rows.get(key)
      if (stored !== undefined && digestOfSetting(stored.value).equals(digest)) continue
      findings.add('setting', `${shown(key)}: it is not what its container’s row says of it`)
    }
  }
}

const noContainer: Pick<ContainerRow, 'id' | 'settings'> = { id: '', settings: {} }

/** Checks unfinished uploads, and keeps their bodies. */
export async function checkUploads(check: ContainerCheck, bodies: BodyCheck): Promise<void> {
  const { rows, findings } = check
  const uploads = new Set<string>()
  const given = await queuedContainers(rows)
  for await (const row of rows.scan('upload/', endOf('upload/'))) {
    const [, account, container] = row.key.split('/') as [string, string, string]
    const { name, id } = splitNameAndId(row.key.slice(uploadPrefix(account, container).length))
    const { body, versionId, containerId } = uploadRow.decodeUnproven(row.value)
    uploads.add(rowKeys.uploadParts(id))
    bodies.hold(body)
    const version = await rows.get(rowKeys.version(account, container, name, versionId))
    if (version !== undefined) {
      findings.add('upload', `${shown(row.key)}: its object is complete, and it is still there`)
    }
    const held = await rows.get(rowKeys.container(account, container))
    if (held !== undefined && containerRow.decodeUnproven(held.value).id === containerId) continue
    if (given.has(containerId)) continue
    const work = { kind: 'container', account, container, containerId } as const
    given.add(containerId)
    findings.add('upload', `${shown(row.key)}: its container is gone, and nobody will free it`, {
      what: 'queue the uploads for the sweep',
      expect: [unchanged(row.key, row)],
      queue: queueRow.encode({ work }),
    })
  }
  for await (const row of rows.scan('upload-parts/', endOf('upload-parts/'))) {
    if (uploads.has(row.key)) continue
    const expect = [unchanged(row.key, row)]
    const repair = { what: 'remove the row', expect, del: [row.key] }
    findings.add('upload', `${shown(row.key)}: there is no such upload`, repair)
  }
}

/** Ids of deleted containers whose settings and uploads the sweep will remove. */
async function queuedContainers(rows: RowSource): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const { work } of queued(rows)) {
    if (work.kind === 'container') ids.add(work.containerId)
  }
  return ids
}

/** Checks the queue, and passes the bodies in it to `bodies.queue`. */
export async function checkQueue(check: ContainerCheck, bodies: BodyCheck): Promise<void> {
  const { rows, findings } = check
  for await (const { row, work } of queued(rows)) {
    if (work.kind === 'container') continue
    bodies.queue(work.body)
    if (work.kind === 'body' && (await rows.get(rowKeys.body(work.body))) !== undefined) {
      findings.add('queue', `${shown(row.key)}: gives up body ${work.body}, which is referred to`)
    }
  }
}

async function* queued(rows: RowSource): AsyncGenerator<{ row: Row; work: Work }> {
  for await (const row of rows.scan(queuePrefix, endOf(queuePrefix))) {
    yield { row, work: queueRow.decode(row.value).work }
  }
}

type Work = ReturnType<typeof queueRow.decode>['work']
