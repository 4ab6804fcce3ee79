// Does the same with each of a list, a few at a time: a disk with hundreds of volumes opens them in little more
// than the time of one, and not all at once.

/** Rejects with the first error; what has begun by then goes on. */
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
