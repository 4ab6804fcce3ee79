// The unix socket `control.sock` in the data directory: the lock of the one coffer that runs on it, and
// the channel through which the command line talks to it. The kernel releases the lock when its holder
// dies, unlike LevelDB's LOCK, which is lost as soon as any descriptor on it closes (D-SOCKET).
// Requests and answers are lines of JSON: {"verb", "args"} in, {"answer"} or {"error"} out.
import { closeSync, constants, fchownSync, lstatSync, openSync, statSync } from 'node:fs'
import { chmod, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

const SOCKET_NAME = 'control.sock'
const LOCK_NAME = 'start.lock'
/** https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5
/** Greatest length of sun_path in Linux (unix(7)), less its final zero byte. */
const SOCKET_PATH_BYTES_MAX = 107
const REQUEST_CHARS_MAX = 65536
const STARTING_TRIES_MAX = 100
const STARTING_PAUSE_MS = 50

/** Another process has the data directory. */
export class DataDirectoryInUse extends Error {
  constructor(dataDir: string) {
    super(`another coffer runs on this data directory: ${resolve(dataDir)}`)
    this.name = 'DataDirectoryInUse'
  }
}

/** The handler of a verb threw, or there is no such verb. `message` is the handler's. */
export class ControlRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ControlRefused'
  }
}

/** The handlers of a running coffer, by verb. An answer is an object that survives JSON. */
export type ControlHandlers = Readonly<Record<string, (args: unknown) => Promise<object>>>

export type Answer = Record<string, unknown>

/** A path of the socket that is short enough for the kernel, however long the directory's own path is. */
interface Address {
  readonly path: string
  /** Call when the socket is no longer used by this path. */
  release(): void
}

function addressOf(dataDir: string): Address {
  const path = join(resolve(dataDir), SOCKET_NAME)
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return { path, release() {} }
  // Through an open descriptor of its directory the socket has a short path (proc(5)).
  const directory = openSync(dataDir, constants.O_RDONLY | constants.O_DIRECTORY)
  return {
    path: `/proc/self/fd/${directory}/${SOCKET_NAME}`,
    release: () => closeSync(directory),
  }
}

/** Connects. Null where no process listens. Rejects with any other error of the system. */
function dial(path: string): Promise<Socket | null> {
  return new Promise((settle, reject) => {
    const socket = connect(path)
    socket.once('connect', () => settle(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') settle(null)
      else reject(error)
    })
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((settle, reject) => {
    server.once('error', reject)
    server.listen({ path }, settle)
  })
}

/**
 * Lets one process at a time check the socket, remove a stale one and bind its own. Of two that start together
 * both would otherwise find the socket stale, and the second would remove the first one's new socket. The guard
 * is SQLite's lock on an empty file. A process that may not open the file cannot take the lock, and the kernel
 * releases it when its holder dies. Node has no other file lock (fcntl(2)). Nothing is written to the file.
 */
async function guardStart(dataDir: string): Promise<{ close(): void }> {
  const path = join(resolve(dataDir), LOCK_NAME)
  makeLockFile(path)
  for (let tries = 1; ; tries++) {
    const guard = new DatabaseSync(path, { timeout: 0 })
    try {
      // With a journal in memory the lock leaves no second file behind.
      guard.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
      return guard
    } catch (error) {
      guard.close()
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
      if (tries === STARTING_TRIES_MAX) throw new DataDirectoryInUse(dataDir)
      await sleep(STARTING_PAUSE_MS)
    }
  }
}

/** Makes the file where it is missing, for the directory's owner only, also when root runs a command. An
 * existing file is not opened: to close it would release the lock that this process may hold on it. */
function makeLockFile(path: string): void {
  const { uid, gid } = statSync(dirname(path))
  let made: number
  try {
    made = openSync(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return
  }
  try {
    if (process.getuid?.() === 0) fchownSync(made, uid, gid)
  } finally {
    closeSync(made)
  }
}

const closeServer = (server: Server) => new Promise<void>((settle) => server.close(() => settle()))

const tooLong = () => new ControlRefused('the request is too long')

/** Reads lines from `socket`, one after the other. Throws at the first that is too long. */
async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let rest = ''
  socket.setEncoding('utf8')
  // The socket must stay open for the answer after the last line.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    rest += chunk
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      if (end > REQUEST_CHARS_MAX) throw tooLong()
      yield rest.slice(0, end)
      rest = rest.slice(end + 1)
    }
    if (rest.length > REQUEST_CHARS_MAX) throw tooLong()
  }
}

