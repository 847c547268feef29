import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DoctorCheck } from '../../preload/contract/machine.ts'
import type { RankHost } from '../executor/rankHost.ts'
import { findInstallation, type Installation } from '../installation.ts'
import { probeBackend, probeRequest } from './backendProbe.ts'
import { checkBackends, type Probe } from './checkBackends.ts'
import { checkDevices } from './checkDevices.ts'
import { checkHosts, findBrowser, findElectron, type HostSystem } from './checkHosts.ts'
import { checkSharedMemory, checkSocket } from './checkTransports.ts'
import type { CommandOutcome } from './command.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringscope-doctor-test-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function installationAt(name: string, files: readonly string[]): Installation {
  const root = join(folder, name)
  for (const file of ['package.json', ...files]) {
    mkdirSync(join(root, file, '..'), { recursive: true })
    writeFileSync(join(root, file), '{}')
  }
  return { ...findInstallation(), root, kernelsDir: join(root, 'out/kernels'), rendererDir: join(root, 'out/renderer') }
}

const noHost: RankHost = { spawn: () => { throw new Error('no process is to be started') } }
const works: Probe = (backend) => Promise.resolve({ ok: true, device: `a ${backend}`, maxAbsError: 2e-7 })
const fails: Probe = () => Promise.resolve({ ok: false, reason: 'the process that tried it was ended by SIGSEGV' })
const addon = 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node'
const addonPackage = 'node_modules/@tensorflow/tfjs-node-gpu/package.json'
const kernels = ['out/kernels/attention.simd.wasm', 'out/kernels/attention.relaxed.wasm']

describe('backends', () => {
  const statusOf = async (installation: Installation, probe: Probe): Promise<Record<string, string>> =>
    Object.fromEntries((await checkBackends(installation, noHost, probe)).map(({ id, status }) => [id, status]))

  test('each one is reported as its probe went', async () => {
    const installation = installationAt('whole', [...kernels, addonPackage, addon])
    expect(await statusOf(installation, works)).toEqual(
      { wasm: 'works', tensorflow: 'works', webgpu: 'works', 'tfjs-wasm': 'works', 'tfjs-cpu': 'works', modelled: 'works' })
    expect(await statusOf(installation, fails)).toEqual(
      { wasm: 'broken', tensorflow: 'broken', webgpu: 'broken', 'tfjs-wasm': 'broken', 'tfjs-cpu': 'broken', modelled: 'broken' })
  })

  test('what is not there is absent, is not probed, and comes with the command to run', async () => {
    const probed: string[] = []
    const probe: Probe = (backend) => {
      probed.push(backend)
      return works(backend)
    }
    const [wasm, tensorflow] = await checkBackends(installationAt('bare', []), noHost, probe)
    expect(wasm).toMatchObject({ status: 'absent', remedy: 'run "npm run build"' })
    expect(tensorflow.status).toBe('absent')
    expect(tensorflow.remedy).toContain('npm ci --include=optional')
    expect(tensorflow.remedy).toContain('npm run backend:tensorflow')
    const [, withPackage] = await checkBackends(installationAt('no-addon', [addonPackage]), noHost, probe)
    expect(withPackage).toMatchObject({ status: 'absent' })
    expect(withPackage.detail).toContain('TensorFlow')
    expect(withPackage.remedy).toContain('npm run backend:tensorflow')
    expect(new Set(probed)).toEqual(new Set(['webgpu', 'tfjs-wasm', 'tfjs-cpu', 'modelled']))
  })

  test('a TensorFlow that was built without GPUs says so; one that was not does not', async () => {
    const ofFiles = async (name: string, files: readonly string[]): Promise<string | null> =>
      (await checkBackends(installationAt(name, [...kernels, addonPackage, addon, ...files]), noHost, works))[1].remedy
    expect(await ofFiles('cpu-only', ['node_modules/@tensorflow/tfjs-node-gpu/deps/cpu-only'])).toContain('no GPU support')
    expect(await ofFiles('for-gpus', [])).toBeNull()
  })
})

