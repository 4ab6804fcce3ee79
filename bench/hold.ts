// Loaded into the node under test with `--import`. It measures how long the thread is held at a stretch, as CPU
// time of the thread, so that other processes of the machine do not count. `begin` starts a measurement; `end`
// answers with the longest hold since then, in milliseconds.

let watching = false
let longestMicros = 0
let seenMicros = 0

const threadMicros = () => {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** Takes the time once in each turn of the event loop. Work between two such times cannot be interrupted. */
function look(): void {
  if (!watching) return
  const nowMicros = threadMicros()
  longestMicros = Math.max(longestMicros, nowMicros - seenMicros)
  seenMicros = nowMicros
  setImmediate(look)
}

process.on('message', (message) => {
  if (message === 'begin') {
    watching = true
    longestMicros = 0
    seenMicros = threadMicros()
    setImmediate(look)
    process.send?.('begun')
  } else if (message === 'end') {
    watching = false
    process.send?.(longestMicros / 1000)
  }
})
// The channel must not keep the process alive.
process.channel?.unref()