async function answer(line: string, handlers: ControlHandlers): Promise<object> {
  let request: { verb?: unknown; args?: unknown } | null
  try {
    request = JSON.parse(line)
  } catch {
    throw new ControlRefused('the request is not a line of JSON')
  }
  const { verb, args } = request ?? {}
  if (typeof verb !== 'string' || !Object.hasOwn(handlers, verb)) {
    throw new ControlRefused('no such verb')
  }
  return handlers[verb]!(args)
}

async function serve(socket: Socket, handlers: ControlHandlers): Promise<void> {
  const say = (line: object) => socket.write(`${JSON.stringify(line)}\n`)
  try {
    for await (const line of linesOf(socket)) {
      try {
        say({ answer: await answer(line, handlers) })
      } catch (error) {
        say({ error: error instanceof Error ? error.message : 'failed' })
      }
    }
  } catch (error) {
    if (error instanceof ControlRefused) say({ error: error.message })
  } finally {
    socket.end()
  }
}

/**
 * Takes the data directory for this process until `close`, and answers requests of the command line meanwhile.
 * The directory must exist. A socket of a dead process is replaced. The new one has mode 0600. Rejects with
 * DataDirectoryInUse, or the system's error where the socket cannot be made.
 */
export async function acquireControl(
  dataDir: string,
  handlers: ControlHandlers,
): Promise<{ close(): Promise<void> }> {
  const address = addressOf(dataDir)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    // An error of one client's connection ends that connection only.
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    void serve(socket, handlers)
  })
  try {
    const guard = await guardStart(dataDir)
    try {
      const holder = await dial(address.path)
      if (holder !== null) {
        holder.destroy()
        throw new DataDirectoryInUse(dataDir)
      }
      await removeStale(address.path)
      await bindPrivately(server, address.path)
    } finally {
      guard.close()
    }
  } catch (error) {
    address.release()
    throw error
  }
  return {
    async close() {
      if (!server.listening) return
      const closed = closeServer(server) // also deletes the socket
      for (const socket of sockets) socket.destroy()
      await closed
      address.release()
    },
  }
}

/** Binds with mode 0600 from the first moment: the umask is set for the one synchronous step that binds. */
async function bindPrivately(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177)
  let listening: Promise<void>
  try {
    listening = listen(server, path)
  } finally {
    process.umask(mask)
  }
  await listening
  await chmod(path, 0o600)
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${SOCKET_NAME} in the data directory is not a socket`)
  await unlink(path)
}

/** True where a coffer runs on the data directory. Rejects with the system's error about the socket. */
export async function isInUse(dataDir: string): Promise<boolean> {
  const holder = await withSocket(dataDir, async (socket) => socket.destroy())
  return holder !== null
}

/**
 * Sends a request to the coffer that runs on the data directory. Null where none runs, or there is no such
 * directory. Rejects with ControlRefused and the handler's message, or Error where no answer came.
 */
export function callControl(dataDir: string, verb: string, args: unknown): Promise<Answer | null> {
  return withSocket(dataDir, (socket) => exchange(socket, { verb, args }))
}

/** Calls `use` with a connection to the coffer on the data directory. Null where none runs. */
async function withSocket<T>(
  dataDir: string,
  use: (socket: Socket) => Promise<T>,
): Promise<T | null> {
  let address: Address
  try {
    address = addressOf(dataDir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const socket = await dial(address.path)
    return socket === null ? null : await use(socket)
  } finally {
    address.release()
  }
}

async function exchange(socket: Socket, request: object): Promise<Answer> {
  let text = ''
  try {
    socket.write(`${JSON.stringify(request)}\n`)
    socket.setEncoding('utf8')
    for await (const chunk of socket) {
      text += chunk
      if (text.endsWith('\n')) break
    }
  } catch (error) {
    throw new Error('coffer closed the control connection before it answered', { cause: error })
  } finally {
    socket.destroy()
  }
  if (!text.endsWith('\n')) {
    throw new Error('coffer closed the control connection before it answered')
  }
  const reply = JSON.parse(text) as { answer: Answer } | { error: string }
  if ('error' in reply) throw new ControlRefused(reply.error)
  return reply.answer
}
