"use strict";
const $ = (id) => document.getElementById(id);
const KEPT_S = 60, ROWS = 8, EVENTS = 1000, LISTED = 200;
const MEL_DB = [-95, -25]; // what the colours span

const state = {
  board: null, classes: [], telemetry: {}, steps: [], spans: new Map(), status: null, counts: {}, level: null,
  offset: null, paused: null, all: false, connectedAt: performance.now(), open: false,
};
// All boards of this monitor, by their number: what is shown of each. The rest of the page is about board `shown`.
const boards = new Map();
let shown = Number(new URLSearchParams(location.hash.slice(1)).get("board")) || 0;

// ---- time: the board's, drawn smoothly between what comes

function heard(at) {
  const offset = at - performance.now() / 1000;
  const far = state.offset === null || Math.abs(offset - state.offset) > 1;
  state.offset = far ? offset : state.offset + 0.1 * (offset - state.offset);
  state.last = Math.max(far ? at : state.last, at);
}

function now() {
  if (state.offset === null) return 0;
  const live = state.open && state.board && state.board.connected;
  const t = live ? state.offset + performance.now() / 1000 : state.last;
  return state.paused === null ? t : state.paused;
}

const windowS = () => Number($("span").value);

// ---- the spectrogram: a ring of frames, one pixel column each

const mel = { ring: document.createElement("canvas"), raw: null, newest: null, columns: 0, width: 0 };

function melSetup() {
  const t = state.telemetry;
  if (!t.width || !state.board.rate_hz) return false;
  const hop = t.step / t.frames / state.board.rate_hz;
  const columns = Math.ceil((KEPT_S + 5) / hop);
  if (mel.columns === columns && mel.width === t.width) return true;
  Object.assign(mel, { columns, width: t.width, hop, raw: new Int16Array(columns * t.width).fill(-999), newest: null });
  mel.ring.width = columns;
  mel.ring.height = t.width;
  melAxis();
  return true;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const ramp = [0, 1, 2, 3, 4].map((i) => style.getPropertyValue(`--ramp-${i}`).trim());
  const stops = ramp.map((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)));
  const t = state.telemetry;
  mel.colour = Array.from({ length: 256 }, (_, i) => {
    const db = t.floor_db + (i * t.step_mdb) / 1000;
    const share = t.mfcc ? i / 255 : (db - MEL_DB[0]) / (MEL_DB[1] - MEL_DB[0]);
    const x = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1);
    const k = Math.floor(x);
    return stops[k].map((v, j) => Math.round(v + (stops[k + 1][j] - v) * (x - k)));
  });
}

function paint(from, to) { // absolute frames
  if (!mel.colour) colours();
  const g = mel.ring.getContext("2d");
  for (let frame = from; frame < to; frame++) {
    const column = ((frame % mel.columns) + mel.columns) % mel.columns;
    const image = g.createImageData(1, mel.width);
    for (let band = 0; band < mel.width; band++) {
      const value = mel.raw[column * mel.width + band];
      if (value === -999) continue;
      image.data.set([...mel.colour[value + 128], 255], 4 * (mel.width - 1 - band));
    }
    g.putImageData(image, column, 0);
  }
}

function melTake(m) {
  if (!melSetup()) return;
  const bytes = Uint8Array.from(atob(m.data), (c) => c.charCodeAt(0));
  const count = bytes.length / mel.width;
  const first = Math.round(m.at / mel.hop) - state.telemetry.frames + m.frame;
  if (mel.newest !== null && first < mel.newest - mel.columns / 2) mel.newest = null;
  const begin = mel.newest === null ? first : Math.max(mel.newest, first - mel.columns);
  for (let frame = begin; frame < first + count; frame++) {
    const column = ((frame % mel.columns) + mel.columns) % mel.columns;
    for (let band = 0; band < mel.width; band++) {
      const value = frame < first ? -999 : (bytes[(frame - first) * mel.width + band] << 24) >> 24;
      mel.raw[column * mel.width + band] = value;
    }
  }
  paint(begin, first + count);
  mel.newest = Math.max(first + count, mel.newest ?? -Infinity);
}

