// What-ifs: runs the programs of the closed forms with what the sliders say, and draws times, traffic and energy as bars.
const whatIf = report.explorer;
const SPEEDS = ["links", "devices", "server"];

// The value of each output of a program (see simulator/accounting/twins/symbols.py for its instructions).
function outputsOf(program, inputs) {
  const values = new Array(program.lines.length);
  program.lines.forEach((line, number) => { values[number] = valueOf(line, values, inputs); });
  return Object.fromEntries(Object.entries(program.outputs).map(([name, line]) => [name, values[line]]));
}

function valueOf(line, values, inputs) {
  const [word, first, second, third] = line;
  switch (word) {
    case "=": return first;
    case "in": return inputs[first];
    case "of": return third === undefined ? whatIf.tables[first][values[second]] : whatIf.tables[first][values[second]][values[third]];
    case "+": return values[first] + values[second];
    case "-": return values[first] - values[second];
    case "*": return values[first] * values[second];
    case "/": return values[first] / values[second];
    case "floor": return Math.floor(values[first]);
    case "max": return Math.max(...line.slice(1).map(at => values[at]));
    case "min": return Math.min(...line.slice(1).map(at => values[at]));
  }
  throw new Error(`there is no instruction ${word}`);
}

// How many samples pruning keeps: whole numbers, for fractions may have more digits than a number here.
const keptBy = (part, whole, samples) => Number(BigInt(samples) * part / whole);

// What an algorithm takes for some rounds: sums, and why they are estimates, if they are; null where nothing is known.
function taken(entry, wish) {
  const share = entry.kept === null ? ["1", "1"] : wish.kept === null ? entry.kept : [wish.kept, 100];
  const [part, whole] = share.map(BigInt), keptOf = samples => keptBy(part, whole, samples);
  const head = wish.head ?? entry.head, equal = wish.batches !== null;
  const program = entry.programs.find(one => one.equal === equal && one.pruned === part < whole && (entry.head === null || one.head === head));
  if (!program) return null;
  const sums = { seconds: 0, up: 0, down: 0, joules: 0, work: 0 }, doubts = new Set(program.doubts);
  const rounds = wish.rounds ?? entry.rounds, cohorts = entry.cohorts.slice(0, rounds);
  for (const cohort of cohorts) {
    const inputs = { ...wish, kept: equal ? keptOf(wish.batches * entry.batch_size) : null };
    cohort.forEach(([group, samples], at) => { Object.assign(inputs, { [`g${at}`]: group, [`n${at}`]: samples, [`k${at}`]: keptOf(samples) }); });
    const found = outputsOf(program, inputs);
    for (const name in sums) sums[name] += found[name];
    program.conditions.forEach((otherwise, number) => { if (found[`lower${number}`] > found[`upper${number}`]) doubts.add(otherwise); });
  }
  if (rounds > cohorts.length) {
    for (const name in sums) sums[name] *= rounds / cohorts.length;
    doubts.add(`rounds after the first ${cohorts.length} are taken to be like these`);
  }
  return { ...sums, bytes: sums.up + sums.down, doubts: [...doubts] };
}

// Why nothing is known of an algorithm with these values.
function whyNot(entry, wish) {
  const head = wish.head ?? entry.head;
  const noCut = entry.programs.length && entry.head !== null && !entry.programs.some(one => one.head === head);
  return noCut ? "there is no program for this cut" : entry.why_not;
}

// A factor as people read it, as in the verdict: two digits, never as a power of ten.
const factorOf = factor => Number(factor.toPrecision(2)).toLocaleString("en", { maximumSignificantDigits: 6 });

const AS_RUN = "as in the run";

// The sliders: for each its title, its values, how they read, and which one is as in the run.
function slidersOf() {
  const heads = [...new Set(whatIf.entries.flatMap(entry => entry.programs.map(one => one.head)))].filter(head => head !== null).sort((a, b) => a - b);
  const powers = Array.from({ length: 41 }, (_, step) => 10 ** ((step - 20) / 20));
  const speed = factor => factor === 1 ? AS_RUN : `${factorOf(factor)} times as fast`;
  const upTo = longest => Array.from({ length: longest }, (_, step) => step + 1);
  const count = number => number === null ? AS_RUN : `${number}`;
  const longest = Math.max(...whatIf.entries.map(entry => (entry.cohorts || []).length));
  const sliders = { links: ["Links", powers, speed, 20], devices: ["Devices", powers, speed, 20], server: ["Server", powers, speed, 20] };
  sliders.batches = ["Batches a device", [null, ...upTo(10), 12, 16, 24, 32, 48, 64], count, 0];
  if (heads.length > 1) sliders.head = ["Blocks on the device", [null, ...heads], count, 0];
  if (whatIf.entries.some(entry => entry.kept !== null && entry.programs.length)) {
    sliders.kept = ["Pruning keeps", [null, ...Array.from({ length: 19 }, (_, step) => 10 + 5 * step)], kept => kept === null ? AS_RUN : `${kept} %`, 0];
  }
  sliders.rounds = ["Rounds", [null, ...upTo(longest)], count, 0];
  return sliders;
}

