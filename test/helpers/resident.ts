// The memory of a process, as the kernel counts it.
import { readFileSync } from 'node:fs'

function statusBytes(pid: number, field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )
  if (line === null) throw new Error(`no ${field} of process ${pid}`)
  return Number(line[1]) * 1024
}

/** Bytes in memory now. */
export const residentBytes = (pid: number) => statusBytes(pid, 'VmRSS')

/** The most bytes that the process ever had in memory. */
export const peakBytes = (pid: number) => statusBytes(pid, 'VmHWM')
