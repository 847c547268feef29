import { findChromium } from '../../scripts/lib/browser.mjs'

/** No sandbox: it refuses root, which containers run as. The rest keeps the browser itself off the network. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--force-color-profile=srgb',
]

export function chromiumPath(): string {
  const path = findChromium()
  if (path === null) throw new Error('no Chromium found: run the tests by "npm test", or set CHROMIUM_PATH')
  return path
}