function setUpWhatIf() {
  const place = document.getElementById("whatif");
  if (!place || !whatIf) return;
  const sliders = slidersOf(), at = {};
  const box = place.querySelector(".sliders"), rows = place.querySelector("tbody");
  const show = () => {
    const wish = Object.fromEntries(Object.entries(sliders).map(([name, [, values]]) => [name, values[at[name].value]]));
    for (const [name, [, values, said]] of Object.entries(sliders)) {
      at[name].nextElementSibling.textContent = said(values[at[name].value]);
      at[name].setAttribute("aria-valuetext", said(values[at[name].value]));
    }
    showWhatIf(place, rows, { head: null, kept: null, ...wish });
  };
  for (const [name, [title, values, , start]] of Object.entries(sliders)) {
    const label = document.createElement("label");
    label.innerHTML = "<span></span><input type=range min=0 step=1><output></output>";
    label.firstChild.textContent = title;
    at[name] = label.children[1];
    Object.assign(at[name], { max: values.length - 1, value: start, name, oninput: show });
    box.append(label);
  }
  place.querySelector(".note button").onclick = () => {
    for (const [name, [, , , start]] of Object.entries(sliders)) at[name].value = start;
    show();
  };
  place.hidden = false;
  show();
}

// Writes a row for each algorithm, with bars as long as its figures, and a sentence on who is fastest.
function showWhatIf(place, rows, wish) {
  const found = whatIf.entries.map(entry => taken(entry, wish));
  const kinds = [["seconds", "seconds"], ["bytes", "bytes"], ["joules", "joules"]];
  const most = Object.fromEntries(kinds.map(([name]) => [name, Math.max(...found.map(one => one ? one[name] : 0))]));
  rows.replaceChildren(...whatIf.entries.map((entry, number) => {
    const row = document.createElement("tr"), name = document.createElement("th");
    name.scope = "row";
    name.textContent = entry.label;
    row.dataset.label = entry.label;
    row.append(name);
    const swatch = swatchOf(entry.label);
    if (swatch) name.prepend(swatch);
    const one = found[number];
    if (!one) {
      const none = row.insertCell();
      none.colSpan = 4;
      none.textContent = `not available here: ${whyNot(entry, wish)}`;
      return row;
    }
    for (const [key, kind] of kinds) {
      const cell = row.insertCell();
      cell.innerHTML = "<span></span><i></i>";
      cell.firstChild.textContent = `${one.doubts.length ? "≈ " : ""}${human(kind, one[key])}`;
      cell.lastChild.style.cssText = swatch ? swatch.style.cssText : "";
      cell.lastChild.style.width = `${most[key] ? 100 * one[key] / most[key] : 0}%`;
      cell.dataset.value = one[key];
    }
    row.insertCell().textContent = one.doubts.length ? `estimate: ${one.doubts.join("; ")}` : "exact";
    return row;
  }));
  const known = whatIf.entries.map((entry, number) => [entry.label, found[number]]).filter(([, one]) => one);
  const unknown = whatIf.entries.map(entry => entry.label).filter(label => !known.some(([other]) => other === label));
  const all = unknown.length ? ` Not known here: ${unknown.join(", ")}.` : "";
  place.querySelector(".said").textContent = fastestSaid(known.map(([label, one]) => [label, one.seconds])) + all;
}

// A sentence on who takes the least time, by labels and seconds: as in the verdict, small differences are none.
function fastestSaid(times) {
  if (times.length < 2) return "";
  const [[, least]] = times.sort((a, b) => a[1] - b[1]), level = times.filter(([, seconds]) => seconds <= least * (1 + report.level));
  const labels = level.map(([label]) => label), first = labels.length === 1
    ? `${labels[0]} takes the least time, ${human("seconds", least)}`
    : `${labels.slice(0, -1).join(", ")} and ${labels.at(-1)} are level, at about ${human("seconds", least)}`;
  const second = times[level.length];
  return second ? `${first}; ${second[0]} takes ${factorOf(second[1] / least)} times as long.` : `${first}.`;
}
