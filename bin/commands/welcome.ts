// What a start prints: where it listens, and the first time also lines to paste.
import { join } from 'node:path'
import type { Config } from '../../lib/config.ts'
import type { Secrets } from '../../lib/users-file.ts'
import type { Servers } from '../../middleware/server.ts'
import { shown } from '../program.ts'

/** The text for standard output. `user` is the one that this start has made, if it has. */
export function welcome(
  config: Config,
  { addresses, opsAddresses }: Pick<Servers, 'addresses' | 'opsAddresses'>,
  user: Secrets | null,
): string {
  const objects = addresses.length === 0 ? '' : `coffer serves on ${addresses.join(' and ')}\n`
  const ops =
    opsAddresses.length === 0 ? '' : `Metrics and health on ${opsAddresses.join(' and ')}\n`
  const listening = objects + ops
  if (user === null) return listening
  const data = shown(config.data)
  // A service's output is a log, and a log must never hold a secret (systemd.exec(5), $JOURNAL_STREAM).
  if (process.env.JOURNAL_STREAM !== undefined) {
    return `${listening}First start: the secrets of main:admin are in ${data}/users.yaml\n`
  }
  return `${listening}\n${toPaste(config, addresses, user, data)}\n`
}

function toPaste(
  config: Config,
  addresses: readonly string[],
  user: Secrets,
  data: string,
): string {
  const plain = addresses.find((address) => address.startsWith('http://')) ?? addresses[0]
  const secure = addresses.find((address) => address.startsWith('https://'))
  const own = config.listen.find((listener) => listener.tls === 'auto')
  const trust = own === undefined ? '' : ` --ca-bundle ${join(data, 'tls', 'cert.pem')}`
  const endpoint = `--endpoint-url ${plain}`
  const overTls = `--endpoint-url ${secure ?? plain}${secure === undefined ? '' : trust}`
  const key = '--sse-c AES256 --sse-c-key fileb://my.key'
  return `First start: ${data} now has a keyring, a certificate and the user main:admin, whose secrets are
shown this once (and kept in ${data}/users.yaml). To try it, paste:

  export AWS_ACCESS_KEY_ID=${user.access}
  export AWS_SECRET_ACCESS_KEY=${user.secret}
  export AWS_DEFAULT_REGION=${config.region}
  export ST_AUTH=${plain}/auth/v1.0
  export ST_USER=main:admin
  export ST_KEY=${user.password}
  aws ${endpoint} s3 mb s3://first
  aws ${endpoint} s3 cp README.md s3://first/

  # under a key that only you hold (SSE-C)
  openssl rand -out my.key 32
  aws ${overTls} s3 cp README.md s3://first/sealed ${key}
  aws ${overTls} s3 cp s3://first/sealed - ${key}

  # the same bucket with curl
  curl --aws-sigv4 aws:amz:${config.region}:s3 \\
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \\
    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" ${plain}/first

  # the same objects through Swift, and the sealed one with the same key
  swift list first
  swift download first sealed -o - \\
    -H 'X-Object-Encryption-Customer-Algorithm: AES256' \\
    -H "X-Object-Encryption-Customer-Key: $(base64 -w0 my.key)"
`
}
