// Requests and readers of answers that many tests of the S3 dialect share.
import { createHash } from 'node:crypto'
import { type Answer, keyHeaders, type SentRequest, type TestNode } from './node.ts'

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
const plain = (text: string) =>
  text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name]!)

/** Text of the first element of that name; undefined where there is none. */
export function element(answer: Answer, name: string): string | undefined {
  const match = new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`).exec(answer.text)
  return match === null ? undefined : plain(match[1]!)
}

/** Texts of all elements of that name. */
export function elements(answer: Answer, name: string): string[] {
  const found = answer.text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))
  return Array.from(found, (match) => plain(match[1]!))
}

/** `403 AccessDenied`, or the status alone for an answer without an error document. */
export function outcome(answer: Answer): string {
  const code = answer.status >= 300 ? element(answer, 'Code') : undefined
  return code === undefined ? String(answer.status) : `${answer.status} ${code}`
}

export const md5 = (data: Buffer | string) => createHash('md5').update(data)
export const hexMd5 = (data: Buffer | string) => md5(data).digest('hex')

/** A customer key of 32 bytes that differs by its letter. */
export const customerKey = (letter: string) => Buffer.alloc(32, letter)

/** A request with a customer key, by default over TLS. */
export function withKey(key: Buffer, options: SentRequest = {}): SentRequest {
  return { tls: true, ...options, headers: { ...keyHeaders(key), ...options.headers } }
}

/** Creates an upload, and returns its id. */
export async function createUpload(
  node: Pick<TestNode, 'request'>,
  path: string,
  options: SentRequest = {},
): Promise<string> {
  const answer = await node.request('POST', `${path}?uploads`, options)
  const id = element(answer, 'UploadId')
  if (id === undefined) throw new Error(`no upload: ${outcome(answer)} ${answer.text}`)
  return id
}

/** Sends a part, and returns its ETag as received, with quotes. */
export async function putPart(
  node: Pick<TestNode, 'request'>,
  path: string,
  uploadId: string,
  part: number,
  options: SentRequest,
): Promise<string> {
  const query = `?partNumber=${part}&uploadId=${uploadId}`
  const answer = await node.request('PUT', path + query, options)
  if (answer.status !== 200) throw new Error(`part: ${outcome(answer)} ${answer.text}`)
  return answer.headers.etag!
}

/** The body of CompleteMultipartUpload. */
export function completeBody(parts: readonly (readonly [part: number, etag: string])[]): string {
  const list = parts.map(
    ([part, etag]) => `<Part><PartNumber>${part}</PartNumber><ETag>${etag}</ETag></Part>`,
  )
  return `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`
}
