// Loaded into the node under test with `--import`: says how long the thread was held at a stretch, as CPU time of
// the thread alone, so that what else runs on the machine does not count. `begin` starts a watch, `end` answers
// with the longest hold since then, in milliseconds.

let watching = false
let longestMicros = 0
let seenMicros = 0

const threadMicros = () => {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** One look each turn of the event loop: what lies between two looks nobody could interrupt. */
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
// The channel alone keeps no process alive.
process.channel?.unref()
