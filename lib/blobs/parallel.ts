// Runs the same work over a list, a few items at a time. To open hundreds of volumes then takes little more
// than to open one, and they are not all opened at once.

/** Rejects with the first error. Work that has begun by then goes on. */
export async function forEach<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const next = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, next))
}
