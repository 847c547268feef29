import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { ADAPTER_OPTIONS, describeAdapter, OWN_KERNELS, WEBGPU_REMEDY } from './dawn.ts'
import { findVulkan, LOAD_AND_KEEP } from './vulkan.ts'

/** What Dawn would compute on here. */
export type WebgpuProbe =
  | { readonly available: true; readonly device: string; readonly hardware: boolean }
  | { readonly available: false; readonly reason: string }

/** Finds out about Dawn's adapter in a process of its own. */
export type WebgpuProber = () => Promise<WebgpuProbe>

const TIMEOUT_MS = 60_000
const MARKER = 'ringscope-webgpu-adapter='

/** Runs in the probing process, so it is text: finds an adapter as `openDawn` does and prints what it says of itself. */
const PROBE = `
const [url, loaders, keep, flags, options] = process.argv.slice(1).map((text) => JSON.parse(text))
for (const loader of loaders) {
  try {
    process.dlopen({ exports: {} }, loader, keep)
    break
  } catch (error) {
    if (error.message.includes('did not self-register')) break
  }
}
import(url).then(async ({ create }) => {
  const adapter = await create(flags).requestAdapter(options)
  const { vendor, architecture, device, isFallbackAdapter } = adapter?.info ?? {}
  console.log('${MARKER}' + JSON.stringify(adapter && { vendor, architecture, device, isFallbackAdapter }))
})
`

const answerSchema = z.object({
  vendor: z.string(), architecture: z.string(), device: z.string(), isFallbackAdapter: z.boolean(),
}).nullable()

let probed: Promise<WebgpuProbe> | undefined

/**
 * Loads Dawn in a process of its own, once, and reports which adapter it chooses. Native code and the drivers beneath it
 * can take the whole process with them. Never rejects.
 */
export function probeWebgpu(): Promise<WebgpuProbe> {
  if (process.versions.electron !== undefined) {
    // There the executable is the app itself, which would start once more.
    return Promise.resolve({ available: false, reason: 'only a run of its own can tell in the desktop app: set backend to "webgpu"' })
  }
  probed ??= runProbe()
  return probed
}

function runProbe(): Promise<WebgpuProbe> {
  let modulePath: string
  try {
    modulePath = createRequire(import.meta.url).resolve('webgpu')
  } catch {
    return Promise.resolve({ available: false, reason: 'the package webgpu is not installed; run "npm ci"' })
  }
  const setup = findVulkan()
  const given = [pathToFileURL(modulePath).href, setup.loaders, LOAD_AND_KEEP, OWN_KERNELS, ADAPTER_OPTIONS]
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', PROBE, ...given.map((value) => JSON.stringify(value))], {
      timeout: TIMEOUT_MS, env: { ...process.env, ...setup.env },
    }, (error, stdout, stderr) => { resolve(probeOf(stdout, stderr, error)) })
  })
}

/** Reads what the probing process left behind. */
export function probeOf(stdout: string, stderr: string, error: Error | null): WebgpuProbe {
  const line = stdout.split('\n').find((text) => text.startsWith(MARKER))
  if (line === undefined) {
    const said = stderr.split('\n').find((text) => /error/i.test(text))?.trim()
    const reason = said ?? (error === null ? 'it ended without an answer' : error.message.split('\n')[0])
    return { available: false, reason: `Dawn does not start: ${reason}` }
  }
  const facts = answerSchema.parse(JSON.parse(line.slice(MARKER.length)))
  return facts === null
    ? { available: false, reason: `Dawn finds no adapter; ${WEBGPU_REMEDY}` }
    : { available: true, device: describeAdapter(facts), hardware: !facts.isFallbackAdapter }
}
