// A request's body as the service reads it: plain, decoded, and verified at its end.

export type DigestName = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c' | 'crc64nvme'

/** Pulled by one reader, once. */
export interface Source {
  /** Plain bytes to come, where the client said; undefined for bodies of unknown length. */
  readonly length: number | undefined
  /** Asks for a digest over the whole body. Only before the first `read`; asking twice is free. */
  want(name: DigestName): void
  /**
   * The next piece, never empty, owned by the caller (who may `release` it); undefined at the end,
   * after every length, digest, checksum, signature and trailer that came with the request was found
   * right. Throws the CofferError that says what was wrong; after that nothing more can be read.
   */
  read(): Promise<Buffer | undefined>
  /** A wanted digest, after the end. */
  digest(name: DigestName): Buffer
}
