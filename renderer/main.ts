import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { chooseBridge, MissingTokenError } from './bridge/chooseBridge.ts'
import { provideBridge } from './bridge/current.ts'
import MissingToken from './MissingToken.vue'
import { useNotices } from './stores/notices.ts'
import './theme/tokens.css'
import './theme/base.css'

/** Faults of the page itself are shown like any other error. */
function showFault(error: unknown): void {
  useNotices().report('Draw the page', { message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) })
}

function start(): void {
  provideBridge(chooseBridge())
  const app = createApp(App)
  app.use(createPinia())
  app.config.errorHandler = (error) => {
    // To the console as well, with its stack.
    window.reportError(error)
    showFault(error)
  }
  window.addEventListener('unhandledrejection', (event) => showFault(event.reason))
  app.mount('#app')
}

try {
  start()
} catch (error) {
  if (!(error instanceof MissingTokenError)) throw error
  createApp(MissingToken).mount('#app')
}
