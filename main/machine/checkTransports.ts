import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tmpfsState } from '../../kernels/transport/tmpfs.ts'
import type { DoctorCheck } from '../../preload/contract/machine.ts'

const TIMEOUT_MS = 5000
const MESSAGE = Buffer.from('ringscope')

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, resolve)
  })
}

/** Sends the message and resolves once all of it has come back. */
function echo(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    socket.setTimeout(TIMEOUT_MS, () => { reject(new Error(`no echo within ${TIMEOUT_MS / 1000} s`)) })
    socket.once('error', reject)
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes])
      if (received.equals(MESSAGE)) resolve()
      else if (received.length >= MESSAGE.length) reject(new Error('the echo differs'))
    })
    socket.write(MESSAGE)
  })
}

/** Moves bytes over a local socket, as a hop would. @param folder where the socket file goes; not used on Windows. */
export async function checkSocket(folder: string = tmpdir()): Promise<DoctorCheck> {
  const windows = process.platform === 'win32'
  const name = `ringscope-doctor-${randomUUID().slice(0, 8)}`
  const address = windows ? `\\\\.\\pipe\\${name}` : join(folder, `${name}.sock`)
  const check = { id: 'socket', label: windows ? 'socket (named pipe)' : 'socket (Unix socket)' }
  const server = createServer((peer) => {
    peer.on('error', () => peer.destroy())
    peer.pipe(peer)
  })
  let socket: Socket | null = null
  try {
    await listen(server, address)
    socket = connect(address)
    await echo(socket)
    return { ...check, status: 'works', detail: windows ? 'tried' : `tried in ${folder}`, remedy: null }
  } catch (error) {
    return {
      ...check, status: 'broken', detail: reasonOf(error),
      remedy: windows ? null : 'set TMPDIR to a folder with a short path that you may write to',
    }
  } finally {
    socket?.destroy()
    server.close()
  }
}

/** Writes a file to tmpfs and reads it back. @param folder where tmpfs is mounted, by default the system's place. */
export function checkSharedMemory(folder?: string): DoctorCheck {
  const check = { id: 'shared-memory', label: 'shared-memory (tmpfs)' }
  const state = tmpfsState(folder)
  if (!state.available) {
    return { ...check, status: 'absent', detail: state.reason, remedy: 'none needed: hops go over sockets' }
  }
  const path = join(state.folder, `ringscope-doctor-${randomUUID()}`)
  try {
    const file = openSync(path, 'wx', 0o600)
    writeSync(file, MESSAGE)
    closeSync(file)
    if (!readFileSync(path).equals(MESSAGE)) throw new Error('what was written reads differently')
    return { ...check, status: 'works', detail: `${state.folder}, ${(state.freeBytes / 2 ** 30).toFixed(1)} GiB free`, remedy: null }
  } catch (error) {
    return { ...check, status: 'broken', detail: reasonOf(error), remedy: `free space in ${state.folder}, or run with transport "socket"` }
  } finally {
    rmSync(path, { force: true })
  }
}

export const checkTransports = async (): Promise<DoctorCheck[]> => [await checkSocket(), checkSharedMemory()]
