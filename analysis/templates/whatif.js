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

// What an algorithm takes for some rounds: sums, and why they are estimates, if they are; null where nothing is known.
function taken(entry, wish) {
  const head = wish.head ?? entry.head, kept = entry.kept === null ? 100 : wish.kept ?? entry.kept;
  const equal = wish.batches !== null;
  const program = entry.programs.find(one => one.equal === equal && one.pruned === kept < 100 && (entry.head === null || one.head === head));
  if (!program) return null;
  const sums = { seconds: 0, up: 0, down: 0, joules: 0, work: 0 }, doubts = new Set(program.doubts);
  for (const cohort of entry.cohorts.slice(0, wish.rounds)) {
    const inputs = { ...wish, kept };
    cohort.forEach(([group, samples], at) => { inputs[`g${at}`] = group; inputs[`n${at}`] = samples; });
    const found = outputsOf(program, inputs);
    for (const name in sums) sums[name] += found[name];
    program.conditions.forEach((otherwise, number) => { if (found[`lower${number}`] > found[`upper${number}`]) doubts.add(otherwise); });
  }
  return { ...sums, bytes: sums.up + sums.down, doubts: [...doubts] };
}

// The sliders: for each its values, how they read, and the one that is as in the run.
function slidersOf() {
  const heads = [...new Set(whatIf.entries.flatMap(entry => entry.programs.map(one => one.head)))].filter(head => head !== null).sort((a, b) => a - b);
  const powers = Array.from({ length: 41 }, (_, step) => 10 ** ((step - 20) / 20));
  const times = factor => factor === 1 ? "as in the run" : `${factor.toPrecision(2)} times as fast`;
  const longest = Math.max(...whatIf.entries.map(entry => (entry.cohorts || []).length));
  const sliders = { links: ["Links", powers, times, 20], devices: ["Devices", powers, times, 20], server: ["Server", powers, times, 20] };
  const batches = [null, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
  sliders.batches = ["Samples a device", batches, count => count === null ? "as in the run" : `${(count * whatIf.batch_size).toLocaleString("en")}`, 0];
  if (heads.length > 1) sliders.head = ["Blocks on the device", [null, ...heads], head => head === null ? "as in the run" : `${head}`, 0];
  if (whatIf.entries.some(entry => entry.kept !== null && entry.programs.length)) {
    sliders.kept = ["Pruning keeps", [null, ...Array.from({ length: 19 }, (_, step) => 10 + 5 * step)], kept => kept === null ? "as in the run" : `${kept} %`, 0];
  }
  sliders.rounds = ["Rounds", Array.from({ length: longest }, (_, round) => round + 1), count => `${count}`, Math.min(whatIf.rounds, longest) - 1];
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
    showWhatIf(place, rows, whatIf.entries.map(entry => taken(entry, { head: null, kept: null, ...wish })));
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
function showWhatIf(place, rows, found) {
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
      none.textContent = `not known at once: ${entry.why_not || "no closed form holds with these values"}`;
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
  const known = whatIf.entries.map((entry, number) => [entry.label, found[number]]).filter(([, one]) => one).sort((a, b) => a[1].seconds - b[1].seconds);
  const [first, second] = known;
  place.querySelector(".said").textContent = !second ? "" :
    `${first[0]} takes the least time, ${human("seconds", first[1].seconds)}; ${second[0]} takes ${(second[1].seconds / first[1].seconds).toPrecision(2)} times as long.`;
}
