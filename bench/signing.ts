// Presigned URLs (SigV4 in the query) for every request of the bench. Signing then costs the load nothing, and
// its verification costs the server what it costs there.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
import { createHash, createHmac, hash } from 'node:crypto'

/** The one user of the nodes under test. */
export const credentials = {
  access: 'bench',
  secret: 'bench secret',
  region: 'us-east-1',
  password: 'bench password',
}

const EXPIRES_SECONDS = 86_400

export interface Signable {
  readonly method: string
  /** `http://host:port`, as in the request's Host. */
  readonly origin: string
  /** The path, encoded as AWS requires. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Headers of the request, names in lower case. Those that begin with `x-amz-` are signed. */
  readonly headers?: Readonly<Record<string, string>>
}

const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest()

const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** The key that signs the requests of one day. */
export function signingKey(date: string): Buffer {
  const { secret, region } = credentials
  return [date, region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, text) => hmac(key, text),
    Buffer.from(`AWS4${secret}`),
  )
}

/** Path and query of the signed request. */
export function presign({ method, origin, path, query = {}, headers = {} }: Signable): string {
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const date = timestamp.slice(0, 8)
  const scope = `${date}/${credentials.region}/s3/aws4_request`
  const signed = Object.entries({ ...headers, host: new URL(origin).host })
    .filter(([name]) => name === 'host' || name.startsWith('x-amz-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const names = signed.map(([name]) => name).join(';')
  const parameters = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.access}/${scope}`,
    'X-Amz-Date': timestamp,
    'X-Amz-Expires': String(EXPIRES_SECONDS),
    'X-Amz-SignedHeaders': names,
  }
  const canonicalQuery = Object.entries(parameters)
    .map(([name, value]) => [encode(name), encode(value)] as const)
    // By name, and not by the pair: `p1=` comes before `p10=`.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&')
  const lines = signed.map(([name, value]) => `${name}:${value}\n`).join('')
  const canonical = `${method}\n${path}\n${canonicalQuery}\n${lines}\n${names}\nUNSIGNED-PAYLOAD`
  const toSign = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${hash('sha256', canonical)}`
  const signature = hmac(signingKey(date), toSign).toString('hex')
  return `${path}?${canonicalQuery}&X-Amz-Signature=${signature}`
}

/** The three headers of a customer key. `role` says whether it is the object's key or that of a copy source. */
export function keyHeaders(key: Buffer, role: 'own' | 'source' = 'own'): Record<string, string> {
  const prefix = role === 'own' ? 'x-amz-' : 'x-amz-copy-source-'
  const name = `${prefix}server-side-encryption-customer`
  return {
    [`${name}-algorithm`]: 'AES256',
    [`${name}-key`]: key.toString('base64'),
    [`${name}-key-md5`]: createHash('md5').update(key).digest('base64'),
  }
}

/** The same key in Swift's headers. */
export function swiftKeyHeaders(key: Buffer): Record<string, string> {
  const name = 'x-object-encryption-customer'
  return {
    [`${name}-algorithm`]: 'AES256',
    [`${name}-key`]: key.toString('base64'),
    [`${name}-key-md5`]: createHash('md5').update(key).digest('base64'),
  }
}
