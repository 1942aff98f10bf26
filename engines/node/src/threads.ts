// The threads that calls run in: one call at a time in each, and no more of them than there are processors.

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Answer, Order } from "./worker.js";

/** A thread waits for the instance's answer most of the time, so some more than there are processors are of use. */
const MAX_THREADS = 4 * availableParallelism();

/** The call did not end in time. `begun` says whether the component ever saw it. */
export interface Late {
  late: true;
  begun: boolean;
}

/** A value, or `undefined` where it is not there at that time. */
export async function before<T>(deadline: number, value: Promise<T>): Promise<{ value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, Math.max(deadline - performance.now(), 0), undefined);
  });
  return Promise.race([value.then((value) => ({ value })), late]).finally(() => clearTimeout(timer));
}

/** A thread, and whether it still runs. */
class Thread {
  readonly worker = new Worker(new URL("./worker.js", import.meta.url));
  ended = false;
  #done: (answer: Answer) => void = () => {};
  #begin: () => void = () => {};

  constructor() {
    const end = (trap: string) => {
      this.ended = true;
      this.#done({ trap });
    };
    this.worker.on("message", (told: Answer | "begun") =>
      told === "begun" ? this.#begin() : this.#done(told),
    );
    // For as long as it lives, whether somebody waits for it or not.
    this.worker.on("error", (error) => end(error.message));
    this.worker.on("exit", () => end("its thread ended"));
    this.worker.unref();
  }

  async run(order: Order, deadline: number): Promise<Answer | Late> {
    let begun = false;
    const answered = new Promise<Answer>((resolve) => (this.#done = resolve));
    this.#begin = () => (begun = true);
    this.worker.ref();
    try {
      this.worker.postMessage(order);
      const answer = await before(deadline, answered);
      return answer === undefined ? { late: true, begun } : answer.value;
    } finally {
      // It keeps nobody's process running.
      this.worker.unref();
    }
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.worker.terminate();
  }
}

export class Threads {
  #idle: Thread[] = [];
  #busy = new Set<Thread>();
  #waiting: (() => void)[] = [];
  #closed = false;

  /** Runs a call; it waits for a thread within its deadline. A thread whose call did not end in time is ended. */
  async run(order: Order, deadline: number): Promise<Answer | Late> {
    while (this.#busy.size >= MAX_THREADS && !this.#closed) {
      const free = new Promise<void>((resolve) => this.#waiting.push(resolve));
      if ((await before(deadline, free)) === undefined) return { late: true, begun: false };
    }
    if (this.#closed) return { trap: "the host was closed" };
    const thread = this.#idle.pop() ?? new Thread();
    this.#busy.add(thread);
    let answer: Answer | Late | undefined;
    try {
      answer = await thread.run(order, deadline);
      return answer;
    } finally {
      this.#busy.delete(thread);
      const isSound = answer !== undefined && "outcome" in answer && !thread.ended && !this.#closed;
      if (isSound) this.#idle.push(thread);
      else await thread.end();
      this.#waiting.shift()?.();
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the threads, and the calls that run in them. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#idle.splice(0), ...this.#busy];
    this.#waiting.splice(0).forEach((go) => go());
    await Promise.all(all.map((thread) => thread.end()));
  }
}
