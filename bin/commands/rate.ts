// The rate at which a command reads stored bytes.
import { Rate } from '../../lib/plain-file.ts'

/** `rate`: bytes a second; 0, or absent: no limit. */
export const rateOf = ({ rate = 0 }: { readonly rate?: number }) =>
  new Rate(rate === 0 ? Number.POSITIVE_INFINITY : rate)