function melAxis() {
  const t = state.telemetry, axis = $("hz");
  axis.textContent = "";
  $("sound-title").textContent = t.mfcc ? "Sound: MFCC" : "Sound: log-mel";
  $("scale").hidden = Boolean(t.mfcc);
  $("scale").replaceChildren(...[`${MEL_DB[1]}`, "dBFS", `${MEL_DB[0]}`].map((x) => element("span", x.replace("-", "−"))));
  if (t.mfcc) return;
  const toMel = (hz) => 2595 * Math.log10(1 + hz / 700);
  const [low, high] = [toMel(t.low_hz), toMel(t.high_hz)];
  for (const hz of [100, 250, 500, 1000, 2000, 4000, 8000, 16000]) {
    const share = (toMel(hz) - low) / (high - low);
    if (share < 0.01 || share > 0.99) continue;
    const label = element("span", hz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`);
    label.style.bottom = `${100 * share}%`;
    axis.append(label);
  }
}

// ---- drawing

const dark = matchMedia("(prefers-color-scheme: dark)");
let ink = {};
function readInk() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["score", "area", "limit", "event", "shade", "dim", "line", "card"]) {
    ink[name] = style.getPropertyValue(`--${name}`).trim();
  }
  mel.colour = null;
  if (mel.raw) paint(0, mel.columns);
}
dark.addEventListener("change", readInk);

function surface(canvas) {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return { g, width, height };
}

function drawMel(t, span) {
  const { g, width, height } = surface($("mel"));
  if (!mel.raw || mel.newest === null) return;
  g.imageSmoothingEnabled = false;
  const first = Math.max((t - span) / mel.hop, mel.newest - mel.columns), last = Math.min(t / mel.hop, mel.newest);
  const x = (frame) => width * (1 - (t - frame * mel.hop) / span);
  for (let at = first; at < last; ) {
    const column = ((at % mel.columns) + mel.columns) % mel.columns;
    const count = Math.min(last - at, mel.columns - column);
    g.drawImage(mel.ring, column, 0, count, mel.width, x(at), 0, x(at + count) - x(at), height);
    at += Math.max(count, 1e-6);
  }
}

function drawRow(row, t, span) {
  const { g, width, height } = surface(row.canvas);
  const x = (at) => width * (1 - (t - at) / span), y = (score) => height - 3 - (score / 1000) * (height - 6);
  for (const event of state.spans.values()) {
    if (event.from !== shown || event.label !== row.label || event.start !== state.board.start) continue;
    const end = event.offset_s ?? (event.active ? t : event.onset_s + 0.2);
    if (end < t - span || event.onset_s > t) continue;
    const left = Math.max(0, x(event.onset_s)), right = Math.min(width, x(end));
    g.fillStyle = ink.shade;
    g.fillRect(left, 0, right - left, height);
    g.fillStyle = ink.event;
    g.fillRect(left, height - 3, Math.max(2, right - left), 3);
  }
  if (row.on) {
    g.strokeStyle = ink.limit;
    g.lineWidth = 1;
    g.setLineDash([4, 4]);
    g.beginPath();
    g.moveTo(0, y(row.on));
    g.lineTo(width, y(row.on));
    g.stroke();
    g.setLineDash([]);
  }
  if (row.index === undefined) return;
  const gap = 2.5 * stepS();
  let run = [];
  const flush = () => {
    if (run.length > 1) {
      g.beginPath();
      run.forEach(([px, py], i) => (i ? g.lineTo(px, py) : g.moveTo(px, py)));
      g.strokeStyle = ink.score;
      g.lineWidth = 1.5;
      g.lineJoin = "round";
      g.stroke();
      g.lineTo(run[run.length - 1][0], height);
      g.lineTo(run[0][0], height);
      g.fillStyle = ink.area;
      g.fill();
    }
    run = [];
  };
  let before = null;
  for (const step of state.steps) {
    if (step.at < t - span - gap || step.at > t + gap) continue;
    if (before !== null && step.at - before > gap) flush();
    run.push([x(step.at), y(step.scores[row.index] ?? 0)]);
    before = step.at;
  }
  flush();
}

const stepS = () => (state.telemetry.step || 2048) / ((state.board && state.board.rate_hz) || 16000);

function drawTicks(span) {
  const { g, width } = surface($("ticks"));
  g.fillStyle = ink.dim;
  g.font = "12px system-ui, sans-serif";
  const every = span > 20 ? (width < 420 ? 15 : 10) : 5;
  for (let back = 0; back <= span; back += every) {
    const px = width * (1 - back / span);
    g.textAlign = back === 0 ? "right" : back === span ? "left" : "center";
    g.fillText(back ? `−${back} s` : "now", px, 14);
  }
}

let drawnAt = 0;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
function draw(clock) {
  requestAnimationFrame(draw);
  if (!state.board || clock - drawnAt < (calm.matches ? 500 : 45)) return;
  drawnAt = clock;
  const t = now(), span = windowS();
  if (!$("sound").hidden) drawMel(t, span);
  for (const row of rows) drawRow(row, t, span);
  drawTicks(span);
  if (state.paused === null) values();
}

// ---- rows, one per class

const ofShown = () => [...state.spans.values()].filter((s) => s.from === shown);

let rows = [], rowsKey = "";
function chooseRows() {
  const labels = [...new Set(ofShown().map((s) => s.label))];
  const known = state.classes.length ? state.classes : labels.map((label) => ({ label }));
  let shown = known;
  if (known.length > ROWS && !state.all) {
    const best = new Map(known.map((c) => [c, 0]));
    for (const step of state.steps) {
      for (const c of known) best.set(c, Math.max(best.get(c), step.scores[c.index] ?? 0));
    }
    const top = [...known].sort((a, b) => best.get(b) - best.get(a)).slice(0, ROWS);
    shown = known.filter((c) => top.includes(c));
  }
  $("all").hidden = known.length <= ROWS;
  $("all").textContent = state.all ? `Only the ${ROWS} loudest classes` : `All ${known.length} classes`;
  const key = JSON.stringify(shown);
  if (key === rowsKey) return;
  rowsKey = key;
  rows = shown.map((c) => {
    const li = element("li", ""), name = element("div", c.label, "name"), value = element("output", "", "value");
    const canvas = document.createElement("canvas");
    li.className = "row";
    name.title = c.label;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Scores and events of ${c.label}`);
    li.append(name, canvas, value);
    return { ...c, li, canvas, value };
  });
  $("rows").replaceChildren(...rows.map((row) => row.li));
}

