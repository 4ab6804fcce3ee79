// What a volume takes on its disk. To look at every file of a hundred volumes takes seconds; nothing is written to a
// sealed one any more, so that it is looked at once. (LevelDB writes its own small files anew when it opens one.)
import type { Engine } from '../leveldb/engine.ts'

export interface DiskUse {
  readonly files: number
  readonly bytes: number
}

export class DiskSize {
  #known: DiskUse | undefined

  /** What `location` takes: looked at anew unless it is fixed and was looked at before. Rejects with the system's
   * error. */
  async look(engine: Engine, location: string, isFixed: boolean): Promise<DiskUse> {
    if (isFixed && this.#known !== undefined) return this.#known
    const found = await engine.measure(location)
    if (isFixed) this.#known = found
    return found
  }

  /** The volume lies elsewhere from now on, or may have changed. */
  forget(): void {
    this.#known = undefined
  }
}
