import { readFile } from 'node:fs/promises'
import { extname, resolve, sep } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
}

export interface PageFile {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** The file a request path means, or null where it means none inside the folder. */
function fileOf(folder: string, pathname: string): string | null {
  let path: string
  try {
    path = decodeURIComponent(pathname)
  } catch {
    return null
  }
  // A backslash separates on Windows only, and no file of ours has one.
  if (path.includes('\0') || path.includes('\\')) return null
  const root = resolve(folder)
  const file = resolve(root, `.${path === '/' ? '/index.html' : path}`)
  return path.startsWith('/') && file.startsWith(root + sep) ? file : null
}

/**
 * Reads a file of the built page.
 * @param pathname path of the request as it came, percent-encoded; `/` is index.html.
 * @returns null where there is no such file, its type is none a page has, or the path leads out of the folder.
 */
export async function readPageFile(folder: string, pathname: string): Promise<PageFile | null> {
  const file = fileOf(folder, pathname)
  if (file === null) return null
  const type = TYPES[extname(file)]
  if (type === undefined) return null
  try {
    return { type, bytes: await readFile(file) }
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}
