
// Figures for which the reader chooses a place of the sweep: where it goes there, and a round.
function placed(box, { axes, rows }, fields, figureAt) {
  const { labels } = sweep, plot = box.querySelector(".plot"), choices = box.querySelector(".choices");
  const phases = document.createElement("div"), off = new Set();
  const at = new Map(rows.map(row => [`${row[0]}/${row[1]}`, row[2]]));
  const state = { label: 0, held: axes.map(axis => Math.floor(axis.ticks.length / 2)) };
  phases.className = "legend phases";
  plot.after(phases);

  const changed = change => value => { change(value); build(); redraw(); };
  function build() {
    choices.replaceChildren();
    const free = fields(choices, changed); // the dimension along which a figure has many: -1 for algorithms
    if (labels.length > 1 && free !== -1)
      choice(choices, "Algorithm", labels.map(each => each.name), state.label, changed(value => { state.label = value; }));
    axes.forEach((axis, place) => {
      if (place !== free && axis.ticks.length > 1)
        choice(choices, axis.name, axis.ticks, state.held[place], changed(value => { state.held[place] = value; }));
    });
  }

  const lookUp = (label = state.label, axis = -1, tick = 0) =>
    at.get(`${state.held.map((own, place) => place === axis ? tick : own)}/${label}`);
  function redraw() {
    const figure = figureAt(lookUp);
    draw(plot, figure, false, off);
    phaseButtons(phases, figure, off, redraw);
  }

  build();
  drawers.push(redraw);
}

// Texts cut in the middle where they are long, but less where two would read the same.
function apart(texts, longest) {
  const short = texts.map(text => text.length > longest ? `${text.slice(0, longest / 2)}…${text.slice(1 - longest / 2)}` : text);
  return new Set(short).size === new Set(texts).size ? short : apart(texts, longest + 4);
}

// Stacked bars, one for each algorithm or for each value of an axis.
function whereItGoes(box) {
  const { of, pieces, axes } = sweep.where, { labels } = sweep;
  const bars = [...(labels.length > 1 ? [[-1, "Algorithm"]] : []), ...axes.map((axis, place) => [place, axis.name]).filter(([place]) => axes[place].ticks.length > 1)];
  const state = { of: 0, bars: bars.length ? bars[0][0] : -1 };

  function fields(choices, changed) {
    choice(choices, "Of", of.map(each => each.name), state.of, changed(value => { state.of = value; }));
    if (bars.length > 1)
      choice(choices, "A bar for each", bars.map(([, name]) => name), bars.findIndex(([place]) => place === state.bars), changed(value => { state.bars = bars[value][0]; }));
    return state.bars;
  }

  function figureAt(lookUp) {
    const { kind, title } = of[state.of], alone = state.bars === -1;
    const names = alone ? labels.map(each => each.name) : axes[state.bars].ticks;
    const found = names.map((_, turn) => alone ? lookUp(turn) : lookUp(undefined, state.bars, turn));
    const amounts = found.map(each => each ? each[state.of] : pieces.map(() => 0));
    const totals = amounts.map(each => each.reduce((sum, much) => sum + much, 0));
    const [divisor, unit] = scaleOf(kind, Math.max(...totals));
    const data = pieces.flatMap(({ phase, activity, colour, pattern }, piece) => amounts.some(each => each[piece]) ? [{
      type: "bar", orientation: "h", name: escaped(phase),
      x: amounts.map(each => each[piece] / divisor), y: names.map((_, turn) => turn), hoverinfo: "text",
      hovertext: amounts.map((each, turn) => `<b>${escaped(names[turn])}</b><br>${escaped(phase)}${pattern ? `: ${activity}` : ""}<br>` +
        `${human(kind, each[piece])}, ${(100 * each[piece] / (totals[turn] || 1)).toFixed(1)}% of ${human(kind, totals[turn])}`),
      marker: { color: colour, line: { color: "#ffffff", width: 0.5 },
        ...(pattern ? { pattern: { shape: pattern, fgcolor: "#ffffff", fgopacity: 0.85, size: 6, fillmode: "overlay" } } : {}) },
    }] : []);
    const end = { xanchor: "left", showarrow: false, xshift: 4 };
    const short = apart(names, 22);
    return { data, layout: {
      height: 112 + (names.length > 12 ? 24 : 40) * names.length, barmode: "stack", bargap: 0.3, hovermode: "closest", margin: { l: 60, r: 84, t: 16, b: 50 },
      xaxis: { title: { text: `${title} (${unit})` }, tickformat: ",~g", zeroline: false, automargin: true },
      yaxis: { tickvals: names.map((_, turn) => turn), ticktext: short.map(escaped), autorange: "reversed", showgrid: false,
        automargin: true, ...(alone ? {} : { title: { text: escaped(axes[state.bars].name) } }) },
      annotations: totals.map((total, turn) => ({ ...end, x: total / divisor, y: turn, text: found[turn] ? human(kind, total) : "no result" })),
    } };
  }

  placed(box, sweep.where, fields, figureAt);
}

function oneRound(box) {
  const { figures } = sweep.round;
  const nothing = { data: [], layout: { height: 120, xaxis: { visible: false }, yaxis: { visible: false },
    annotations: [{ text: "no result here", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }] } };
  placed(box, sweep.round, () => null, lookUp => figures[lookUp()] || nothing);
}

if (document.getElementById("where")) whereItGoes(document.getElementById("where"));
if (document.getElementById("round")) oneRound(document.getElementById("round"));
