/** ml.classifier on the phone: one square picture → one assessment.
 *
 * One pass of the first reader's graph, where the server averages eight turns of all readers: the
 * view has to stay live. */

import { outline } from "./outline.js";
import { calibrated, Rule } from "./rule.js";
import { toInput } from "./resample.js";

const MIN_PICTURE_SIDE = 100; // as in ml.classifier

/**
 * @typedef {{ logits: Float32Array, mask: Float32Array, quality: Float32Array }} Outputs
 * @typedef {(square: Float32Array) => Promise<Outputs>} Run
 * @typedef {{
 *   model_version: string, modality: string, usable: boolean, reasons: string[], warnings: string[],
 *   diagnoses: Record<string, number>, categories: Record<string, number>, malignancy: number,
 *   risk_category: string | null, uncertain: boolean, advice: string, used: string[], picture: null,
 *   pictures: never[], heatmap: null,
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
    const { logits, mask, quality } = await this.run(toInput(square, card.side));
    const probabilities = calibrated(logits, rule.calibration);
    const uncertain = rule.isUncertain(probabilities);
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
        used: [], // the live view knows nothing of the person
        picture: null,
        pictures: [],
        heatmap: null,
        outline: outline(mask, Math.sqrt(mask.length)),
        milliseconds: performance.now() - begin,
      },
      isClearlyFlagged: usable && !uncertain && rule.isFlagged(probabilities),
      sharpness: numbers[this.sharpness] ?? 0,
    };
  }
}
