import type { RunConfig } from '../../kernels/config/runConfig.ts'
import { slug } from '../config/slug.ts'
import { clusterFiles } from './clusterFiles.ts'
import { clusterLaunch } from './clusterOptions.ts'
import { packClusterFolder } from './packFolder.ts'

/** The name of a config's cluster folder. */
export const clusterFolderName = (config: Pick<RunConfig, 'name'>): string => `${slug(config.name)}-cluster`

/** A config's cluster folder as one download. */
export async function exportCluster(config: RunConfig, clusterDir: string): Promise<{ readonly fileName: string; readonly bytes: Uint8Array }> {
  const folder = clusterFolderName(config)
  const files = await clusterFiles(config, clusterLaunch(config, {}), clusterDir)
  return { fileName: `${folder}.tar.gz`, bytes: await packClusterFolder(folder, files) }
}
