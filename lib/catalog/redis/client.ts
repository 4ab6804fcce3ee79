// What the catalog uses of a Redis client: the part of ioredis that is the same for one server, for Sentinel
// and for Cluster. lib/catalog/redis.ts implements it.

/** One server, for commands about itself. */
export interface Server {
  call(command: string, ...args: string[]): Promise<unknown>
}

export interface Client extends Server {
  evalsha(sha: string, keys: number, ...args: (string | Buffer)[]): Promise<unknown>
  eval(text: string, keys: number, ...args: (string | Buffer)[]): Promise<unknown>
  /** The servers that take writes now: one, or a cluster's masters. */
  masters(): readonly Server[]
  onReady(listener: () => void): void
  /** `listener` is called for every connection that is lost or refused, with the error where there is one. */
  onLost(listener: (error?: Error) => void): void
  /** Connects, and connects again whenever the connection is lost. */
  start(): void
  /** Drops the connection and makes a new one, which may lead to another server. */
  reconnect(): void
  stop(): void
}
