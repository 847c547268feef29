import { resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'electron-vite'

const root = import.meta.dirname
const at = (path: string): string => resolve(root, path)

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      externalizeDeps: { include: ['@tensorflow/tfjs-node-gpu'] },
      rolldownOptions: {
        input: {
          index: at('main/hosts/electron/index.ts'),
          cli: at('main/hosts/cli/index.ts'),
          rank: at('kernels/rank/entry.ts'),
          comm: at('kernels/transport/commEntry.ts'),
          sweep: at('kernels/sweep/entry.ts'),
          rates: at('kernels/rates/entry.ts'),
          probe: at('main/machine/probeEntry.ts'),
          plan: at('main/app/planEntry.ts'),
          planner: at('main/app/plannerEntry.ts'),
          trace: at('main/app/traceEntry.ts'),
        },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: at('preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: at('renderer'),
    plugins: [vue()],
    build: { outDir: at('out/renderer'), rolldownOptions: { input: at('renderer/index.html') } },
  },
})
