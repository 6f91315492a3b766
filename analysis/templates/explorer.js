
// A measure over the axes of a sweep: as lines, as a heat map, or who wins where; further axes are held at a value.
const sweep = report.sweep;
const POINT = 0, LABEL = 1, PLACE = 2, STATUS = 3, MEANS = 4, SPREAD = 5, SEEDS = 6;
const TIE = "#c9c9c9";
const MOST_TICKS = 9;
const capital = text => text[0].toUpperCase() + text.slice(1);
const escaped = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const wide = values => values.length > 0 && Math.min(...values) > 0 && Math.max(...values) > 30 * Math.min(...values);

// A list of texts to choose one from, by its place; as one choice may change what others there are, all are built anew.
function choice(box, name, texts, chosen, changed) {
  const label = document.createElement("label"), field = document.createElement("select");
  label.append(name, field);
  texts.forEach((text, place) => field.add(new Option(text, place, false, place === chosen)));
  field.id = `${box.parentElement.id}-${name.replace(/\W+/g, "-")}`;
  field.addEventListener("change", () => { changed(Number(field.value)); document.getElementById(field.id)?.focus(); });
  box.append(label);
}

function explorer(box) {
  const { axes, measures, labels, points, rows, winners } = sweep;
  const views = !sweep.full ? ["Points"] : axes.length > 1 ? [...(labels.length > 1 ? ["Who wins"] : []), "Heat map", "Lines"] : ["Lines"];
  const held = axes.map(axis => Math.floor(axis.ticks.length / 2));
  // A map of who wins begins where not the same one wins all over: with a measure that breaks even somewhere.
  const contested = measures.findIndex((_, place) => new Set(winners.map(own => String(own[place])).filter(own => own)).size > 1);
  const state = { view: views[0], measure: views[0] === "Who wins" ? Math.max(contested, 0) : 0, x: 0, y: 1, label: 0 };
  const choices = box.querySelector(".choices"), plot = box.querySelector(".plot"), caption = box.querySelector(".caption");
  const legend = box.querySelector(".legend");
  const turns = { point: new Map(points.map((point, turn) => [point, turn])), at: new Map() };
  rows.forEach(row => turns.at.set(`${row[PLACE]}/${row[LABEL]}`, row));
  const isMap = () => state.view === "Heat map" || state.view === "Who wins";

  function build() {
    choices.replaceChildren();
    const select = (name, options, chosen, change) => choice(choices, name, options, chosen, value => { change(value); build(); redraw(); });
    const names = axes.map(axis => axis.name);
    if (views.length > 1) select("Show", views, views.indexOf(state.view), value => { state.view = views[value]; });
    select("Measure", measures.map(each => capital(each.name)), state.measure, value => { state.measure = value; });
    if (axes.length > 1) select("Across", names, state.x, value => {
      if (value === state.y) state.y = state.x;
      state.x = value;
    });
    const others = axes.map((_, place) => place).filter(place => place !== state.x);
    if (isMap()) select("Up", others.map(place => names[place]), others.indexOf(state.y), value => { state.y = others[value]; });
    if (state.view === "Heat map" && labels.length > 1)
      select("Algorithm", labels.map(each => each.name), state.label, value => { state.label = value; });
    if (sweep.full) axes.forEach((axis, place) => {
      if (place === state.x || (isMap() && place === state.y)) return;
      select(`${axis.name} at`, axis.ticks, held[place], value => { held[place] = value; });
    });
    if (legend) {
      legend.hidden = state.view === "Heat map";
      all("button", legend).forEach(button => { button.disabled = isMap(); }); // there it only names the colours
    }
  }

  const placeOf = (x, y) => held.map((at, place) => place === state.x ? x : isMap() && place === state.y ? y : at);
  const rowAt = (place, label) => turns.at.get(`${place}/${label}`);
  const told = (row, measure) => {
    const range = row[SPREAD] ? row[SPREAD][state.measure] : null;
    const spread = range && range[0] !== range[1] ? `<br>${human(measure.kind, range[0])} to ${human(measure.kind, range[1])}` : "";
    const where = axes.map((axis, place) => `${escaped(axis.name)} ${escaped(axis.ticks[row[PLACE][place]])}`).join("<br>");
    return `<b>${escaped(labels[row[LABEL]].name)}</b><br>${where}<br>${measure.name}: ${human(measure.kind, row[MEANS][state.measure])}${spread}`;
  };

  // The axis of a measure: in one unit, or logarithmic with a unit at each tick.
  function ruler(measure, values) {
    if (measure.kind === "fraction") return { divisor: 1, axis: { title: { text: capital(measure.name) }, tickformat: ".4~p" } };
    if (wide(values)) {
      const ticks = roundValues(measure.kind, Math.min(...values), Math.max(...values));
      const axis = { type: "log", tickvals: ticks, ticktext: ticks.map(tick => human(measure.kind, tick)) };
      return { divisor: 1, axis: { title: { text: capital(measure.name) }, ...axis } };
    }
    const [divisor, unit] = scaleOf(measure.kind, Math.max(0, ...values.map(Math.abs)));
    return { divisor, axis: { title: { text: capital(measure.name) + (unit ? ` (${unit})` : "") }, tickformat: ",~g" } };
  }

  function ticks(axis, places) {
    const narrow = plot.clientWidth < 500;
    const every = Math.ceil(places.length / (narrow ? 4 : MOST_TICKS));
    const shown = places.map((_, index) => index).filter(index => index % every === 0);
    return { tickvals: shown.map(index => places[index]), ticktext: shown.map(index => escaped(axis.ticks[index])) };
  }

  function lines() {
    const axis = axes[state.x], measure = measures[state.measure];
    const value = row => row ? row[MEANS][state.measure] : null; // of several seeds some may be missing yet
    const curves = labels.map((_, label) => sweep.full
      ? axis.ticks.map((_, x) => rowAt(placeOf(x), label)).filter(row => row && value(row) !== null)
      : rows.filter(row => row[LABEL] === label && value(row) !== null));
    const { divisor, axis: up } = ruler(measure, curves.flat().map(value));
    const data = curves.map((curve, label) => {
      const { name, colour, dash, symbol } = labels[label];
      const range = row => row[SPREAD] ? row[SPREAD][state.measure] : [value(row), value(row)];
      const spread = curve.some(row => row[SPREAD]) ? { error_y: {
        type: "data", symmetric: false, thickness: 1, color: colour,
        array: curve.map(row => (range(row)[1] - value(row)) / divisor), arrayminus: curve.map(row => (value(row) - range(row)[0]) / divisor),
      } } : {};
      return {
        type: "scatter", mode: sweep.full ? "lines+markers" : "markers", name: escaped(name), legendgroup: name,
        x: curve.map(row => axis.positions[row[PLACE][state.x]]), y: curve.map(row => value(row) / divisor),
        line: { color: colour, dash, width: 2.2 }, marker: { color: colour, symbol, size: 8, line: { color: "#ffffff", width: 1 } },
        hoverinfo: "text", hovertext: curve.map(row => told(row, measure)), ...spread,
      };
    });
    const x = { title: { text: escaped(axis.key) }, type: axis.log ? "log" : "linear", zeroline: false, automargin: true, ...ticks(axis, axis.positions) };
    return { data, layout: frame(x, { zeroline: false, automargin: true, ...up }, 430) };
  }

  const frame = (xaxis, yaxis, height) => ({
    height, xaxis, yaxis, showlegend: false, hovermode: "closest", margin: { l: 60, r: 16, t: 30, b: 56 },
  });

  function grid(data, shapes = [], texts = { type: "scatter", x: [], y: [] }) {
    const x = axes[state.x], y = axes[state.y];
    const cells = axis => axis.ticks.map((_, place) => place);
    const side = axis => ({ title: { text: escaped(axis.key) }, showgrid: false, zeroline: false, automargin: true, ...ticks(axis, cells(axis)) });
    const height = Math.min(Math.max(38 * y.ticks.length + 110, 300), 700);
    return { data: [{ type: "heatmap", x: cells(x), y: cells(y), xgap: 1, ygap: 1, hoverinfo: "text", ...data }, texts],
      layout: { ...frame(side(x), { ...side(y), ...{ tickvals: cells(y), ticktext: y.ticks.map(escaped) } }, height), shapes } };
  }

  const matrix = make => axes[state.y].ticks.map((_, y) => axes[state.x].ticks.map((_, x) => make(x, y)));
  // Texts are written where all of them fit their cells.
  const fitting = texts => {
    const room = (plot.clientWidth - 190) / axes[state.x].ticks.length;
    return Math.max(...texts.flat().map(text => text.length)) * 6.6 < room ? texts : texts.map(row => row.map(() => ""));
  };

  function heatMap() {
    const measure = measures[state.measure];
    const found = matrix((x, y) => rowAt(placeOf(x, y), state.label));
    const values = found.map(line => line.map(row => row ? row[MEANS][state.measure] : null));
    const every = rows.map(row => row[MEANS][state.measure]).filter(value => value !== null); // one scale for all labels
    const log = wide(every), forward = value => value === null ? null : log ? Math.log10(value) : value;
    const low = every.length ? Math.min(...every.map(forward)) : 0, high = every.length ? Math.max(...every.map(forward)) : 1;
    const even = [...Array(5).keys()].map(step => low + step * (high - low) / 4);
    const steps = log ? roundValues(measure.kind, 10 ** low, 10 ** high).map(Math.log10) : even;
    const shade = value => high > low ? (forward(value) - low) / (high - low) : 0;
    const written = fitting(values.map(line => line.map(value => value === null ? "" : human(measure.kind, value))));
    const cells = written.flatMap((line, y) => line.map((text, x) => ({ x, y, text, value: values[y][x] }))).filter(cell => cell.text);
    return grid({
      z: values.map(line => line.map(forward)), zmin: low, zmax: high === low ? low + 1 : high, colorscale: "Cividis",
      hovertext: found.map(line => line.map(row => row ? told(row, measure) : "no point here")),
      colorbar: { thickness: 12, outlinewidth: 0, tickvals: steps, ticktext: steps.map(step => human(measure.kind, log ? 10 ** step : step)) },
    }, [], {
      type: "scatter", mode: "text", hoverinfo: "skip", x: cells.map(cell => cell.x), y: cells.map(cell => cell.y), text: cells.map(cell => cell.text),
      textfont: { color: cells.map(cell => shade(cell.value) < 0.5 ? "#fefefe" : "#101215") }, // on the map's own colours, light page or dark
    });
  }

  function whoWins() {
    const measure = measures[state.measure];
    const won = matrix((x, y) => {
      const row = labels.map((_, label) => rowAt(placeOf(x, y), label)).find(each => each);
      return row ? winners[turns.point.get(row[POINT])][state.measure] : [];
    });
    const code = own => own.length === 0 ? null : own.length > 1 ? labels.length : own[0];
    const colours = [...labels.map(label => mixed(label.colour)), TIE];
    const scale = colours.flatMap((colour, place) => [[place / colours.length, colour], [(place + 1) / colours.length, colour]]);
    const names = won.map(line => line.map(own => own.length > 1 ? "tie" : own.length ? labels[own[0]].name : ""));
    const shapes = [];
    won.forEach((line, y) => line.forEach((own, x) => {
      const edge = (x0, x1, y0, y1) => shapes.push({ type: "line", x0, x1, y0, y1, line: { color: "#000000", width: 2 } });
      if (x + 1 < line.length && String(line[x + 1]) !== String(own)) edge(x + 0.5, x + 0.5, y - 0.5, y + 0.5);
      if (y + 1 < won.length && String(won[y + 1][x]) !== String(own)) edge(x - 0.5, x + 0.5, y + 0.5, y + 0.5);
    }));
    return grid({
      z: won.map(line => line.map(code)), zmin: -0.5, zmax: colours.length - 0.5, colorscale: scale, showscale: false,
      text: fitting(names).map(line => line.map(escaped)), texttemplate: "%{text}", textfont: { color: "#1d1f22" },
      hovertext: won.map((line, y) => line.map((own, x) => {
        const all = labels.map((_, label) => rowAt(placeOf(x, y), label)).filter(each => each);
        const figures = all.map(row => `${escaped(labels[row[LABEL]].name)}: ${human(measure.kind, row[MEANS][state.measure])}`);
        const who = own.length ? own.map(label => escaped(labels[label].name)).join(" = ") : "nobody can be said to win";
        return `<b>${who}</b><br>${figures.join("<br>")}`;
      })),
    }, shapes);
  }

  function describe() {
    const measure = measures[state.measure];
    const several = rows.some(row => Math.max(...[row[SEEDS]].flat()) > 1);
    const mean = several ? "mean over seeds" : "one seed";
    const better = measure.more ? "highest" : "lowest";
    caption.textContent = {
      "Heat map": `${capital(mean)}; the colours are the same for all algorithms. Empty cells have no value.`,
      "Who wins": `The ${better} wins, ${mean}; a tie is equal to three digits (the verdict counts costs within 5 % as level). One that lacks a value with any seed cannot win; where nobody can, the cell is empty.`,
      "Lines": several ? "Mean over seeds; whiskers reach from the lowest to the highest." : "One seed.",
      "Points": "Every point of the sweep: too few of the grid's places hold one for lines.",
    }[state.view];
  }

  function redraw() {
    describe();
    const figure = state.view === "Heat map" ? heatMap() : state.view === "Who wins" ? whoWins() : lines();
    draw(plot, figure, state.view === "Lines" || state.view === "Points");
  }

  build();
  drawers.unshift(redraw);
}

// Round numbers between two, few enough to stand on an axis: times of a clock, or one, two and five of each decade.
function roundValues(kind, low, high) {
  const times = [1e-3, 1e-2, 0.1, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400, 172800, 432000, 864000];
  const decades = [...Array(31).keys()].flatMap(power => [1, 2, 5].map(step => step * 10 ** (power - 6)));
  const within = (kind === "seconds" ? times : decades).filter(value => value >= low * 0.99 && value <= high * 1.01);
  const every = Math.ceil(within.length / 8);
  return within.length > 1 ? within.filter((_, place) => place % every === 0) : [low, high];
}

// A colour half way to white, so that a name can be read on it.
function mixed(colour) {
  const part = start => Math.round((255 + parseInt(colour.slice(start, start + 2), 16)) / 2);
  return `rgb(${part(1)},${part(3)},${part(5)})`;
}

if (document.getElementById("explorer")) explorer(document.getElementById("explorer"));
