// The bucket that a host names. Routing and SigV2 share this function: a signature that covered another bucket
// than the one that is read would prove nothing.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html

/**
 * The part of `host` before the longest matching domain; undefined where no domain matches. `host` is in lower
 * case and without its port.
 */
export function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  let label: string | undefined
  for (const domain of domains) {
    const end = host.length - domain.length - 1
    if (end < 1 || !host.endsWith(`.${domain.toLowerCase()}`)) continue
    if (label === undefined || end < label.length) label = host.slice(0, end)
  }
  return label
}