describe('webgpu', () => {
  const checkOf = async (answer: Awaited<ReturnType<Probe>>): Promise<DoctorCheck | undefined> =>
    (await checkBackends(installationAt('webgpu', [...kernels]), noHost, () => Promise.resolve(answer))).find(({ id }) => id === 'webgpu')

  test('a hardware adapter is named; a software one is named as such, with what a GPU needs', async () => {
    expect(await checkOf({ ok: true, device: 'WebGPU, nvidia-h200', maxAbsError: 3e-7 }))
      .toMatchObject({ status: 'works', detail: 'WebGPU, nvidia-h200; a small attention is right to 3e-7', remedy: null })
    const software = await checkOf({ ok: true, device: 'WebGPU, llvmpipe (software)', maxAbsError: 3e-7 })
    expect(software).toMatchObject({ status: 'works', detail: expect.stringContaining('llvmpipe (software)') as string })
    expect(software?.remedy).toMatch(/computes on the CPU.*driver/)
  })

  test('without an adapter it is absent, after a crash broken, and either way there is a remedy', async () => {
    expect(await checkOf({ ok: false, reason: 'backend "webgpu" is not available: Dawn finds no adapter', absent: true }))
      .toMatchObject({ status: 'absent', detail: expect.stringContaining('no adapter') as string, remedy: expect.stringContaining('driver') as string })
    expect(await checkOf({ ok: false, reason: 'the process that tried it was ended by SIGSEGV' }))
      .toMatchObject({ status: 'broken', remedy: expect.stringContaining('driver') as string })
  })
})

describe('the probing process', () => {
  function hostThat(act: (listeners: { message: (message: unknown) => void; exit: (exit: { code: number | null; signal: string | null }) => void; stderr: (text: string) => void }) => void): { host: RankHost; killed: () => number } {
    let kills = 0
    const ignore = (): void => undefined
    const listeners = { message: ignore as (message: unknown) => void, exit: ignore as (exit: { code: number | null; signal: string | null }) => void, stderr: ignore as (text: string) => void }
    return {
      killed: () => kills,
      host: {
        spawn() {
          queueMicrotask(() => { act(listeners) })
          return {
            pid: 1, send: ignore, kill: () => { kills++ },
            onMessage: (listener) => { listeners.message = listener },
            onExit: (listener) => { listeners.exit = listener },
            onStderr: (listener) => { listeners.stderr = listener },
          }
        },
      },
    }
  }

  test('an answer is passed on, and the process ended', async () => {
    const { host, killed } = hostThat(({ message }) => { message({ ok: true, device: 'x', maxAbsError: null }) })
    expect(await probeBackend('wasm', findInstallation(), host)).toEqual({ ok: true, device: 'x', maxAbsError: null })
    expect(killed()).toBe(1)
  })

  test('a crash is an answer too, with the signal and the last words', async () => {
    const { host } = hostThat(({ stderr, exit }) => {
      stderr('loading\ncannot open libcudart.so.11\n')
      exit({ code: null, signal: 'SIGSEGV' })
    })
    expect(await probeBackend('tensorflow', findInstallation(), host))
      .toEqual({ ok: false, reason: 'the process that tried it was ended by SIGSEGV: cannot open libcudart.so.11' })
  })

  test('a message of another shape is refused', async () => {
    const { host } = hostThat(({ message }) => { message({ device: 'x' }) })
    expect(await probeBackend('wasm', findInstallation(), host)).toMatchObject({ ok: false })
  })

  test('a request without a backend is refused', () => {
    expect(() => probeRequest({})).toThrow()
    expect(probeRequest({ RINGSCOPE_PROBE_BACKEND: 'wasm', RINGSCOPE_PROBE_KERNELS: '/k' })).toEqual({ backend: 'wasm', kernelsDir: '/k' })
  })
})

