// The line of etc/redis/coffer.conf with a node's rights, with another password.
import { readFileSync } from 'node:fs'

export function coffersAcl(password: string): string {
  const file = new URL('../../etc/redis/coffer.conf', import.meta.url)
  const line = /^user coffer .*$/m.exec(readFileSync(file, 'utf8'))![0]
  return line.replace('>change-me', `>${password}`)
}
