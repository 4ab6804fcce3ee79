// Back pressure for the bench's own loads and servers, at the price of two listeners.
import type { EventEmitter } from 'node:events'

/** Resolves when the stream takes more, or is closed. */
export function drained(stream: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })
}
