/** ml.classifier on the phone: one square picture → one assessment. */

import { outline } from "./outline.js";
import { calibrated, Rule } from "./rule.js";
import { toInput, turned } from "./resample.js";

const MIN_PICTURE_SIDE = 100; // as in ml.classifier
const OTHER_TURNS = [1, 2, 3, 4, 5, 6, 7].map((n) => ({ turns: n % 4, mirrored: n > 3 }));

/**
 * @typedef {{ logits: Float32Array, mask: Float32Array, quality: Float32Array }} Outputs
 * @typedef {(square: Float32Array) => Promise<Outputs>} Run
 * @typedef {{
 *   model_version: string, modality: string, usable: boolean, reasons: string[], warnings: string[],
 *   diagnoses: Record<string, number>, categories: Record<string, number>, malignancy: number,
 *   risk_category: string | null, uncertain: boolean, advice: string, heatmap: null,
 *   outline: import("./outline.js").Point[] | null, milliseconds: number,
 * }} Assessment the same object as on the server; the live page draws no heatmap
 * @typedef {{ assessment: Assessment, isClearlyFlagged: boolean, sharpness: number }} Look
 */

export class Classifier {
  /** @param {import("./rule.js").Card} card @param {Run} run @param {string} modality */
  constructor(card, run, modality) {
    this.card = card;
    this.modality = modality;
    this.run = run;
    this.rule = new Rule(card, modality);
    // The number whose limit says "blurred".
    this.sharpness = this.rule.limits.find((limit) => limit.reason === "blurred")?.number ?? "";
  }

  /** @param {ImageData} square @returns {Promise<Look>} */
  async look(square) {
    const begin = performance.now();
    const { card, rule } = this;
    const input = toInput(square, card.side);
    const { logits, mask, quality } = await this.run(input);
    let probabilities = calibrated(logits, rule.calibration);
    const near = rule.isNear(probabilities);
    let uncertain = false;
    if (near) {
      const passes = [probabilities, ...(await this.otherPasses(input))];
      const flagged = passes.filter((pass) => rule.isFlagged(pass)).length;
      uncertain = flagged > 0 && flagged < passes.length;
      probabilities = probabilities.map((_, i) => passes.reduce((sum, pass) => sum + pass[i], 0) / passes.length);
    }
    const numbers = Object.fromEntries(card.quality.map((name, i) => [name, quality[i]]));
    const reasons = rule.broken(numbers, "reason");
    if (square.width < MIN_PICTURE_SIDE) reasons.push("too_few_pixels");
    const usable = !reasons.length;
    const categories = rule.categories(probabilities);
    const [category, advice] = rule.decide(probabilities, uncertain);
    return {
      assessment: {
        model_version: card.version,
        modality: this.modality,
        usable,
        reasons,
        warnings: rule.broken(numbers, "warning"),
        diagnoses: rule.named(probabilities),
        categories,
        malignancy: Math.max(0, 1 - categories[rule.category.benign]),
        risk_category: usable ? category : null,
        uncertain: usable && uncertain,
        advice: usable ? advice : rule.advice.retake,
        heatmap: null,
        outline: outline(mask, Math.sqrt(mask.length)),
        milliseconds: performance.now() - begin,
      },
      isClearlyFlagged: usable && !near && rule.isFlagged(probabilities),
      sharpness: numbers[this.sharpness] ?? 0,
    };
  }

  /** @param {Float32Array} input */
  async otherPasses(input) {
    const passes = [];
    for (const { turns, mirrored } of OTHER_TURNS) {
      const { logits } = await this.run(turned(input, this.card.side, turns, mirrored));
      passes.push(calibrated(logits, this.rule.calibration));
    }
    return passes;
  }
}
