import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the parts of this installation are, whether it runs from sources, from `out/` or from a package. */
export interface Installation {
  readonly root: string
  readonly version: string
  /** Entry modules of the child processes and threads. */
  readonly rankEntry: string
  readonly commEntry: string
  readonly sweepEntry: string
  readonly ratesEntry: string
  readonly probeEntry: string
  readonly planEntry: string
  readonly plannerEntry: string
  readonly traceEntry: string
  /** Folder of the compiled kernels. */
  readonly kernelsDir: string
  readonly fixturesDir: string
  /** Folder of the Python sources that a cluster runs. */
  readonly clusterDir: string
  readonly rendererDir: string
}

function packageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }).name === 'ringscope') return folder
    if (dirname(folder) === folder) throw new Error(`no ringscope package.json above ${from}`)
  }
}

/** Finds the installation this module belongs to. Sources start their children from sources, bundles from bundles. */
export function findInstallation(): Installation {
  const here = fileURLToPath(import.meta.url)
  const root = packageRoot(dirname(here))
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const fromSources = here.endsWith('.ts')
  const entry = (source: string, bundle: string): string => join(root, fromSources ? source : `out/main/${bundle}.js`)
  return {
    root, version,
    rankEntry: entry('kernels/rank/entry.ts', 'rank'),
    commEntry: entry('kernels/transport/commEntry.ts', 'comm'),
    sweepEntry: entry('kernels/sweep/entry.ts', 'sweep'),
    ratesEntry: entry('kernels/rates/entry.ts', 'rates'),
    probeEntry: entry('main/machine/probeEntry.ts', 'probe'),
    planEntry: entry('main/app/planEntry.ts', 'plan'),
    plannerEntry: entry('main/app/plannerEntry.ts', 'planner'),
    traceEntry: entry('main/app/traceEntry.ts', 'trace'),
    kernelsDir: join(root, 'out/kernels'),
    fixturesDir: join(root, 'fixtures'),
    clusterDir: join(root, 'main/cluster/python'),
    rendererDir: join(root, 'out/renderer'),
  }
}
