// Gives a spent Buffer's memory back at once. V8 answers external memory with major collections, and a
// 64 KiB Buffer left to the collector costs more CPU than sealing it (D-BUFFERS: 9.1 → 4.1 CPU-s/GB of
// PUT). The rules, each of which was broken once in an experiment and lost bytes:
// - only the last owner releases, and only once nothing native can still read the memory;
// - never a buffer that an async native call (fs, zlib, a LevelDB `get` key) still holds;
// - a written buffer is released in the write's callback only; where none comes, leave it to the collector;
// - a decoder that keeps a remainder copies it first;
// - a detached Buffer does not throw, it is empty: sinks assert the length that they expect.

let poison = false

/** Tests: overwrite every buffer with 0xdd before it is released, so that a use after release shows. */
export function poisonReleased(on: boolean): void {
  poison = on
}

/** Detaches `buf` where it owns its whole ArrayBuffer; else (a pooled or sliced Buffer) does nothing. */
export function release(buf: Buffer): void {
  const memory = buf.buffer as ArrayBuffer
  if (buf.byteOffset !== 0 || memory.byteLength !== buf.byteLength || buf.byteLength === 0) return
  if (poison) buf.fill(0xdd)
  memory.transfer(0)
}
