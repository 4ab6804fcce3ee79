// Certificates of TLS listeners: the operator's own files, or for `tls: auto` a self-signed one for localhost,
// 127.0.0.1 and ::1 in data/tls. Clients trust the self-signed one only where they are configured to.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { FileInvalid, readText } from './file-invalid.ts'
import { makePrivateDirectory, writePrivately } from './private-file.ts'
import { readErrorOf, systemErrorOf } from './system-error.ts'

const DAY_MS = 86_400_000
/** Apple's TLS stack refuses server certificates that are valid for longer (support.apple.com/HT210176). */
const VALID_DAYS = 820
/** A start renews a certificate that ends within this time, so that it lasts for a usual uptime. */
const RENEW_DAYS = 30

export interface Certificate {
  /** The certificate in PEM. */
  readonly cert: string
  /** The private key in PEM. */
  readonly key: string
  /** Path of the certificate, for `--ca-bundle` of clients. */
  readonly file: string
}

/**
 * The certificate in `<data>/tls`. It is made where there is none, where it cannot be used, or where it ends
 * within 30 days of `now`. Rejects with the system's error where the directory cannot be written.
 */
export async function developmentCertificate(data: string, now = new Date()): Promise<Certificate> {
  const directory = join(data, 'tls')
  const file = join(directory, 'cert.pem')
  const kept = readKept(file, join(directory, 'key.pem'), now)
  if (kept !== undefined) return kept
  // To load the package takes a tenth of a start, and most starts have a certificate.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: 'coffer development' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() - DAY_MS),
    notAfterDate: new Date(now.getTime() + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  })
  makePrivateDirectory(directory)
  // The key is written first: a crash in between leaves a pair that does not match, and the next start replaces
  // it.
  writePrivately(join(directory, 'key.pem'), made.private)
  writePrivately(file, made.cert)
  return { cert: made.cert, key: made.private, file }
}

/**
 * The certificate and key of `tls: { cert, key }`. Throws FileInvalid where a file cannot be read or parsed,
 * the two do not belong together, or TLS refuses them (a short key, a broken chain).
 */
export function readCertificate(tls: { readonly cert: string; readonly key: string }): Certificate {
  const cert = parse(tls.cert, (text) => new X509Certificate(text))
  const key = parse(tls.key, (text) => createPrivateKey(text))
  if (!cert.parsed.checkPrivateKey(key.parsed)) {
    throw new FileInvalid([`${tls.key}: is not the private key of ${tls.cert}`])
  }
  try {
    createSecureContext({ cert: cert.text, key: key.text })
  } catch (error) {
    throw new FileInvalid([`${tls.cert}: cannot be used: ${(error as NodeJS.ErrnoException).code}`])
  }
  return { cert: cert.text, key: key.text, file: tls.cert }
}

function parse<T>(file: string, parser: (text: string) => T): { text: string; parsed: T } {
  try {
    const text = readText(file)
    return { text, parsed: parser(text) }
  } catch (error) {
    if (readErrorOf(error) !== undefined) throw error
    const code = systemErrorOf(error)?.code ?? (error as NodeJS.ErrnoException).code
    throw new FileInvalid([`${file}: cannot be used: ${code}`])
  }
}

/** The pair on disk, where both parse, belong together and are valid for long enough. Throws FileInvalid where
 * a file may not be read. */
function readKept(certFile: string, keyFile: string, now: Date): Certificate | undefined {
  try {
    const kept = readCertificate({ cert: certFile, key: keyFile })
    const ends = new X509Certificate(kept.cert).validToDate.getTime()
    return ends - now.getTime() > RENEW_DAYS * DAY_MS ? kept : undefined
  } catch (error) {
    // A file that this process may not read belongs to somebody, and must not be replaced.
    if (readErrorOf(error) !== undefined) throw error
    return undefined
  }
}