function values() {
  const step = state.steps[state.steps.length - 1];
  for (const row of rows) {
    const score = step && row.index !== undefined ? step.scores[row.index] : undefined;
    put(row.value, score === undefined ? "" : (score / 1000).toFixed(2));
    const on = ofShown().some((s) => s.active && s.label === row.label);
    row.li.classList.toggle("on", on);
  }
  put($("level"), state.level === null ? "–" : `${state.level.toFixed(1)} dBFS`.replace("-", "−"));
  $("bar").style.width = state.level === null ? "0" : `${Math.max(0, Math.min(100, 100 + state.level / 0.9))}%`;
  if (state.level === null) $("meter").removeAttribute("aria-valuenow");
  else $("meter").setAttribute("aria-valuenow", state.level.toFixed(0));
}

// ---- text

function element(name, text, kind) {
  const e = document.createElement(name);
  e.textContent = text;
  if (kind) e.className = kind;
  return e;
}

function put(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

function showState() {
  const b = state.board;
  const [word, text] = !state.open ? ["ended", "monitor not reached"] : !b ? ["waiting", "connecting"]
    : b.connected ? ["on", b.over ? "the recording is over" : "connected"] : ["away", "board unplugged"];
  $("state").dataset.state = word;
  put($("state"), text);
  document.body.classList.toggle("stale", word !== "on");
  if (!b) return;
  put($("board"), `${boards.size > 1 ? b.name : b.board} · ${b.model || "safe mode"}`);
  put($("about"), `${b.path} · firmware ${b.fw}` + (b.sha256 ? ` · model ${b.sha256.slice(0, 8)}` : ""));
  document.title = `${boards.size > 1 ? `${boards.size} boards` : b.board} · soundsdk monitor`;
}

// ---- the boards, one button each

let cards = [];
function showBoards() {
  const nav = $("boards");
  nav.hidden = $("where").hidden = boards.size < 2;
  if (nav.hidden) return;
  if (cards.length !== boards.size) {
    cards = [...boards.keys()].sort((a, b) => a - b).map((number) => {
      const button = element("button", "", "board"), meter = element("span", "", "gauge");
      const card = { number, button, name: element("span", "", "called"), heard: element("span", "", "heard"),
        fill: element("span", "", "fill") };
      button.type = "button";
      button.onclick = () => select(number);
      meter.append(card.fill);
      button.append(card.name, card.heard, meter);
      return card;
    });
    nav.replaceChildren(...cards.map((card) => card.button));
  }
  for (const { number, button, name, heard, fill } of cards) {
    const b = boards.get(number), on = [...state.spans.values()].filter((s) => s.from === number && s.active);
    const level = !b || b.level === null || b.level === undefined || !b.connected ? null : b.level;
    put(name, b ? b.name : "–");
    const quiet = b && (b.model || "safe mode");
    put(heard, !b ? "" : !b.connected ? "unplugged" : on.map((s) => s.label).join(", ") || quiet);
    fill.style.width = level === null ? "0" : `${Math.max(0, Math.min(100, 100 + level / 0.9))}%`;
    button.dataset.state = b && b.connected ? (on.length ? "hears" : "on") : "away";
    button.setAttribute("aria-pressed", String(number === shown));
    button.title = b ? b.path : "";
  }
}

function select(number) {
  if (number === shown) return;
  shown = number;
  location.hash = `board=${number}`;
  state.board = null;
  if (state.paused !== null) $("pause").onclick();
  listen();
}

function showHealth() {
  const s = state.status || {}, c = state.counts, step = stepS();
  const lines = [
    ["Samples lost", c.lost, c.lost > 0], ["Lines missing", c.missing, c.missing > 0],
    ["Lines damaged", c.damaged, c.damaged > 0], ["Lines the board dropped", s.dropped, s.dropped > 0],
    ["Longest step", s.step_us ? `${(s.step_us / 1000).toFixed(1)} of ${(1000 * step).toFixed(0)} ms` : null,
      s.step_us > 1e6 * step],
    ["Free memory", s.heap_free ? `${Math.round(s.heap_free / 1000)} kB` : null, s.heap_free > 0 && s.heap_free < 8000],
    ["Unplugged", c.gone ? `${c.gone} × (${(c.gone_s || 0).toFixed(1)} s)` : 0, c.gone > 0],
    ["Lines read", c.lines, false],
  ];
  $("health").replaceChildren(...lines.flatMap(([name, value, bad]) => [
    element("dt", name), element("dd", value === null || value === undefined ? "–" : String(value), bad ? "bad" : ""),
  ]));
}

// An Audacity label track of the board's newest start, in seconds since then: `at` of a sidecar of `soundsdk record`
// counts samples from the same moment.
function labelTrack() {
  const seconds = (t) => t.toFixed(6);
  return ofShown().filter((s) => s.start === state.board.start && (s.active || s.offset_s !== null))
    .sort((a, b) => a.onset_s - b.onset_s)
    .map((s) => `${seconds(s.onset_s)}\t${seconds(s.offset_s ?? Math.max(s.onset_s, now()))}\t${s.label}\n`).join("");
}

function saveLabels() {
  const link = element("a", "");
  link.href = URL.createObjectURL(new Blob([labelTrack()], { type: "text/plain" }));
  link.download = "events.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function showEvents() {
  const all = [...state.spans.values()].sort((a, b) => b.time - a.time).slice(0, LISTED);
  $("none").hidden = all.length > 0;
  $("save").hidden = all.length === 0;
  $("events").tBodies[0].replaceChildren(...all.map((s) => {
    const tr = element("tr", "", s.active ? "on" : "");
    const clock = new Date(1000 * s.time).toLocaleTimeString([], { hour12: false });
    const length = s.offset_s !== null ? `${(s.offset_s - s.onset_s).toFixed(1)} s` : s.active ? "now" : "end lost";
    const board = boards.get(s.from), where = boards.size > 1 ? [element("td", board ? board.name : "", "where")] : [];
    tr.append(element("td", clock), ...where, element("td", s.label, "sound"), element("td", length, "n"),
      element("td", s.score.toFixed(2), "n"));
    return tr;
  }));
}

// ---- what comes

const changed = new Set();
const take = {
  all: (m) => {
    state.ranges = m.ranges;
    Object.assign(state, { steps: [], status: null, level: null, offset: null, last: -Infinity, classes: [],
      telemetry: {}, counts: {} });
    state.spans.clear();
    boards.clear();
    mel.columns = 0;
    mel.raw = null;
    changed.add("settings");
    changed.add("events").add("health").add("boards");
    m.messages.forEach(accept);
  },
  board: (m, from) => {
    const before = boards.get(from);
    boards.set(from, { ...m, level: before ? before.level : null });
    changed.add("boards");
    if (from !== shown) return;
    if (m.connected && !(state.board && state.board.connected)) state.connectedAt = performance.now();
    state.board = m;
    changed.add("settings");
    if (!m.connected) state.level = null;
  },
  levels: (m) => {
    m.levels.forEach((level, i) => { if (boards.has(i)) boards.get(i).level = level; });
    changed.add("boards");
  },
  restart: (m, from) => {
    for (const s of state.spans.values()) if (s.from === from) s.active = false;
    changed.add("events").add("boards");
    if (from !== shown) return;
    Object.assign(state, { steps: [], offset: null, last: -Infinity, status: null });
    if (mel.raw) mel.raw.fill(-999);
    mel.newest = null;
    if (mel.raw) mel.ring.getContext("2d").clearRect(0, 0, mel.columns, mel.width);
  },
  classes: (m) => {
    state.classes = m.classes;
    state.telemetry = m.telemetry;
    changed.add("settings");
    mel.colour = null;
  },
  scores: (m) => {
    heard(m.at);
    state.level = m.level;
    state.steps.push(m);
    while (state.steps.length && state.steps[0].at < m.at - KEPT_S - 5) state.steps.shift();
  },
  mel: melTake,
  event: (m, from) => {
    const key = `${from}/${m.start}/${m.id}/${m.label}`, old = state.spans.get(key);
    if (from === shown && m.active && !old) heard(Math.max(m.onset_s, state.last ?? m.onset_s));
    for (const [k, s] of state.spans) {
      if (s.active && s.from === from && s.label === m.label && k !== key) s.active = false;
    }
    state.spans.set(key, m);
    if (state.spans.size > EVENTS) state.spans.delete(state.spans.keys().next().value);
    const where = boards.size > 1 && boards.has(from) ? ` at ${boards.get(from).name}` : "";
    put($("spoken"), `${m.label} ${m.active ? "began" : "ended"}${where}`);
    changed.add("events").add("boards");
  },
  status: (m, from) => {
    if (boards.has(from)) boards.get(from).level = m.level_dbfs;
    changed.add("boards");
    if (from !== shown) return;
    if (m.at > (state.last ?? -Infinity)) heard(m.at);
    if (!state.telemetry.step || state.level === null) state.level = m.level_dbfs;
    state.status = m;
    changed.add("health");
  },
  counts: (m) => {
    state.counts = m;
    changed.add("health");
  },
  text: (m) => {
    $("print").hidden = false;
    const lines = $("text").textContent.split("\n").slice(-200);
    $("text").textContent = [...lines, m.text].join("\n").trimStart();
  },
};

function accept(message) {
  const action = take[message.kind];
  if (action) action(message, message.from ?? 0);
}

setInterval(() => {
  if (changed.delete("events")) showEvents();
  if (changed.delete("health")) showHealth();
  if (changed.delete("boards")) showBoards();
  if (changed.delete("settings")) showSettings();
  if (state.paused === null) chooseRows();
  const silent = state.board && state.board.connected && !state.steps.length &&
    performance.now() - state.connectedAt > 5000;
  $("note").hidden = !silent;
  if (silent) put($("note"), "No live scores come from this board: its firmware may not know how to send them.");
  $("sound").hidden = Boolean(silent);
}, 250);

let feed = null;
function listen() {
  if (feed) feed.close();
  feed = new EventSource(shown ? `events?board=${shown}` : "events");
  feed.onopen = () => { state.open = true; showState(); };
  feed.onerror = () => { state.open = false; showState(); };
  feed.onmessage = (e) => {
    const message = JSON.parse(e.data);
    accept(message);
    if (["all", "board", "restart"].includes(message.kind)) showState();
    if (message.kind === "all") showBoards();
  };
}

$("pause").onclick = () => {
  state.paused = state.paused === null ? now() : null;
  $("pause").setAttribute("aria-pressed", String(state.paused !== null));
  put($("pause"), state.paused === null ? "Pause" : "Go on");
};
$("save").onclick = saveLabels;
$("all").onclick = () => { state.all = !state.all; chooseRows(); };
$("span").value = innerWidth < 600 ? "15" : "30";
readInk();
showHealth();
// Once settings.js is there as well.
queueMicrotask(() => {
  listen();
  requestAnimationFrame(draw);
});
