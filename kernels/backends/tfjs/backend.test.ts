import { describeTfjsBackend } from './testTfjsBackend.ts'
import { loadTfjsCpu, loadTfjsWasm } from './runtimes.ts'

// tfjs keeps one active backend a process, so the runtimes are loaded one after the other.
describeTfjsBackend('tfjs-cpu', loadTfjsCpu)
describeTfjsBackend('tfjs-wasm', loadTfjsWasm)
// The paths that GPU runtimes take (transposes on the device, results awaited), on a runtime that is always here.
describeTfjsBackend('tfjs-cpu driven as a GPU is', async () => ({ ...await loadTfjsCpu(), transposesOnHost: false, asynchronous: true }))
