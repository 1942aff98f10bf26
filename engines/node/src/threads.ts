// The threads that calls run in. Where WebAssembly can be suspended, one thread serves several calls.

import { availableParallelism } from "node:os";
import { MessageChannel, MessagePort, Worker } from "node:worker_threads";
import type { Answered, Ask, Ended, Order, Setting } from "./worker.js";

/** Whether a call that waits leaves its thread to others: JavaScript Promise Integration. */
export const SUSPENDS = "Suspending" in WebAssembly;

/** A thread that is blocked waits for the instance's answer most of the time, so some more than processors are of use. */
const MAX_THREADS = (SUSPENDS ? 1 : 4) * availableParallelism();

/** How many calls a thread serves at once. */
const MAX_CALLS = SUSPENDS ? 256 : 1;

/** A thread that says nothing of a call for so long after its end computes for ever, and is ended with all its calls. */
const SILENCE_MS = SUSPENDS ? 500 : 0;

/** How a call ended: with what the function returned, with a trap, not in time, or with its thread. */
export type Answer = { returned: unknown } | { trap: string } | { late: true } | { threadEnded: true };

/** What a thread is asked to do, and who answers what the component asks meanwhile. */
export interface Task {
  order: Omit<Order, "call" | "ends">;
  answer: (name: string, parameters: unknown[]) => Promise<unknown>;
  /** When it ends, by `performance.now()`. */
  deadline: number;
}

/** A value, or `undefined` where it is not there at that time. */
export async function before<T>(deadline: number, value: Promise<T>): Promise<{ value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, Math.max(deadline - performance.now(), 0), undefined);
  });
  return Promise.race([value.then((value) => ({ value })), late]).finally(() => clearTimeout(timer));
}

/** What the component is told of an answer: its value, a result's error, or why the call ends. */
export async function answered(answer: Promise<unknown>): Promise<Answered> {
  try {
    return { value: await answer };
  } catch (error) {
    const isRefusal = error instanceof Error && "payload" in error;
    return isRefusal ? { payload: error.payload } : { trap: (error as Error).message };
  }
}

interface Running {
  task: Task;
  done: (answer: Answer) => void;
  /** There once whoever called was answered: nothing that the component asks is answered any more. */
  over: Promise<undefined>;
}

/** A thread, and the calls in it. */
class Thread {
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  readonly #running = new Map<number, Running>();
  #last = 0;
  ended = false;

  /** `freed` is told of each place that is free again. */
  constructor(
    component: string,
    readonly freed: () => void,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.#answers = port1;
    const setting: Setting = { component, suspends: SUSPENDS, answers: port2, answered: this.#answered };
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), {
      workerData: setting,
      transferList: [port2],
    });
    this.#worker.on("message", ({ call, ...answer }: Ended) => this.#end(call, answer as Answer));
    this.#worker.on("error", (error) => this.#endAll({ trap: error.message }));
    this.#worker.on("exit", () => this.#endAll({ threadEnded: true }));
    this.#answers.on("message", (ask: Ask) => void this.#reply(ask));
    this.#hold(false);
  }

  get calls(): number {
    return this.#running.size;
  }

  async run(task: Task): Promise<Answer> {
    const call = ++this.#last;
    const ends = Date.now() + (task.deadline - performance.now());
    let end = () => {};
    const over = new Promise<undefined>((resolve) => (end = () => resolve(undefined)));
    const answered = new Promise<Answer>((done) => this.#running.set(call, { task, done, over }));
    this.#hold(true);
    this.#worker.postMessage({ ...task.order, call, ends } satisfies Order);
    const answer = await before(task.deadline, answered).finally(end);
    if (answer !== undefined) return answer.value;
    // Nobody waits for it any more. A thread that goes on to say nothing is ended.
    void before(performance.now() + SILENCE_MS, answered).then((late) =>
      late === undefined ? this.end() : undefined,
    );
    return { late: true };
  }

  /** Ends it, and the calls that run in it. */
  async end(): Promise<void> {
    this.ended = true;
    this.#endAll({ threadEnded: true });
    await this.#worker.terminate();
  }

  async #reply({ call, name, parameters }: Ask): Promise<void> {
    const running = this.#running.get(call);
    // A ledger or a function of the embedder's may take longer than the call. The component is told of that after
    // whoever called: a trap that came first would be the outcome.
    const inTime = running && Promise.race([answered(running.task.answer(name, parameters)), running.over]);
    this.#answers.postMessage({ call, ...((await inTime) ?? { trap: "the call is over" }) });
    Atomics.store(this.#answered, 0, 1);
    Atomics.notify(this.#answered, 0);
  }

  #end(call: number, answer: Answer): void {
    this.#running.get(call)?.done(answer);
    this.#running.delete(call);
    this.#hold(this.#running.size > 0);
    this.freed();
  }

  #endAll(answer: Answer): void {
    this.ended = true;
    for (const call of this.#running.keys()) this.#end(call, answer);
  }

  /** Whether it keeps the process running: only while a call runs. */
  #hold(holds: boolean): void {
    for (const held of [this.#worker, this.#answers]) {
      if (holds) held.ref();
      else held.unref();
    }
  }
}

export class Threads {
  readonly #component: string;
  #threads: Thread[] = [];
  /** Those who wait for a place, the first one first. */
  #waiting = new Set<() => void>();
  #closed = false;

  constructor(component: string) {
    this.#component = component;
  }

  /** Runs a call; it waits for a place in a thread within its deadline. */
  async run(task: Task): Promise<Answer> {
    for (;;) {
      if (this.#closed) return { threadEnded: true };
      const thread = this.#place();
      if (thread !== undefined) return thread.run(task);
      let go = () => {};
      const free = new Promise<void>((resolve) => (go = resolve));
      this.#waiting.add(go);
      const isFree = (await before(task.deadline, free)) !== undefined;
      this.#waiting.delete(go);
      if (!isFree) return { late: true };
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the threads, and the calls that run in them. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.forEach((go) => go());
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#waiting.delete(first);
    first();
  }

  /** The thread with the fewest calls, or a new one. */
  #place(): Thread | undefined {
    this.#threads = this.#threads.filter((thread) => !thread.ended);
    const idlest = this.#threads.toSorted((a, b) => a.calls - b.calls)[0];
    if (idlest !== undefined && idlest.calls === 0) return idlest;
    if (this.#threads.length < MAX_THREADS) {
      const thread = new Thread(this.#component, () => this.#next());
      this.#threads.push(thread);
      return thread;
    }
    return idlest !== undefined && idlest.calls < MAX_CALLS ? idlest : undefined;
  }
}
