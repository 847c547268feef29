import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node', environment: 'node', setupFiles: ['vitest.properties.ts'], testTimeout: 60_000, hookTimeout: 60_000, pool: 'forks',
          include: ['{kernels,main,preload,bench}/**/*.test.ts', 'scripts/**/*.test.mjs'],
        },
      },
      {
        plugins: [vue()],
        test: { name: 'renderer', environment: 'happy-dom', setupFiles: ['vitest.properties.ts'], include: ['renderer/**/*.test.ts'] },
      },
      {
        // Rings of processes and browsers: one file at a time, or they would measure each other.
        test: {
          name: 'e2e', environment: 'node', testTimeout: 120_000, hookTimeout: 120_000, pool: 'forks',
          fileParallelism: false, include: ['tests/**/*.test.ts'], globalSetup: ['tests/support/builtApp.ts'],
        },
      },
    ],
  },
})
