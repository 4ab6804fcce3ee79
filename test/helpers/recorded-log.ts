// A log that keeps its lines, for tests of what is logged and of what must not be.
import { Writable } from 'node:stream'
import type { Logger } from 'pino'
import { makeLog } from '../../lib/log.ts'

export interface RecordedLog {
  readonly log: Logger
  /** All lines so far. */
  text(): string
  lines(): { readonly level: string; readonly msg: string; readonly [name: string]: unknown }[]
}

export function recordedLog(): RecordedLog {
  const chunks: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk))
      done()
    },
  })
  const text = () => chunks.join('')
  const lines = () =>
    text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  return { log: makeLog('debug', sink), text, lines }
}
