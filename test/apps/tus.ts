// tus: a server for resumable uploads that keeps them in the bucket as multipart uploads; an upload is broken off,
// goes on at another server, and is read back.
import { freePort } from '../helpers/free-port.ts'
import { contentOf } from '../interop/setting.ts'
import type { Application, Task } from './app.ts'
import { npm } from './install.ts'
import { type Place, requireSame } from './place.ts'

const VERSIONS = { '@tus/server': '2.4.5', '@tus/s3-store': '2.0.7' }
const BYTES = 21_000_001
const BROKEN_OFF_AT = 8_500_000

const PROGRAM = `import { Server } from '@tus/server'
import { S3Store } from '@tus/s3-store'
const [port, bucket, endpoint] = process.argv.slice(2)
const datastore = new S3Store({
  partSize: 5 * 1024 * 1024,
  useTags: false,
  s3ClientConfig: { bucket, endpoint, region: 'us-east-1', forcePathStyle: true },
})
new Server({ path: '/files', datastore }).listen({ host: '127.0.0.1', port: Number(port) })
`

async function uploadAndRead(place: Place, program: string, tls: boolean): Promise<void> {
  const bytes = contentOf(place.bucket, BYTES)
  const endpoint = `http${tls ? 's' : ''}://${place.host({ tls })}`
  const start = async () => {
    const port = await freePort()
    const args = [program, String(port), place.bucket, endpoint]
    const server = place.start(process.execPath, args, { NODE_EXTRA_CA_CERTS: place.caFile })
    const base = `http://127.0.0.1:${port}`
    await place.until('the server answers', async () => {
      if (server.hasEnded()) throw new Error(`the server ended: ${server.said().slice(-1500)}`)
      return (await fetch(`${base}/files`, { method: 'OPTIONS' }).catch(() => null)) !== null
    })
    return { server, base }
  }
  const send = async (
    url: string,
    method: string,
    headers: Record<string, string>,
    body?: Buffer,
  ) => {
    const all = { 'Tus-Resumable': '1.0.0', ...headers }
    const answer = await fetch(url, {
      method,
      headers: all,
      ...(body && { body: new Uint8Array(body) }),
    })
    if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`)
    return answer
  }
  const patch = (url: string, from: number, to: number) =>
    send(
      url,
      'PATCH',
      { 'Upload-Offset': String(from), 'Content-Type': 'application/offset+octet-stream' },
      bytes.subarray(from, to),
    )
  const first = await start()
  const made = await send(`${first.base}/files`, 'POST', { 'Upload-Length': String(BYTES) })
  const name = made.headers.get('location')!.split('/').at(-1)!
  await patch(`${first.base}/files/${name}`, 0, BROKEN_OFF_AT)
  await first.server.stop()

  const { base } = await start()
  const url = `${base}/files/${name}`
  const { headers } = await send(url, 'HEAD', {})
  await patch(url, Number(headers.get('upload-offset')), BYTES)
  const back = Buffer.from(await (await fetch(url)).arrayBuffer())
  requireSame(back, bytes, 'the upload')
}

export const tus: Application = {
  name: 'tus (@tus/s3-store)',
  async install() {
    const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
    const program = npm('tus', PROGRAM, ...packages)
    const task = (tls: boolean): Task => ({
      api: tls ? 'S3 V4, TLS' : 'S3 V4',
      key: 'node',
      run: (place) => uploadAndRead(place, program, tls),
    })
    return { version: VERSIONS['@tus/s3-store'], tasks: [task(false), task(true)] }
  },
}
