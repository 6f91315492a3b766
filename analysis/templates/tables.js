
// Tables to copy: as Markdown and LaTeX what is shown, as CSV the numbers behind it, in SI units.
const copies = { Markdown: asMarkdown, LaTeX: asLatex, CSV: asCsv };

function setUpCopies(table) {
  const bar = document.createElement("div");
  bar.className = "copies";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Copy this table");
  bar.append("Copy as ", ...Object.entries(copies).map(([name, text]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => copyText(text(contentOf(table)), button));
    return button;
  }));
  table.parentElement.after(bar);
}

const textOf = cell => cell.innerText.replace(/\s+/g, " ").trim() || cell.textContent.replace(/\s+/g, " ").trim();

// The groups of a table's columns and how many each spans, their names and units, and its rows of cells.
function contentOf(table) {
  const heads = table.querySelector("thead tr.heads"), groups = table.querySelector("thead tr.groups");
  return {
    groups: groups ? [...groups.cells].map(cell => [textOf(cell), cell.colSpan]) : [],
    heads: [...heads.cells].map(cell => ({ name: textOf(cell), unit: cell.dataset.unit || "" })),
    rows: [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => ({
      text: textOf(cell), value: cell.dataset.value, best: cell.classList.contains("best"),
    }))),
  };
}

// The names of the columns, each with that of its group: of several "First round" one is the time and one the traffic.
function fullNames({ groups, heads }) {
  const above = groups.flatMap(([name, span]) => Array(span).fill(name));
  return heads.map(({ name }, column) => above[column] ? `${above[column]}: ${name}` : name);
}

function asMarkdown(content) {
  const line = cells => `| ${cells.map(text => text.replace(/\\/g, "\\\\").replace(/\|/g, "\\|")).join(" | ")} |`;
  const names = fullNames(content);
  const rule = `|${names.map((_, column) => column ? " ---: " : " --- ").join("|")}|`;
  const rows = content.rows.map(row => line(row.map(({ text, best }) => best ? `**${text}**` : text)));
  return [line(names), rule, ...rows].join("\n") + "\n";
}

function asLatex({ groups, heads, rows }) {
  const line = cells => `${cells.join(" & ")} \\\\`;
  const lines = [`\\begin{tabular}{l${"r".repeat(heads.length - 1)}}`, "\\toprule"];
  if (groups.length) {
    lines.push(line(groups.map(([name, span]) => name ? `\\multicolumn{${span}}{c}{${latex(name)}}` : "")));
    let column = 1;
    lines.push(groups.flatMap(([name, span]) => {
      const [start, end] = [column, column += span];
      return name ? [`\\cmidrule(lr){${start}-${end - 1}}`] : [];
    }).join(" "));
  }
  lines.push(line(heads.map(({ name }) => latex(name))), "\\midrule");
  rows.forEach(row => lines.push(line(row.map(({ text, best }) => best ? `\\textbf{${latex(text)}}` : latex(text)))));
  return [...lines, "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

const special = {
  "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}",
  "|": "\\textbar{}", "±": "$\\pm$", "×": "$\\times$", "µ": "$\\mu$", "–": "--", "’": "'", "…": "\\ldots{}", "“": "``", "”": "''",
};

function latex(text) {
  return text.replace(/[\\~^<>|±×µ–’…“”&%$#_{}]/g, sign => special[sign] || `\\${sign}`);
}

function asCsv(content) {
  const quoted = text => /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  const names = fullNames(content).map((name, column) => content.heads[column].unit ? `${name} (${content.heads[column].unit})` : name);
  const rows = content.rows.map(row => row.map(({ text, value }) => value === undefined ? text : value));
  return [names, ...rows].map(cells => cells.map(quoted).join(",")).join("\n") + "\n";
}
