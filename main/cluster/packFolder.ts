import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { packTar } from 'modern-tar'
import type { ClusterFile } from './clusterFiles.ts'

/** A cluster folder as a .tar.gz with that folder in it; scripts are executable. */
export async function packClusterFolder(folder: string, files: readonly ClusterFile[]): Promise<Uint8Array> {
  const mtime = new Date()
  const archive = await packTar(files.map(({ path, bytes, executable }) => ({
    header: { name: `${folder}/${path}`, size: bytes.length, mode: executable ? 0o755 : 0o644, mtime, type: 'file' as const },
    body: bytes,
  })))
  return promisify(gzip)(archive)
}
