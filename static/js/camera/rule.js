/** The rule of ml/taxonomy.py and the comparisons of ml/quality.py, on the tables of model.json. */

/**
 * @typedef {{ screen: number, melanoma: number, cost_ratio: number, uncertain: number }} Thresholds
 * @typedef {{ temperature: number, bias: number[] }} Calibration
 * @typedef {{ number: string, min?: number, max?: number, reason?: string, warning?: string }} Limit
 * @typedef {{
 *   version: string, side: number, quality: string[], advice: string[],
 *   diagnoses: Record<string, string>,
 *   calibration: Record<string, Calibration>, thresholds: Record<string, Thresholds>,
 *   limits: Record<string, Limit[]>,
 *   live?: Pick<Card, "calibration" | "thresholds" | "limits">,
 * }} Card what model.json says; `live` is for one pass, and missing up to 2026.11.8
 */

/** Logits → probabilities by a temperature and a bias (ml.classifier.calibrated). Raises Error for
 * what is not a number, which would be below every threshold.
 * @param {ArrayLike<number>} logits @param {Calibration} calibration @returns {number[]} */
export function calibrated(logits, { temperature, bias }) {
  const z = Array.from(logits, (logit, i) => logit / temperature + bias[i]);
  const largest = Math.max(...z);
  const powers = z.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  if (!Number.isFinite(sum)) throw new Error("The program's answer is not a number");
  return powers.map((power) => power / sum);
}

export class Rule {
  /** @param {Card} card @param {string} modality */
  constructor(card, modality) {
    this.card = card;
    const { calibration, thresholds, limits } = card.live ?? card;
    this.calibration = calibration[modality];
    this.thresholds = thresholds[modality];
    this.limits = limits[modality];
    this.diagnoses = Object.keys(card.diagnoses);
    this.categoryNames = [...new Set(Object.values(card.diagnoses))];
    const [benign, lowRisk, highRisk] = this.categoryNames;
    this.category = { benign, lowRisk, highRisk };
    const [watch, retake, weeks, days] = card.advice;
    this.advice = { watch, retake, weeks, days };
  }

  /** @param {number[]} probabilities @returns {Record<string, number>} */
  named(probabilities) {
    return Object.fromEntries(this.diagnoses.map((name, i) => [name, probabilities[i]]));
  }

  /** The probability of each risk category. @param {number[]} probabilities
   * @returns {Record<string, number>} */
  categories(probabilities) {
    const sums = Object.fromEntries(this.categoryNames.map((name) => [name, 0]));
    this.diagnoses.forEach((name, i) => { sums[this.card.diagnoses[name]] += probabilities[i]; });
    return sums;
  }

  /** Each score with its threshold. @param {number[]} probabilities @returns {[number, number][]} */
  scores(probabilities) {
    const parts = this.categories(probabilities);
    return [
      [1 - parts[this.category.benign], this.thresholds.screen],
      // Melanoma alone makes the high risk.
      [parts[this.category.highRisk], this.thresholds.melanoma],
    ];
  }

  /** By how many log-odds the higher of the two scores lies above its threshold.
   * @param {number[]} probabilities */
  above(probabilities) {
    return Math.max(...this.scores(probabilities).map(
      ([score, threshold]) => logOdds(score) - logOdds(threshold)));
  }

  /** Whether it is judged malignant. @param {number[]} probabilities */
  isFlagged(probabilities) {
    return this.above(probabilities) >= 0;
  }

  /** Whether it lies so close to being flagged that it could fall to either side.
   * @param {number[]} probabilities */
  isUncertain(probabilities) {
    return Math.abs(this.above(probabilities)) <= this.thresholds.uncertain;
  }

  /** → [risk category, advice]. @param {number[]} probabilities @param {boolean} uncertain
   * @returns {[string, string]} */
  decide(probabilities, uncertain) {
    if (!this.isFlagged(probabilities)) return [this.category.benign, uncertain ? this.advice.weeks : this.advice.watch];
    const parts = this.categories(probabilities);
    return parts[this.category.highRisk] * this.thresholds.cost_ratio >= parts[this.category.lowRisk]
      ? [this.category.highRisk, this.advice.days]
      : [this.category.lowRisk, this.advice.weeks];
  }

  /** The reasons or warnings of the limits that are broken.
   * @param {Record<string, number>} numbers @param {"reason" | "warning"} kind @returns {string[]} */
  broken(numbers, kind) {
    return this.limits.flatMap((limit) => {
      const value = numbers[limit.number];
      const kept = value >= (limit.min ?? -Infinity) && value <= (limit.max ?? Infinity);
      const name = limit[kind];
      return name && !kept ? [name] : [];
    });
  }
}

/** Of a probability, kept a millionth away from 0 and 1. @param {number} probability */
function logOdds(probability) {
  const inside = Math.min(Math.max(probability, 1e-6), 1 - 1e-6);
  return Math.log(inside / (1 - inside));
}
