/** The released graph in LiteRT's WebAssembly: with threads where the browser gives them. */

const MOST_THREADS = 4; // more cores than that are a phone's slow ones

/**
 * @typedef {{ script: string, wasm: string }} Variant
 * @typedef {{ records: string, result: string, signIn: string, words: Words, person: string, isMinor: boolean }} Sending
 * @typedef {Sending & {
 *   card: string, model: string, bytes: number, sha256: string, core: string, worker: string,
 *   runtime: Record<"threaded" | "compat", Variant>, serviceWorker: string,
 * }} Program what the page was given
 * @typedef {{ tone: string, heading: string, how_soon: string }} Answer
 * @typedef {{ answers: Record<string, Answer>, hints: Record<string, string>,
 *   untested: Record<"dark" | "minor", { heading: string, why: string }>,
 *   says: Record<string, string> }} Words
 */

/** @param {Program} program @param {Uint8Array} model
 * @returns {Promise<{ variant: string, run: import("./classifier.js").Run }>} */
export async function start(program, model) {
  const litert = /** @type {typeof import("@litertjs/core")} */ (await import(program.core));
  const threads = self.crossOriginIsolated
    && await litert.supportsFeature("relaxedSimd") && await litert.supportsFeature("threads");
  const variant = threads ? "threaded" : "compat";
  const { script, wasm } = program.runtime[variant];
  // Emscripten's own way to say where its parts are.
  Object.assign(self, { Module: { locateFile: () => wasm, mainScriptUrlOrBlob: script } });
  await litert.loadLiteRt(script);
  const numThreads = threads ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  const compiled = await litert.loadAndCompile(model, { accelerator: "wasm", cpuOptions: { numThreads } });
  const [{ name, shape }] = compiled.getInputDetails();
  return {
    variant,
    run: async (square) => {
      const picture = new litert.Tensor(square, [...shape]);
      const outputs = await compiled.run({ [name]: picture });
      picture.delete();
      /** @param {string} output */
      const read = (output) => /** @type {Float32Array} */ (outputs[output].toTypedArray());
      const answer = { logits: read("logits"), mask: read("mask"), quality: read("quality") };
      for (const output of Object.values(outputs)) output.delete();
      return answer;
    },
  };
}
