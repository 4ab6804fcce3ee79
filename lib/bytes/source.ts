// A request's body as the service reads it: plain, decoded, and verified at its end.

export type DigestName = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c' | 'crc64nvme'

/** May be read once, by one reader. */
export interface Source {
  /** Plain bytes to come, where the client announced them; undefined for bodies of unknown length. */
  readonly length: number | undefined
  /** Adds a digest over the whole body, before the first `read`. A second call for it has no effect. */
  want(name: DigestName): void
  /**
   * The next piece, never empty, owned by the caller (who may `release` it). Undefined at the end, after every
   * length, digest, checksum, signature and trailer of the request was verified. Rejects with the CofferError
   * of what was wrong; nothing more can be read after that.
   */
  read(): Promise<Buffer | undefined>
  /** The value of an added digest, after the end. */
  digest(name: DigestName): Buffer
}
