
// All points of a sweep in a table that sorts and filters; of very many, some hundreds at a time are shown.
const MOST_ROWS = 500;

function pointsTable(table, filter, count) {
  const { axes, measures, labels, rows } = sweep;
  const failed = rows.some(row => row[STATUS] !== "done");
  const word = (name, value, sort = value) => ({ name, value, sort, word: true });
  const columns = [
    { name: "Point", value: row => String(row[POINT]), sort: row => row[POINT] },
    ...axes.map((axis, place) => word(axis.name, row => axis.ticks[row[PLACE][place]], row => row[PLACE][place])),
    word("Algorithm", row => labels[row[LABEL]].name),
    ...(failed ? [word("Status", row => row[STATUS])] : []),
    ...measures.map((measure, place) => ({
      name: capital(measure.name), more: measure.more,
      value: row => human(measure.kind, row[MEANS][place]),
      sort: row => row[MEANS][place],
      best: row => { const won = sweep.winners[turns.get(row[POINT])][place]; return won.length < present.get(row[POINT]) && won.includes(row[LABEL]); },
      title: row => row[SPREAD] ? `${human(measure.kind, row[SPREAD][place][0])} to ${human(measure.kind, row[SPREAD][place][1])}` : "",
    })),
  ];
  const turns = new Map(sweep.points.map((point, turn) => [point, turn])), present = new Map();
  rows.forEach(row => present.set(row[POINT], (present.get(row[POINT]) || 0) + 1));
  const words = new Map(rows.map(row => [row, columns.filter(column => column.word)
    .map(column => `${column.name} ${column.value(row)}`).join(" ").toLowerCase()]));
  let order = rows;

  const heads = table.tHead.insertRow();
  heads.className = "heads";
  columns.forEach(column => {
    const head = document.createElement("th"), button = document.createElement("button");
    head.scope = "col";
    head.setAttribute("aria-sort", "none");
    if (column.more) head.dataset.more = "1";
    button.type = "button";
    button.textContent = column.name;
    button.addEventListener("click", () => {
      const way = nextOrder(head);
      order = [...rows].sort((one, other) => compared(column.sort(one), column.sort(other), way));
      fill();
    });
    head.append(button);
    heads.append(head);
  });

  function fill() {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(each => each);
    const found = order.filter(row => wanted.every(each => words.get(row).includes(each)));
    const body = document.createElement("tbody");
    found.slice(0, MOST_ROWS).forEach(row => {
      const line = body.insertRow();
      columns.forEach(column => {
        const cell = line.insertCell();
        cell.textContent = column.value(row);
        if (column.word) cell.className = "word";
        else if (column.best && column.best(row)) cell.className = "best";
        const title = column.title && column.title(row);
        if (title) cell.title = title;
      });
    });
    table.tBodies[0].replaceWith(body);
    const shown = Math.min(found.length, MOST_ROWS);
    const all = found.length === rows.length ? `${rows.length} rows.` : `${found.length} of ${rows.length} rows.`;
    count.textContent = shown < found.length ? `${all} The first ${shown} are shown: filter or sort for others.` : all;
  }

  filter.addEventListener("input", fill);
  fill();
}

pointsTable(document.getElementById("points"), document.getElementById("filter"), document.getElementById("count"));
