/**
 * How rank processes (and any other child of the tool) are started, so that the executor
 * does not know whether it lives in Electron (utilityProcess) or in plain Node (fork).
 */

/** How a process ended: an exit code, or the signal that ended it. */
export interface RankExit {
  readonly code: number | null
  readonly signal: string | null
}

/** One child process. Messages are structured-cloned both ways, typed arrays included. */
export interface RankProcess {
  /** Undefined until the process exists, and for ever when it could not be started. */
  readonly pid: number | undefined
  /** Sends a message; does nothing once the process has ended. */
  send(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /**
   * Called once. A process that could not be started ends with code null and signal null.
   * A listener added after the end is called at once (on the next microtask).
   */
  onExit(listener: (exit: RankExit) => void): void
  onStderr(listener: (text: string) => void): void
  /** Ends the process (SIGKILL where the host cannot choose); default SIGTERM. */
  kill(signal?: 'SIGTERM' | 'SIGKILL'): void
}

export interface RankSpawnOptions {
  /** Shown in process lists and error messages, for example "rank 3". */
  readonly label: string
  /** Variables on top of the host's own environment. */
  readonly env?: Record<string, string>
}

export interface RankHost {
  /**
   * Starts a JavaScript (or type-stripped TypeScript) entry in a process of its own.
   *
   * @param entry absolute path of the module to run
   */
  spawn(entry: string, options: RankSpawnOptions): RankProcess
}
