// How much of its disk a volume takes. To measure the files of a hundred volumes takes seconds. No record is
// added to a sealed volume any more, so that one measurement is enough. (LevelDB writes its own small files
// anew when it opens a volume; the difference does not matter.)
import type { Files } from '../files.ts'

export interface DiskUse {
  readonly files: number
  readonly bytes: number
}

export class DiskSize {
  #known: DiskUse | undefined

  /** The size of the files in `location`. `isFixed`: the first measurement is kept and returned by later
   * calls. Rejects with the system's error. */
  async look(files: Files, location: string, isFixed: boolean): Promise<DiskUse> {
    if (isFixed && this.#known !== undefined) return this.#known
    const found = await files.measure(location)
    if (isFixed) this.#known = found
    return found
  }

  /** Drops the kept measurement, because the volume has moved or may have changed. */
  forget(): void {
    this.#known = undefined
  }
}