describe('devices', () => {
  const devices = (outcome: CommandOutcome): Promise<string[]> =>
    checkDevices(() => Promise.resolve(outcome)).then((checks) => checks.map(({ id, status, label, detail }) => `${id} ${status} ${label}: ${detail}`))

  test('every GPU that the driver lists', async () => {
    const [, first, second] = await devices({
      kind: 'done', stdout: '0, NVIDIA H200, 143771, 570.86.15, 9.0\n1, NVIDIA H200, 143771, 570.86.15, 9.0\n',
    })
    expect(first).toBe('gpu-0 works GPU 0, NVIDIA H200: 140.4 GiB, driver 570.86.15, compute capability 9.0')
    expect(second).toContain('gpu-1 works')
  })

  test('no driver is absent, a driver that fails is broken; the CPU is always there', async () => {
    expect((await devices({ kind: 'missing' }))[1]).toMatch(/^gpu absent/)
    expect((await devices({ kind: 'failed', message: 'NVIDIA-SMI has failed\nmore' }))[1]).toBe('gpu broken NVIDIA GPU: NVIDIA-SMI has failed')
    expect((await devices({ kind: 'done', stdout: '\n' }))[1]).toMatch(/^gpu absent/)
    expect((await devices({ kind: 'missing' }))[0]).toMatch(/^cpu works/)
  })
})

describe('transports', () => {
  test('a local socket moves bytes here, and leaves no file', async () => {
    expect(await checkSocket(folder)).toMatchObject({ id: 'socket', status: 'works' })
    expect(readdirSync(folder).filter((name) => name.includes('.sock'))).toEqual([])
  })

  test.skipIf(process.platform === 'win32')('a folder where no socket can be made is broken, with what to do', async () => {
    expect(await checkSocket(join(folder, 'none'))).toMatchObject({ status: 'broken', remedy: expect.stringContaining('TMPDIR') as string })
  })

  test('a folder that is no tmpfs is absent, not broken', () => {
    expect(checkSharedMemory(join(folder, 'none'))).toMatchObject({ id: 'shared-memory', status: 'absent' })
  })

  test.runIf(process.platform === 'linux')('tmpfs works or says why not, and keeps no file', () => {
    const check = checkSharedMemory()
    expect(['works', 'absent']).toContain(check.status)
    if (check.status === 'works') {
      expect(readdirSync('/dev/shm').filter((name) => name.startsWith('ringscope-doctor-'))).toEqual([])
    }
  })
})

describe('hosts', () => {
  const system = (existing: readonly string[], over: Partial<HostSystem> = {}): HostSystem => ({
    platform: 'linux', env: { PATH: '/bin:/usr/bin' }, exists: (path) => existing.includes(path), electron: undefined, ...over,
  })
  const installation = { ...findInstallation(), root: '/app', rendererDir: '/app/out/renderer' }
  const status = (over: HostSystem): Record<string, string> =>
    Object.fromEntries(checkHosts(installation, over).map((check) => [check.id, check.status]))

  test('nothing there: everything absent, each with a remedy', () => {
    const checks = checkHosts(installation, system([]))
    expect(checks.map((check) => [check.id, check.status])).toEqual([['electron', 'absent'], ['web', 'absent'], ['browser', 'absent']])
    expect(checks.every((check) => check.remedy !== null)).toBe(true)
  })

  test.skipIf(process.platform === 'win32')('a page, a browser and an Electron are found where they are', () => {
    const files = ['/app/out/renderer/index.html', '/usr/bin/chromium', '/app/node_modules/electron/dist/electron']
    expect(status(system(files, { env: { PATH: '/bin:/usr/bin', DISPLAY: ':0' } }))).toEqual({ electron: 'works', web: 'works', browser: 'works' })
    expect(status(system(files)).electron).toBe('absent')
  })

  test.skipIf(process.platform === 'win32')('an Electron elsewhere is named by ELECTRON_OVERRIDE_DIST_PATH', () => {
    expect(findElectron('/app', system(['/opt/electron/electron'], { env: { ELECTRON_OVERRIDE_DIST_PATH: '/opt/electron' } }))).toBe('/opt/electron/electron')
    expect(findElectron('/app', system(['/opt/electron/electron']))).toBeNull()
  })

  test('inside Electron there is nothing to look for', () => {
    expect(checkHosts(installation, system([], { electron: '45.4.1' }))[0]).toMatchObject({ status: 'works', detail: 'running in Electron 45.4.1' })
  })

  test('browsers of macOS and Windows are looked for in their folders', () => {
    expect(findBrowser(system(['/Applications/Safari.app'], { platform: 'darwin' }))).toBe('/Applications/Safari.app')
    const chrome = 'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe'
    expect(findBrowser(system([chrome], { platform: 'win32', env: { ProgramFiles: 'C:\\Program Files' } }))).toBe(chrome)
  })
})
