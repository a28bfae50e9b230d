"use strict";
// The list keeps 10,000 rows fluid by drawing only those in view; the rest is two spacer rows.
const ROW_HEIGHT = 44, SPARE_ROWS = 8, REFRESH_MS = 30000;
const element = (id) => document.getElementById(id);
const number = (digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const whole = number(0), money = number(2);

const state = { all: [], shown: [], sort: "workload", down: false, first: -1, last: -1 };

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function drawing(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const missing = "–";
const drifts = (row) => row.drift === "drifted" || row.drift === "unlike";
const replicas = (size) => (size.replicas === null ? missing : whole.format(size.replicas));
const cpu = (size) => (size.cpu_m === null ? missing : whole.format(size.cpu_m) + " m");
const memory = (size) => (size.memory_bytes === null ? missing : whole.format(size.memory_bytes / 1048576) + " MiB");
const share = (value) => (value === null ? missing : money.format(100 * value) + " %");
const signed = (value) => (value === null ? missing : (value > 0 ? "+" : "") + money.format(value));
const change = (row, text) => {
  const now = text(row.current), next = text(row.recommended);
  return now === next ? now : now + " → " + next;
};

// Heading, what it is sorted by, and what the cell shows.
const COLUMNS = [
  ["workload", "Workload", (r) => r.workload, (r) => make("a", { href: "#/" + r.workload }, r.workload)],
  ["phase", "Phase", (r) => r.phase, (r) => make("span", { class: "phase" + (r.phase === "INCUMBENT" ? "" : " good") }, r.phase)],
  ["trend", "Load", (r) => r.trend[r.trend.length - 1] ?? 0, (r) => spark(r.trend)],
  ["replicas", "Replicas", (r) => r.recommended.replicas ?? 0, (r) => change(r, replicas)],
  ["cpu", "CPU", (r) => r.recommended.cpu_m ?? 0, (r) => change(r, cpu)],
  ["memory", "Memory", (r) => r.recommended.memory_bytes ?? 0, (r) => change(r, memory)],
  ["violation", "Outside SLO", (r) => r.violation ?? -1, (r) => share(r.violation)],
  ["promised", "Promised", (r) => r.promised ?? -1, (r) => share(r.promised)],
  ["saved", "Saves a month", (r) => r.saved_per_month ?? 0, (r) => saved(r.saved_per_month)],
  ["drift", "Drift", (r) => r.drift, (r) => make("span", { class: drifts(r) ? "bad" : "" }, r.drift)],
  ["reason", "Why", (r) => r.reason, (r) => make("span", { title: r.reason }, r.reason)],
];
const TEXT_COLUMNS = new Set(["workload", "phase", "trend", "drift", "reason"]);

const saved = (value) => make("span", { class: value > 0 ? "good" : value < 0 ? "bad" : "" }, signed(value));

function line(values, width, height, low, high) {
  const step = width / Math.max(values.length - 1, 1), span = high - low || 1;
  let path = "", pen = "M";
  values.forEach((value, index) => {
    if (value === null) { pen = "M"; return; }
    path += pen + (index * step).toFixed(1) + " " + (height - ((value - low) / span) * height).toFixed(1);
    pen = "L";
  });
  return path;
}

function spark(values) {
  const known = values.filter((value) => value !== null);
  const picture = drawing("svg", { class: "spark", viewBox: "0 -1 90 26", "aria-hidden": "true" });
  if (known.length) picture.append(drawing("path", { d: line(values, 90, 24, 0, Math.max(...known)) }));
  return picture;
}

function head() {
  element("head").replaceChildren(...COLUMNS.map(([key, title]) => {
    const chosen = state.sort === key;
    const button = make("button", { type: "button" }, title + (chosen ? (state.down ? " ↓" : " ↑") : ""));
    button.addEventListener("click", () => {
      state.down = state.sort === key ? !state.down : false;
      state.sort = key;
      arrange();
      element("head").children[COLUMNS.findIndex(([name]) => name === key)].firstChild.focus();
    });
    return make("th", { scope: "col", class: TEXT_COLUMNS.has(key) ? "text" : "", "aria-sort": chosen ? (state.down ? "descending" : "ascending") : "none" }, button);
  }));
}

function arrange(stay) {
  const find = element("find").value.trim().toLowerCase();
  const phase = element("phase").value, drift = element("drift").value;
  const by = COLUMNS.find(([key]) => key === state.sort)[2], way = state.down ? -1 : 1;
  state.shown = state.all.filter((row) =>
    (!find || row.workload.toLowerCase().includes(find)) && (!phase || row.phase === phase) && (!drift || row.drift === drift));
  state.shown.sort((one, other) => {
    const a = by(one), b = by(other);
    return a < b ? -way : a > b ? way : one.workload < other.workload ? -1 : 1;
  });
  element("count").textContent = whole.format(state.shown.length) + " of " + whole.format(state.all.length);
  element("table").setAttribute("aria-rowcount", state.shown.length + 1);
  totals();
  head();
  state.first = -1;
  if (stay !== true) element("frame").scrollTop = 0;
  draw();
}

function totals() {
  const acts = (row) => row.phase === "LIVE" || row.phase === "CANARY";
  const acting = state.shown.filter(acts).length;
  const shadow = state.shown.filter((row) => row.phase === "SHADOW").length;
  const drifted = state.shown.filter(drifts).length;
  const compared = state.shown.filter((row) => row.saved_per_month !== null);
  const sum = (rows) => (rows.length ? rows.reduce((total, row) => total + row.saved_per_month, 0) : null);
  const others = compared.filter((row) => !acts(row));
  const facts = [["Policy acts", whole.format(acting)], ["In the shadow", whole.format(shadow)], ["Drifted", whole.format(drifted)], ["Saves a month", signed(sum(compared.filter(acts)))], ["Could save", signed(sum(others))]];
  element("totals").replaceChildren(...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function draw() {
  const frame = element("frame"), count = state.shown.length;
  const first = Math.max(0, Math.floor(frame.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
  const last = Math.min(count, first + Math.ceil(frame.clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS);
  if (first === state.first && last === state.last) return;
  Object.assign(state, { first, last });
  const rows = state.shown.slice(first, last).map((row, index) => {
    const cells = COLUMNS.map(([key, , , cell]) => make("td", { class: (TEXT_COLUMNS.has(key) ? "text " : "") + (key === "reason" ? "reason" : "") }, cell(row)));
    return make("tr", { "data-row": "", "aria-rowindex": first + index + 2 }, ...cells);
  });
  element("rows").replaceChildren(spacer(first), ...rows, spacer(count - last));
}

function spacer(rows) {
  const row = make("tr", { "aria-hidden": "true" });
  row.style.height = rows * ROW_HEIGHT + "px";
  return row;
}

function options(id, values) {
  const select = element(id), chosen = select.value;
  select.replaceChildren(make("option", { value: "" }, "all"), ...[...new Set(values)].sort().map((value) => make("option", { value }, value)));
  select.value = chosen;
}

function say(text) {
  element("message").textContent = text;
  element("message").hidden = !text;
}

async function fetched(path, absent) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((answer.status === 404 && absent) || "the server answers " + answer.status);
  return answer.json();
}

async function showList(stay) {
  const found = await fetched("/workloads.json");
  state.all = found.workloads;
  element("source").textContent = found.source + ", " + found.generated;
  options("phase", state.all.map((row) => row.phase));
  options("drift", state.all.map((row) => row.drift));
  element("list").hidden = state.all.length === 0;
  say(state.all.length ? "" : found.note || "No workload yet: create a MultidimPodAutoscaler, or start `aware run`.");
  arrange(stay);
}

// The next number that reads well on an axis, whole and half.
function roundedUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((times) => times * unit >= value);
}

function chart(found) {
  const width = 480, height = 150, left = 46, bottom = 20;
  const values = Object.values(found.lines).flat().filter((value) => value !== null);
  const high = roundedUp(Math.max(...values, found.limit ?? 0) * 1.05 || 1);
  const title = found.title + (found.unit ? " (" + found.unit + ")" : "");
  const picture = drawing("svg", { class: "chart", viewBox: `0 0 ${width} ${height + bottom + 6}`, role: "img", "aria-label": title });
  for (const part of [0, 0.5, 1]) {
    const y = 4 + height * (1 - part);
    picture.append(drawing("line", { class: "grid", x1: left, x2: width, y1: y, y2: y }));
    const label = drawing("text", { x: left - 6, y: y + 4, "text-anchor": "end" });
    label.textContent = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(high * part);
    picture.append(label);
  }
  const minutes = (found.time_s[found.time_s.length - 1] - found.time_s[0]) / 60;
  for (const part of [0, 0.5, 1]) {
    const label = drawing("text", { x: left + (width - left) * part, y: height + bottom, "text-anchor": part === 0 ? "start" : part === 1 ? "end" : "middle" });
    label.textContent = whole.format(minutes * part) + " min";
    picture.append(label);
  }
  const plot = drawing("g", { transform: `translate(${left} 4)` });
  if (found.limit !== null) {
    const y = height * (1 - found.limit / high);
    plot.append(drawing("line", { class: "limit", x1: 0, x2: width - left, y1: y, y2: y }));
  }
  Object.values(found.lines).forEach((values, index) => plot.append(drawing("path", { class: "c" + (index % 4), d: line(values, width - left, height, 0, high) })));
  picture.append(plot);
  const key = make("ul", { class: "key" }, ...Object.keys(found.lines).map((name, index) => {
    const sample = drawing("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" });
    sample.append(drawing("line", { class: "c" + (index % 4), x1: 0, x2: 22, y1: 4, y2: 4 }));
    return make("li", {}, sample, name);
  }));
  return make("section", {}, make("h3", {}, title), picture, key);
}

function command([what, text]) {
  const button = make("button", { type: "button", "aria-label": "Copy: " + what }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  });
  return make("div", { class: "command" }, make("span", {}, what), make("code", {}, text), button);
}

async function showDetail(workload) {
  const found = await fetched("/workloads/" + workload.split("/").map(encodeURIComponent).join("/") + ".json", "there is no such workload");
  const sections = found.sections.filter((section) => section.lines.length).map((section) =>
    make("section", {}, make("h3", {}, section.heading), make("ul", {}, ...section.lines.map((text) => make("li", {}, text)))));
  element("detail").replaceChildren(
    make("p", {}, make("a", { href: "#/" }, "← all workloads")),
    make("h2", {}, found.workload),
    ...sections.slice(0, 1),
    make("section", {}, make("h3", {}, "Commands to copy"), ...found.commands.map(command)),
    make("div", { class: "charts" }, ...found.charts.map(chart)),
    ...sections.slice(1));
  say("");
}

async function show() {
  const workload = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
  document.title = "AWARE: " + (workload || "workloads");
  element("list").hidden = true;
  element("detail").hidden = !workload;
  try {
    await (workload ? showDetail(workload) : showList());
  } catch (error) {
    element("detail").hidden = true;
    say("Nothing can be shown: " + error.message + ". The page tries again by itself.");
  }
  document.body.dataset.ready = "1";
}

for (const id of ["find", "phase", "drift"]) element(id).addEventListener("input", arrange);
element("filters").addEventListener("submit", (event) => event.preventDefault());
element("frame").addEventListener("scroll", draw, { passive: true });
addEventListener("resize", draw);
addEventListener("hashchange", () => { show(); element("main").focus(); });
// A list that is looked at follows the recommender; the place in it and the filters stay.
async function refresh() {
  if (!element("message").hidden) return show();
  if (element("list").hidden || document.hidden) return;
  try {
    await showList(true);
  } catch (error) {
    say("What is shown may be old: " + error.message + ". The page tries again by itself.");
  }
}
setInterval(refresh, REFRESH_MS);
show();
