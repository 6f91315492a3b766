
// Numbers as people read them, as analysis/humanize.py writes them: three significant digits and the unit that fits.
const prefixes = ["", "k", "M", "G", "T", "P", "E"];
const symbols = { bytes: "B", flops: "FLOP", joules: "J", count: "" };
const clock = [[172800, 86400, "d"], [7200, 3600, "h"], [120, 60, "min"], [1, 1, "s"], [1e-3, 1e-3, "ms"]];
const masses = [[1e3, 1e3, "t"], [1, 1, "kg"], [1e-3, 1e-3, "g"], [1e-6, 1e-6, "mg"]];

function scaleOf(kind, magnitude) {
  const size = Number(Math.abs(magnitude).toPrecision(3));
  if (kind === "fraction") return [0.01, "%"];
  if (kind === "seconds") {
    if (size === 0) return [1, "s"];
    const found = clock.find(([least]) => size >= least);
    return found ? found.slice(1) : [1e-6, "µs"];
  }
  if (kind === "usd") return [1, "USD"];
  if (kind === "kg") {
    if (size === 0) return [1, "kg"];
    const found = masses.find(([least]) => size >= least);
    return found ? found.slice(1) : [1e-9, "µg"];
  }
  const step = size === 0 ? 0 : Math.floor(Math.log10(size) / 3 + 1e-12);
  const least = kind === "joules" ? -2 : 0;
  const power = Math.min(Math.max(step, least), prefixes.length - 1);
  return [10 ** (3 * power), (power < 0 ? ["µ", "m"][power + 2] : prefixes[power]) + symbols[kind]];
}

function significant(value) {
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1e7 || (rounded !== 0 && Math.abs(rounded) < 1e-4)
    ? rounded.toExponential().replace(/(e[+-])(\d)$/, (_, mark, digit) => `${mark}0${digit}`)
    : rounded.toLocaleString("en-US", { maximumSignificantDigits: 3, useGrouping: true });
}

function human(kind, value, [divisor, unit] = scaleOf(kind, value ?? 0)) {
  return value === null || value === undefined ? "–" : `${significant(value / divisor)} ${unit}`.trim();
}
