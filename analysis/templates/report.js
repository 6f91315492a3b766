"use strict";
// What all reports share: figures in the page's colours, knobs, the legend that switches algorithms, sortable tables.
const report = JSON.parse(document.getElementById("data").textContent);
const darkPage = matchMedia("(prefers-color-scheme: dark)");
const coarse = matchMedia("(pointer: coarse)").matches;
const PRINTED = 940; // pixels that a page of paper is wide
const hidden = new Set();
const drawers = []; // one function a figure, that draws it anew
let printing = false;

const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const isDark = () => darkPage.matches && !printing;

// A figure's colours are those of a light page; some have another on a dark one.
function themed(value) {
  if (Array.isArray(value)) return value.map(themed);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, themed(own)]));
  return isDark() && typeof value === "string" && report.dark[value] || value;
}

function dressed(layout) {
  const [ink, quiet, card, grid] = isDark() ? ["#e6e7e9", "#a0a5ab", "#262a2f", "#363a40"] : ["#1d1f21", "#5f6368", "#ffffff", "#e2e4e7"];
  const axis = own => ({ gridcolor: grid, linecolor: quiet, ...own });
  return {
    ...layout,
    showlegend: false, // legends are buttons of the page: keys reach them, and they wrap on a phone
    font: { family: 'system-ui, -apple-system, "Segoe UI", sans-serif', size: 12, color: ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: card, bordercolor: quiet, font: { color: ink, size: 13 }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: quiet, activecolor: ink },
    dragmode: coarse ? false : "zoom", // a finger scrolls the page
    xaxis: axis(layout.xaxis),
    yaxis: axis(layout.yaxis),
    ...(printing ? { width: PRINTED } : {}),
  };
}

const settings = {
  responsive: true,
  displaylogo: false,
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]], // none that sends anything anywhere
  toImageButtonOptions: { format: "svg" },
};

// Draws a figure {data, layout} into a place; traces of algorithms or phases that are switched off are there, but not shown.
function draw(place, figure, labelled, off = new Set()) {
  const gone = trace => labelled && hidden.has(trace.legendgroup) || off.has(trace.name);
  const data = themed(figure.data).map(trace => gone(trace) ? { ...trace, visible: false } : trace);
  Plotly.react(place, data, dressed(themed(figure.layout)), { ...settings, ...(printing ? { displayModeBar: false } : {}) });
  if (data.some(trace => trace.customdata && trace.mode === "markers")) namePoints(place, data, figure.layout);
}

// Names beside points, each where it covers neither another name nor a point; a name without room is left to the mouse.
function namePoints(place, data, layout) {
  const { xaxis, yaxis, _size: size } = place._fullLayout;
  const log = xaxis.type === "log";
  const spots = data.filter(trace => trace.visible !== false && trace.customdata && trace.mode === "markers").flatMap(trace =>
    trace.x.map((x, index) => {
      const across = log ? Math.log10(x) : x;
      const [left, right] = xaxis.range, [bottom, top] = yaxis.range;
      return {
        across, y: trace.y[index], text: trace.customdata[index],
        px: (across - left) / (right - left) * size.w,
        py: (top - trace.y[index]) / (top - bottom) * size.h,
      };
    }));
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = "12px system-ui, sans-serif";
  const taken = spots.map(spot => [spot.px - 7, spot.py - 7, spot.px + 7, spot.py + 7]);
  const free = box => box[0] > -20 && box[2] < size.w + 12 && box[1] > -14 && box[3] < size.h &&
    !taken.some(other => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]);
  const annotations = [...(layout.annotations || [])];
  for (const spot of spots.filter(each => each.text)) {
    const width = pen.measureText(decoded(spot.text)).width + 6;
    for (const [dx, dy, anchor] of [[10, -9, "left"], [10, 9, "left"], [-10, -9, "right"], [-10, 9, "right"], [0, -18, "center"],
      [0, 18, "center"], [12, -26, "left"], [12, 26, "left"], [-12, -26, "right"], [-12, 26, "right"]]) {
      const start = spot.px + dx - (anchor === "right" ? width : anchor === "center" ? width / 2 : 0);
      const box = [start, spot.py + dy - 8, start + width, spot.py + dy + 8];
      if (!free(box)) continue;
      taken.push(box);
      annotations.push({ x: spot.across, y: spot.y, text: spot.text, showarrow: false, xanchor: anchor, yanchor: "middle", xshift: dx, yshift: -dy });
      break;
    }
  }
  Plotly.relayout(place, { annotations });
}

