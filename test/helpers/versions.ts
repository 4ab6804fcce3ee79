// Requests that many tests of versions over S3 share.
import { type Answer, type SentRequest, startNode, type TestNode } from './node.ts'
import { element } from './s3.ts'

export type Status = 'Enabled' | 'Suspended'

export function versioningBody(inner: string): string {
  return `<VersioningConfiguration>${inner}</VersioningConfiguration>`
}

export async function setVersioning(node: TestNode, status: Status): Promise<void> {
  const body = versioningBody(`<Status>${status}</Status>`)
  const answer = await node.request('PUT', '/bucket?versioning', { body })
  if (answer.status !== 200) throw new Error(`versioning: ${answer.status} ${answer.text}`)
}

/** A node with a bucket `bucket` of that versioning status. */
export async function startVersioned(
  t: Parameters<typeof startNode>[0],
  status?: Status,
): Promise<TestNode> {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  if (status !== undefined) await setVersioning(node, status)
  return node
}

/** Writes an object, and returns its version's id. */
export async function putVersion(
  node: TestNode,
  path: string,
  body: string | Buffer,
  options: SentRequest = {},
): Promise<string> {
  const answer = await node.request('PUT', path, { ...options, body })
  if (answer.status !== 200) throw new Error(`put: ${answer.status} ${answer.text}`)
  return String(answer.headers['x-amz-version-id'])
}

export interface Listed {
  readonly kind: 'Version' | 'DeleteMarker'
  readonly key: string
  readonly id: string
  readonly latest: boolean
}

/** Versions and delete markers of a page, in its order. */
export function listedIn(page: Answer): Listed[] {
  const found = page.text.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/g)
  return Array.from(found, ([, kind, inner]) => {
    const text = (name: string) => element({ ...page, text: inner! }, name)!
    return {
      kind: kind as Listed['kind'],
      key: text('Key'),
      id: text('VersionId'),
      latest: text('IsLatest') === 'true',
    }
  })
}

/** All versions of the bucket, on one page. */
export async function listVersions(node: TestNode, query = ''): Promise<Listed[]> {
  return listedIn(await node.request('GET', `/bucket?versions${query}`))
}
