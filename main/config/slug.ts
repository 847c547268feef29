import { createHash } from 'node:crypto'

const LONGEST = 60
/** Names that Windows keeps for devices, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/

/**
 * A name as the stem of a file name that every file system takes: lower-case letters, digits and hyphens,
 * 1 to 60 characters. A name without any such character gets a stem made from its hash.
 */
export function slug(name: string): string {
  const stem = name.normalize('NFKD').toLowerCase()
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, LONGEST)
    .replaceAll(/^-+|-+$/g, '')
  if (stem === '') return `unnamed-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  return RESERVED.test(stem) ? `${stem}-file` : stem
}
