// Child processes of the bench, with their figures from Linux: CPU seconds, memory, threads. Each measured
// program runs in a process of its own, so that its figures do not contain the load.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Scope } from './scope.ts'

/** /proc counts in hundredths of a second on every architecture (USER_HZ, time(7)). */
const TICKS_PER_SECOND = 100
/** A process that does not end within this time is killed. */
const STOP_TIMEOUT_MS = 20_000
/** LevelDB's compactions after the load count, but for no longer than this. */
const SETTLE_TIMEOUT_MS = 8_000
const SETTLE_STEP_MS = 150

const MIB_KIB = 1024

export interface MemoryMib {
  /** Anonymous memory: heaps, buffers, memtables. */
  readonly anon: number
  /** All resident pages, including LevelDB's mapped tables. */
  readonly resident: number
  /** The most pages that were ever resident. */
  readonly peak: number
}

/** User and system time in a stat file of /proc, in seconds. The file of a process counts all its threads. */
function secondsOf(stat: string): number {
  // The name in parentheses may contain any character, so that fields are counted behind it (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** A process under measurement. */
export class Child {
  readonly process: ChildProcess
  readonly pid: number

  constructor(scope: Scope, child: ChildProcess) {
    if (child.pid === undefined) throw new Error('a child process did not start')
    this.process = child
    this.pid = child.pid
    scope.defer(() => this.stop())
  }

  /** CPU seconds so far, of all threads, including those that have ended. */
  cpuSeconds(): number {
    return secondsOf(readFileSync(`/proc/${this.pid}/stat`, 'utf8'))
  }

  /** CPU seconds once the process is idle. (Compactions are a part of the price of a write.) */
  async settledCpuSeconds(): Promise<number> {
    const endMs = performance.now() + SETTLE_TIMEOUT_MS
    let before = this.cpuSeconds()
    for (;;) {
      await sleep(SETTLE_STEP_MS)
      const now = this.cpuSeconds()
      if (now - before <= 1 / TICKS_PER_SECOND || performance.now() > endMs) return now
      before = now
    }
  }

  /** CPU seconds by the thread's name, largest first. */
  threadSeconds(): [name: string, seconds: number][] {
    const sums = new Map<string, number>()
    for (const task of readdirSync(`/proc/${this.pid}/task`)) {
      const stat = readFileSync(`/proc/${this.pid}/task/${task}/stat`, 'utf8')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      sums.set(name, (sums.get(name) ?? 0) + secondsOf(stat))
    }
    return [...sums].sort((a, b) => b[1] - a[1])
  }

  memory(): MemoryMib {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const mib = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / MIB_KIB
    return { anon: mib('RssAnon'), resident: mib('VmRSS'), peak: mib('VmHWM') }
  }

  /** Ends the process, and kills it where it does not end. May be called more than once. */
  async stop(): Promise<void> {
    const { process: child } = this
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }
}

/** A program of the bench. It receives one message after the other, and sends an answer to each. */
export class Program extends Child {
  /** Starts `file`. `env` is added to the environment. */
  static start(scope: Scope, file: URL, env: Record<string, string> = {}): Program {
    const options = { env: { ...process.env, ...env }, serialization: 'advanced' as const }
    return new Program(scope, fork(fileURLToPath(file), [], options))
  }

  /** Sends a message, and returns the answer. Rejects where the program ends instead. */
  async ask<Answer>(message: object): Promise<Answer> {
    const ended = new AbortController()
    const { signal } = ended
    try {
      this.process.send(message)
      return await Promise.race([
        once(this.process, 'message', { signal }).then(([answer]) => answer as Answer),
        once(this.process, 'exit', { signal }).then(([code]) => {
          throw new Error(`a program of the bench ended with code ${code}`)
        }),
      ])
    } finally {
      ended.abort()
    }
  }
}

/** The program's side of `Program.ask`: answers each message, and ends with its parent. */
export function answerMessages<Message, Answer>(
  answer: (message: Message) => Promise<Answer> | Answer,
): void {
  process.on('disconnect', () => process.exit())
  process.on('message', async (message: Message) => {
    process.send?.(await answer(message))
  })
}
