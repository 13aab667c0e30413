/** A promise with its two ends. It never counts as unhandled: whoever waits for it hears of it, nobody else. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(ignore);
  }
}

/** What is done about a failure that somebody else reports. */
export function ignore(): void {
  // on purpose
}

/**
 * What may end a wait early: the caller's signal, or a deadline. It carries one wait after the other; the reason of the
 * first end stays, so that whatever is waited for afterwards ends at once.
 */
export class Scope {
  #reason: unknown;
  #ended = false;
  #wait: ((reason: unknown) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    if (signal?.aborted === true) this.end(signal.reason);
    else signal?.addEventListener("abort", this.#aborted);
  }

  /** Whether it ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** End after `ms`, for what `reason` returns. Returns what takes the deadline back. */
  deadline(ms: number, reason: () => unknown): () => void {
    if (!Number.isFinite(ms)) return ignore;
    // timers hold 31 bits; what is longer than that ends with the process
    if (ms > 2_147_483_647) return ignore;
    const timer = setTimeout(() => {
      this.end(reason());
    }, ms);
    this.#timers.push(timer);
    return () => {
      clearTimeout(timer);
    };
  }

  /** End it: the wait under way rejects with `reason`. */
  end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    this.#wait?.(reason);
  }

  /** Wait for a promise, or reject with the reason when the scope ends first. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended) {
        promise.catch(ignore);
        reject(asError(this.#reason));
        return;
      }
      this.#wait = (reason) => {
        reject(asError(reason));
      };
      promise.then(resolve, reject);
    });
  }

  /** Throw the reason when it ended. */
  check(): void {
    if (this.#ended) throw asError(this.#reason);
  }

  /** Let go of signal and timers. */
  dispose(): void {
    this.#signal?.removeEventListener("abort", this.#aborted);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#wait = undefined;
  }

  readonly #aborted = (): void => {
    this.end(this.#signal?.reason);
  };
}

/** The reason of a signal as it is: callers compare it, so it must stay the same even where it is no `Error`. */
export function asError(reason: unknown): Error {
  return reason as Error;
}

/** Wait for a promise, unless a signal is aborted first, whose reason is then thrown. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const scope = new Scope(signal);
  try {
    return await scope.race(promise);
  } finally {
    scope.dispose();
  }
}

/** Wait `ms`, unless the signal is aborted first, whose reason is then thrown. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const done = new Deferred<void>();
  const timer = setTimeout(done.resolve, ms);
  try {
    await abortable(done.promise, signal);
  } finally {
    clearTimeout(timer);
  }
}
