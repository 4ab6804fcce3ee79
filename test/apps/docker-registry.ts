// docker-registry: an image is pushed, and pulled from a registry that was started again.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { freePort } from '../helpers/free-port.ts'
import { contentOf } from '../interop/setting.ts'
import type { Application, Task } from './app.ts'
import { debian } from './install.ts'
import { type Place, requireSame } from './place.ts'

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json'
/** Over what the registry sends as one part, and in several of the client's requests. */
const LAYER_BYTES = 23_000_000
const PIECE_BYTES = 7_000_000

interface Signing {
  readonly v4: boolean
  readonly tls: boolean
  /** The registry sends whoever pulls to a presigned URL of the node, or passes the bytes on. */
  readonly redirects: boolean
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

function configOf(place: Place, port: number, { v4, tls, redirects }: Signing): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: 'warn' },
    http: { addr: `127.0.0.1:${port}`, secret: 'a secret of the registry' },
    storage: {
      delete: { enabled: true },
      redirect: { disable: !redirects },
      s3: {
        accesskey: place.access,
        secretkey: place.secret,
        region: 'us-east-1',
        regionendpoint: `http${tls ? 's' : ''}://${place.host({ tls })}`,
        bucket: place.bucket,
        secure: tls,
        v4auth: v4,
        chunksize: 5 << 20,
        rootdirectory: '/registry',
      },
    },
  })
}

/** Requests to the registry; throws where one is not answered with the status that is wanted. */
function client(base: string) {
  return async (method: string, url: string, wanted: number, sent: RequestInit = {}) => {
    const answer = await fetch(new URL(url, base), { method, ...sent })
    const body = Buffer.from(await answer.arrayBuffer())
    if (answer.status !== wanted) {
      throw new Error(`${method} ${url}: ${answer.status} ${body.subarray(0, 500)}`)
    }
    return { headers: answer.headers, body }
  }
}

async function pushBlob(ask: ReturnType<typeof client>, bytes: Buffer): Promise<void> {
  const begun = await ask('POST', '/v2/image/blobs/uploads/', 202)
  let at = begun.headers.get('location')!
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    const body = new Uint8Array(bytes.subarray(from, from + PIECE_BYTES))
    const range = `${from}-${from + body.length - 1}`
    const headers = { 'content-type': 'application/octet-stream', 'content-range': range }
    at = (await ask('PATCH', at, 202, { body, headers })).headers.get('location')!
  }
  const end = new URL(at)
  end.searchParams.set('digest', digestOf(bytes))
  await ask('PUT', end.href, 201)
}

async function pushAndPull(place: Place, signing: Signing): Promise<void> {
  const port = await freePort()
  const config = place.path('config.yml')
  writeFileSync(config, configOf(place, port, signing))
  const ask = client(`http://127.0.0.1:${port}`)
  const start = async () => {
    const registry = place.start('docker-registry', ['serve', config])
    await place.until('the registry answers', async () => {
      if (registry.hasEnded())
        throw new Error(`the registry ended: ${registry.said().slice(-1500)}`)
      return (await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined))?.ok === true
    })
    return registry
  }
  const registry = await start()
  const layer = contentOf(place.bucket, LAYER_BYTES)
  const settings = Buffer.from('{"architecture":"amd64","os":"linux"}')
  for (const blob of [layer, settings]) await pushBlob(ask, blob)
  const described = (mediaType: string, blob: Buffer) => ({
    mediaType,
    size: blob.length,
    digest: digestOf(blob),
  })
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: described('application/vnd.docker.container.image.v1+json', settings),
    layers: [described('application/vnd.docker.image.rootfs.diff.tar.gzip', layer)],
  })
  const headers = { 'content-type': MANIFEST_TYPE }
  await ask('PUT', '/v2/image/manifests/latest', 201, { body: manifest, headers })
  await registry.stop()

  await start()
  const accept = { headers: { accept: MANIFEST_TYPE } }
  const pulled = await ask('GET', '/v2/image/manifests/latest', 200, accept)
  requireSame(pulled.body, manifest, 'the manifest')
  for (const blob of [layer, settings]) {
    const { body } = await ask('GET', `/v2/image/blobs/${digestOf(blob)}`, 200)
    requireSame(body, blob, 'a layer')
  }
}

export const dockerRegistry: Application = {
  name: 'docker-registry',
  async install() {
    const version = debian('docker-registry')
    const task = (signing: Signing): Task => ({
      api: `S3 V${signing.v4 ? 4 : 2}${signing.tls ? ', TLS' : ''}${signing.redirects ? ', presigned' : ''}`,
      key: 'node',
      run: (place) => pushAndPull(place, signing),
    })
    const tasks = [
      task({ v4: true, tls: false, redirects: true }),
      task({ v4: true, tls: true, redirects: false }),
      // With V2 it makes URLs without a host and without a signature.
      task({ v4: false, tls: false, redirects: false }),
      task({ v4: false, tls: true, redirects: false }),
    ]
    return { version, tasks }
  },
}
