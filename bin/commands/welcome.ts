// The output of a start: its addresses, and lines to paste for the operator of a new node.
import { join, resolve } from 'node:path'
import type { Secrets } from '../../lib/auth/users-file.ts'
import type { Config } from '../../lib/config/config.ts'
import type { Servers } from '../../middleware/servers.ts'
import { shown } from '../program.ts'

/** The text for standard output. */
export function welcome({
  addresses,
  opsAddresses,
  addressesOf,
}: Pick<Servers, 'addresses' | 'opsAddresses' | 'addressesOf'>): string {
  const lines: [what: string, at: readonly string[]][] = [
    ['coffer serves', addresses],
    ['Identity', addressesOf('identity')],
    ['Keys', addressesOf('keymanager')],
    ['Metrics and health', opsAddresses],
  ]
  return lines
    .filter(([, at]) => at.length > 0)
    .map(([what, at]) => `${what} on ${at.join(' and ')}\n`)
    .join('')
}

/** The address for examples that need no TLS. */
const plainOf = (addresses: readonly string[]) =>
  addresses.find((address) => address.startsWith('http://')) ?? addresses[0]

const secureOf = (addresses: readonly string[]) =>
  addresses.find((address) => address.startsWith('https://'))

/** The certificate that a node made for itself; undefined where it has others. */
function ownCertificate({ data, listen }: Config): string | undefined {
  const isOwn = listen.some(({ tls }) => tls === 'auto')
  return isOwn ? join(resolve(data), 'tls', 'cert.pem') : undefined
}

/** Shell lines that export the secrets of main:admin for aws and swift. `node`: its addresses, as far as they
 * are known. Swift uses TLS where there is any, because customer keys are accepted nowhere else. */
export function exportsOf(
  { access, secret, password }: Secrets,
  node?: { readonly addresses: readonly string[]; readonly config: Config },
): string[] {
  const where: string[] = []
  if (node !== undefined && node.addresses.length > 0) {
    const { addresses, config } = node
    const secure = secureOf(addresses)
    const certificate = secure === undefined ? undefined : ownCertificate(config)
    where.push(
      `export AWS_DEFAULT_REGION=${config.region}`,
      `export ST_AUTH=${secure ?? plainOf(addresses)}/auth/v1.0`,
    )
    if (certificate !== undefined) where.push(`export OS_CACERT='${certificate}'`)
  }
  return [
    `export AWS_ACCESS_KEY_ID=${access}`,
    `export AWS_SECRET_ACCESS_KEY=${secret}`,
    ...where,
    'export ST_USER=main:admin',
    `export ST_KEY=${password}`,
  ]
}

/**
 * Shell lines that try the node out, after the exports. They write into one directory, which the repository
 * ignores. The key is a file of their own, which they never overwrite. No lines where the node serves no
 * objects.
 */
export function toTry(config: Config, addresses: readonly string[]): string[] {
  if (addresses.length === 0) return []
  const plain = plainOf(addresses)
  const secure = secureOf(addresses)
  const own = config.listen.find((listener) => listener.tls === 'auto')
  const trust =
    own === undefined ? '' : ` --ca-bundle ${join(shown(config.data), 'tls', 'cert.pem')}`
  const endpoint = `--endpoint-url ${plain}`
  const overTls = `--endpoint-url ${secure ?? plain}${secure === undefined ? '' : trust}`
  const key = '--sse-c AES256 --sse-c-key fileb://try/welcome.key'
  return [
    'mkdir -p try && echo hello > try/hello',
    `aws ${endpoint} s3 mb s3://welcome`,
    `aws ${endpoint} s3 cp try/hello s3://welcome/`,
    '',
    '# under a key that only you hold (SSE-C)',
    '( umask 077; [ -e try/welcome.key ] || openssl rand -out try/welcome.key 32 )',
    `aws ${overTls} s3 cp try/hello s3://welcome/sealed ${key}`,
    `aws ${overTls} s3 cp s3://welcome/sealed - ${key}`,
    '',
    '# the same bucket with curl',
    `curl --aws-sigv4 aws:amz:${config.region}:s3 \\`,
    "  -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \\",
    `  --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" ${plain}/welcome`,
    '',
    '# the same objects through Swift, and the sealed one with the same key',
    'swift list welcome',
    'swift download welcome sealed -o - \\',
    "  -H 'X-Object-Encryption-Customer-Algorithm: AES256' \\",
    '  -H "X-Object-Encryption-Customer-Key: $(base64 -w0 try/welcome.key)"',
  ]
}
