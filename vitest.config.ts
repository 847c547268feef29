import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node', environment: 'node', testTimeout: 60_000, pool: 'forks',
          include: ['{kernels,main,preload,scripts,bench}/**/*.test.ts'],
        },
      },
      {
        plugins: [vue()],
        test: { name: 'renderer', environment: 'happy-dom', include: ['renderer/**/*.test.ts'] },
      },
    ],
  },
})
