// The operator of the long load: runs the commands of upkeep on the node, one after the other in random order, and
// wants each to end well, whatever the clients do meanwhile.
import { join } from 'node:path'
import type { ChildNode } from '../../helpers/child-node.ts'
import { type Finished, run } from '../../helpers/process.ts'
import type { Random } from '../../helpers/random.ts'

/** Root keys that were added; each later one takes rows from all before it. */
const KEYS_MAX = 20

export class Upkeep {
  readonly #node: ChildNode
  readonly #random: Random
  readonly #counts = new Map<string, number>()
  #keys = 0
  /** What ended otherwise than it should. */
  readonly failures: string[] = []

  constructor(node: ChildNode, random: Random) {
    this.#node = node
    this.#random = random
  }

  /** How often each command was run. */
  get summary(): string {
    return Array.from(this.#counts, ([name, count]) => `${count} ${name}`).join(', ')
  }

  /** Runs commands until `ended`. */
  async run(ended: () => boolean): Promise<void> {
    const backup = join(this.#node.dir, 'catalog.backup')
    const tasks = [
      () => this.#expect(['status', '--json']),
      () => this.#expect(['scrub', '--rate', '100M', '--restart']),
      () => this.#expect(['reclaim', '--dead-share', '0.1']),
      () => this.#expect(['reload']),
      () => this.#expect(['rewrap', '--rate', '5000']),
      () => this.#expect(['key', 'list']),
      () => this.#replaceKey(),
      async () => {
        await this.#expect(['backup', backup])
        await this.#expect(['backup', '--verify', backup])
      },
    ]
    while (!ended()) await this.#random.pick(tasks)()
  }

  /** What a command of the stopped node says of what the load has left. */
  async prove(): Promise<Finished> {
    return await this.#command(['fsck', '--json'])
  }

  async #replaceKey(): Promise<void> {
    if (this.#keys === KEYS_MAX) return
    const id = `long${this.#keys++}`
    await this.#expect(['key', 'add', '--id', id])
    await this.#expect(['key', 'activate', id])
  }

  async #expect(args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.#command(args)
    const [name = ''] = args
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    if (code !== 0) this.failures.push(`coffer ${args.join(' ')}: ${code} ${stdout}${stderr}`)
  }

  #command(args: readonly string[]): Promise<Finished> {
    return run([...args, '--config', join(this.#node.dir, 'coffer.yaml')])
  }
}
