// The page's side of the worker: start it, ask it, stop it; and what to say when it cannot be had.

import { decoded } from "../digits.js";

/** Everything that pack.py put in front of these modules. @type {any} */
// @ts-expect-error: PACKED stands above the modules in the script that pack.py writes
export const packed = PACKED;

const LOST = "The worker that computes was lost, perhaps for want of memory. Your photo is still here: try again, with a smaller size.";

/** @typedef {{promise: Promise<any>, stop: () => void, pause: () => void, go: () => void}} Job */

export class Machine {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Promise<any> | null} */
  #ready = null;
  /** @type {Map<number, {done: (result: any) => void, failed: (error: Error) => void, step: (step: any) => void}>} */
  #waiting = new Map();
  #last = 0;

  /** Start the worker, unless it runs. @returns {Promise<any>} */
  start() {
    this.#ready ??= this.#start().catch((error) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #start() {
    const [kernels, relaxed] = [decoded(packed.kernels.kernels), decoded(packed.kernels.kernels_relaxed)];
    if (typeof WebAssembly !== "object" || !WebAssembly.validate(kernels))
      throw new Error("This browser's WebAssembly has no SIMD: use Chrome 91, Firefox 89, Safari 16.4 or a newer one.");
    if (typeof DecompressionStream === "undefined")
      throw new Error("This browser cannot unpack the weights: use Chrome 80, Firefox 113, Safari 16.4 or a newer one.");
    try {
      const url = URL.createObjectURL(new Blob([packed.worker], { type: "text/javascript" }));
      this.#worker = new Worker(url);
      URL.revokeObjectURL(url);
    } catch {
      throw new Error("This browser allows no worker in this page, so nothing can be computed here: try another browser.");
    }
    this.#worker.onmessage = ({ data }) => this.#heard(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#lose(LOST);
    };
    addEventListener("pagehide", () => this.#lose("The page was left."), { once: true });
    const { weights, network } = packed;
    return this.#send("start", { kernels, relaxed, network, weights }, () => {}).promise;
  }

  /** @param {{id: number, kind: string, step?: any, result?: any, message?: string}} message */
  #heard({ id, kind, step, result, message }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (kind === "step") return waiting.step(step);
    this.#waiting.delete(id);
    if (kind === "done") waiting.done(result);
    else waiting.failed(new Error(message));
  }

  /** @param {string} why */
  #lose(why) {
    this.#worker?.terminate();
    this.#worker = this.#ready = null;
    for (const { failed } of this.#waiting.values()) failed(new Error(why));
    this.#waiting.clear();
  }

  /** @param {string} what @param {object} request @param {(step: any) => void} step @returns {Job} */
  #send(what, request, step) {
    const id = ++this.#last, tell = (/** @type {string} */ word) => this.#worker?.postMessage({ id, what: word });
    const promise = new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed, step });
      this.#worker?.postMessage({ id, what, ...request });
    });
    return { promise, stop: () => tell("stop"), pause: () => tell("pause"), go: () => tell("go") };
  }

  /**
   * Ask for something; the worker is started if it does not run.
   * @param {string} what one of the requests in worker.js
   * @param {object} request
   * @param {(step: any) => void} [step] is told of each step
   * @returns {Job}
   */
  ask(what, request, step = () => {}) {
    /** @type {Job | null} */
    let job = null;
    let word = "";
    const promise = this.start().then(() => {
      job = this.#send(what, request, step);
      if (word) job[/** @type {"stop"} */ (word)]();
      return job.promise;
    });
    const later = (/** @type {"stop" | "pause" | "go"} */ wish) => () => (job ? job[wish]() : void (word = wish));
    return { promise, stop: later("stop"), pause: later("pause"), go: later("go") };
  }

  /** @param {string} what @param {object} request @returns {Promise<any>} */
  get(what, request) {
    return this.ask(what, request).promise;
  }
}

/** One for all laboratories of a page. */
export const machine = new Machine();