function decoded(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

function setUpChart(box) {
  const place = box.querySelector(".plot");
  const { figures, knobs } = report.charts[box.dataset.chart];
  const chosen = Array(knobs).fill(0);
  const labelled = box.querySelector(".legend") !== null;
  const phases = document.createElement("div"), off = new Set();
  phases.className = "legend phases";
  const redraw = () => {
    const figure = figures[chosen.join("|")];
    draw(place, figure, labelled, off);
    if (figure.layout.showlegend) phaseButtons(phases, figure, off, redraw);
    // Tables that belong to a figure are shown one at a time, as its first knob says.
    all("[data-of]").filter(part => part.dataset.of === box.dataset.chart)
      .forEach(part => { part.hidden = Number(part.dataset.option) !== chosen[0]; });
  };
  place.after(phases);
  all(".knob", box).forEach(knob => all("button", knob).forEach((button, option, others) =>
    button.addEventListener("click", () => {
      chosen[Number(knob.dataset.knob)] = option;
      others.forEach(other => other.setAttribute("aria-pressed", String(other === button)));
      redraw();
    })));
  drawers.push(redraw);
}

// What each colour of a figure stands for, as buttons that switch it.
function phaseButtons(box, figure, off, redraw) {
  const colours = new Map(figure.data.map(trace => [trace.name, trace.marker.color]));
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.phase : undefined;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Phases shown");
  box.replaceChildren(...[...colours].map(([name, colour]) => {
    const button = document.createElement("button"), mark = document.createElement("i");
    button.type = "button";
    button.dataset.phase = name;
    button.setAttribute("aria-pressed", String(!off.has(name)));
    mark.style.background = colour;
    button.append(mark, decoded(name));
    button.addEventListener("click", () => {
      off.has(name) ? off.delete(name) : off.add(name);
      redraw();
    });
    return button;
  }));
  if (focused !== undefined) all("button", box).find(button => button.dataset.phase === focused)?.focus();
}

// A square in the colour of an algorithm, as the first table has it.
function swatchOf(label) {
  return all("#measures tr[data-label]").find(row => row.dataset.label === label)?.querySelector(".swatch")?.cloneNode();
}

function redrawAll() {
  drawers.forEach(redraw => redraw());
}

// One algorithm, in every figure and table of the page.
function toggle(label) {
  hidden.has(label) ? hidden.delete(label) : hidden.add(label);
  all("[data-toggle]").filter(button => button.dataset.toggle === label)
    .forEach(button => button.setAttribute("aria-pressed", String(!hidden.has(label))));
  all("tr[data-label]").forEach(row => row.classList.toggle("off", hidden.has(row.dataset.label)));
  redrawAll();
}

// Which way a column is to be sorted after a click: the better end first, then the other.
function nextOrder(header) {
  const first = header.dataset.more ? "descending" : "ascending";
  const order = header.getAttribute("aria-sort") !== first ? first : first === "ascending" ? "descending" : "ascending";
  all("th[aria-sort]", header.closest("thead")).forEach(other => other.setAttribute("aria-sort", "none"));
  header.setAttribute("aria-sort", order);
  return order;
}

// Numbers by size, words by letters; what has no value comes last, whichever way.
function compared(one, other, order) {
  const none = value => value === null || value === "" || value === undefined;
  if (none(one) || none(other)) return none(one) - none(other);
  const by = typeof one === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true });
  return order === "descending" ? -by : by;
}

function setUpTable(table) {
  const valueOf = (row, column) => {
    const { value } = row.cells[column].dataset;
    return value === undefined ? row.cells[column].textContent : value === "" ? null : Number(value);
  };
  all("th[aria-sort]", table).forEach(header => header.querySelector("button").addEventListener("click", () => {
    const order = nextOrder(header), body = table.tBodies[0];
    const rows = [...body.rows].sort((one, other) => compared(valueOf(one, header.cellIndex), valueOf(other, header.cellIndex), order));
    body.append(...rows);
  }));
}

async function copyText(text, button) {
  const name = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // where a page from a file may not
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = name; }, 1500);
}

function setUp() {
  all("[data-chart]").filter(box => box.dataset.chart in report.charts).forEach(setUpChart);
  all("table.sortable").forEach(setUpTable);
  all("[data-toggle]").forEach(button => button.addEventListener("click", () => toggle(button.dataset.toggle)));
  all(".copied > button").forEach(button => button.addEventListener("click", () =>
    copyText(button.parentElement.querySelector("code").textContent, button)));
  all(".scroll > table").forEach(setUpCopies);
  darkPage.addEventListener("change", redrawAll);
  const print = on => { printing = on; redrawAll(); };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  let timer;
  addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(() => printing || redrawAll(), 200); });
}

// At first one figure after the other, so that the page can be read meanwhile; `data-drawn` says that all are there.
function drawInTurn(rest) {
  if (rest.length === 0) {
    document.documentElement.dataset.drawn = "all";
    return;
  }
  rest[0]();
  setTimeout(() => drawInTurn(rest.slice(1)));
}
