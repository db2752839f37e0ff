
// ---- settings: the thresholds and rules of the board's classes, and a form to change those of one

const CLASSES = 8; // shown at first
const LIMITS = [ // key of `soundsdk set`, key of the board, what it is called, the board's units in one of ours
  ["threshold", "on", "Begins at a score of", 1000], ["off", "off", "Ends below", 1000],
  ["min_ms", "min_ms", "Lasts at least (ms)", 1], ["hold_ms", "hold_ms", "Ends after quiet of (ms)", 1],
];
const MOST_ACTIONS = 4;
let allClasses = false, editing = null, classesKey = "";

// A rule as text (soundfw.act.rules has its grammar) from and to the fields of its actions.
function readAction(text) {
  const words = text.toLowerCase().split(",").map((w) => w.trim());
  const [output, pin = ""] = words.shift().split(":");
  const a = { output, pin, level: "high", hz: "880", pattern: "event", last: "2s", width: "200ms", count: "3",
    period: "500ms" };
  if (output === "pin" && ["high", "low"].includes(words[0])) a.level = words.shift();
  if (output === "tone" && words[0] && words[0].endsWith("hz")) a.hz = words.shift().slice(0, -2);
  const kind = ["on", "pulse", "blink"].includes(words[0]) ? words.shift() : "on";
  if (kind === "pulse") Object.assign(a, { pattern: kind, width: words[0] || "100ms", count: words[1] || "1" });
  else if (kind === "blink") Object.assign(a, { pattern: kind, period: words[0] || "500ms", last: words[1] || "event" });
  else if (words[0] && words[0] !== "event") Object.assign(a, { pattern: "time", last: words[0] });
  return a;
}
const readRule = (text) => (text && text !== "none" ? text.split("+").map(readAction) : []);

function writeAction(a) {
  const words = [a.output === "led" ? "led" : `${a.output}:${a.pin}`];
  if (a.output === "pin") words.push(a.level);
  if (a.output === "tone") words.push(`${a.hz}hz`);
  if (a.pattern === "time") words.push(a.last);
  if (a.pattern === "pulse") words.push("pulse", a.width, a.count);
  if (a.pattern === "blink") words.push("blink", a.period, ...(a.last === "event" ? [] : [a.last]));
  return words.map((w) => w.trim()).join(",");
}
const writeRule = (actions) => actions.map(writeAction).join("+") || "none";

function inWords(a) {
  const what = a.output === "led" ? "LED" : a.output === "tone" ? `${a.hz} Hz at GPIO ${a.pin}`
    : `GPIO ${a.pin} ${a.level}`;
  const how = { event: "while it lasts", time: `for ${a.last}`, pulse: `${a.count} × ${a.width}`,
    blink: `blinks every ${a.period}${a.last === "event" ? "" : ` for ${a.last}`}` };
  return `${what}${a.pattern === "blink" ? " " : ", "}${how[a.pattern]}`;
}

const shownLimit = (c, [, key, , unit]) => (unit === 1 ? String(c[key]) : (c[key] / unit).toFixed(3).replace(/0+$/, "")
  .replace(/\.$/, ""));

function showSettings() {
  const known = state.classes.filter((c) => c.on !== undefined && c.on !== null);
  const board = state.board;
  $("settings").hidden = !known.length;
  const from = board ? `${shown}/${board.start}/${board.sha256}` : "";
  if (editing && (editing.from !== from || !known.some((c) => c.label === editing.label))) editing = null;
  const some = allClasses ? known : known.filter((c, i) => i < CLASSES || (editing && c.label === editing.label));
  $("more").hidden = known.length <= CLASSES;
  put($("more"), allClasses ? `Only the first ${CLASSES} classes` : `All ${known.length} classes`);
  const away = !board || !board.connected || !state.open;
  if (editing) editing.form.querySelector("[type=submit]").disabled = away || Boolean(editing.busy);
  const key = JSON.stringify([some, from, editing && editing.label]);
  if (key === classesKey) return;
  classesKey = key;
  const active = document.activeElement, focused = active && active.dataset.change;
  $("classes").replaceChildren(...some.map((c) => {
    const li = element("li", "", "class"), line = element("div", "", "line"), name = element("span", c.label, "label");
    const limits = element("span", `from ${shownLimit(c, LIMITS[0])}, ends below ${shownLimit(c, LIMITS[1])}`, "limits");
    const does = element("span", readRule(c.action).map(inWords).join(" + ") || "does nothing", "does");
    if (!c.action) does.classList.add("nothing");
    const open = editing && editing.label === c.label;
    const change = element("button", "Change");
    change.type = "button";
    change.dataset.change = c.label;
    change.setAttribute("aria-label", `Change the settings of ${c.label}`);
    change.setAttribute("aria-expanded", String(Boolean(open)));
    change.onclick = () => {
      editing = open ? null : { label: c.label, from, form: makeForm(c) };
      showSettings();
      if (editing) editing.form.querySelector("input, select").focus();
    };
    line.append(name, limits, does, change);
    li.append(line);
    if (open) li.append(editing.form);
    return li;
  }));
  if (editing && editing.form.contains(active)) active.focus();
  if (focused) {
    const again = [...document.querySelectorAll("[data-change]")].find((b) => b.dataset.change === focused);
    if (again) again.focus();
  }
}

// ---- the form

function field(name, control, kind) {
  const label = element("label", "", kind);
  label.append(element("span", name), control);
  return label;
}

function input(type, value, rest) {
  const control = document.createElement("input");
  Object.assign(control, { type, value, required: true, autocomplete: "off", spellcheck: false, ...rest });
  return control;
}

function choice(options, value) {
  const control = document.createElement("select");
  control.append(...options.map(([key, name]) => new Option(name, key)));
  if (!options.some(([key]) => key === value)) control.append(new Option(value || "–", value));
  control.value = value;
  return control;
}

// Milliseconds of a time as soundfw.act.rules reads it; NaN for anything else.
function readTime(text) {
  const found = /^(\d{1,9})ms$|^(\d{1,9}(?:\.\d{1,3})?)s$/i.exec(text.trim());
  return !found ? NaN : found[1] ? Number(found[1]) : Math.round(1000 * Number(found[2]));
}
const inUnits = (ms) => (ms < 1000 ? `${ms} ms` : ms < 60000 ? `${ms / 1000} s` : ms < 3600000 ? `${ms / 60000} min`
  : `${ms / 3600000} h`);

// A field for a time within the range of a key; what it says of another names the range. event: it may be that word.
function timeInput(value, key, event = false) {
  const [low, high] = state.ranges[key];
  const wanted = `Write a time from ${inUnits(low)} to ${inUnits(high)}, such as 250ms or 2s` +
    (event ? ", or event: as long as it lasts" : "");
  const control = input("text", value, { title: wanted, size: 6 });
  const check = () => {
    const ms = readTime(control.value);
    const right = (ms >= low && ms <= high) || (event && control.value.trim() === "event");
    control.setCustomValidity(right ? "" : `${wanted}.`);
  };
  control.addEventListener("input", check);
  check();
  return control;
}

// One action; a change of its kind shows other fields. changed(): called after each.
function actionRow(action, remove, changed) {
  const li = element("li", "", "action"), range = state.ranges, board = state.board;
  const set = (key) => (e) => { action[key] = e.target.value; draw(); changed(); };
  const typed = (key, control) => {
    control.addEventListener("input", (e) => { action[key] = e.target.value; changed(); });
    return control;
  };
  const chosen = (key, options) => { const c = choice(options, action[key]); c.onchange = set(key); return c; };
  const whole = (key, from) => typed(key, input("number", action[key], { min: range[from][0], max: range[from][1], step: 1 }));
  function draw() {
    const outputs = [["pin", "GPIO"], ["tone", "Buzzer"], ...(board.led ? [["led", "LED"]] : [])];
    const parts = [field("Output", chosen("output", outputs))];
    if (action.output !== "led") {
      parts.push(field("GPIO", board.gpios ? chosen("pin", board.gpios.map((n) => [String(n), String(n)]))
        : whole("pin", "pin")));
    }
    if (action.output === "pin") parts.push(field("Level", chosen("level", [["high", "high"], ["low", "low"]])));
    if (action.output === "tone") parts.push(field("Hertz", whole("hz", "hz")));
    parts.push(field("How long", chosen("pattern", [["event", "while it lasts"], ["time", "for a time"],
      ["pulse", "pulses"], ["blink", "blinking"]])));
    if (action.pattern === "time") {
      if (action.last === "event") action.last = "2s";
      parts.push(field("Time", typed("last", timeInput(action.last, "last_ms"))));
    }
    if (action.pattern === "pulse") {
      parts.push(field("Each", typed("width", timeInput(action.width, "width_ms"))));
      parts.push(field("Times", whole("count", "count")));
    }
    if (action.pattern === "blink") {
      parts.push(field("Every", typed("period", timeInput(action.period, "period_ms"))));
      parts.push(field("For", typed("last", timeInput(action.last, "last_ms", true))));
    }
    const gone = element("button", "Remove", "remove");
    gone.type = "button";
    gone.onclick = remove;
    const index = document.activeElement && [...li.querySelectorAll("select")].indexOf(document.activeElement);
    li.replaceChildren(...parts, gone);
    if (index >= 0) (li.querySelectorAll("select")[index] || gone).focus();
  }
  draw();
  return li;
}

function makeForm(c) {
  const form = element("form", "", "edit"), label = c.label;
  const limits = new Map(LIMITS.map((limit) => {
    const [key, , , unit] = limit, [low, high] = state.ranges[key];
    return [limit, input("number", shownLimit(c, limit), { min: low, max: high, step: 1 / unit })];
  }));
  const actions = readRule(c.action), before = writeRule(actions), list = element("ul", "", "actions");
  const keep = input("checkbox", "keep", { checked: true, required: false });
  const command = element("code", ""), problem = element("p", "", "problem");
  const save = element("button", "Save"), cancel = element("button", "Cancel"), add = element("button", "Add an action");
  const empty = element("p", "The board does nothing by itself.", "note");
  problem.setAttribute("role", "alert");
  save.type = "submit";
  cancel.type = add.type = "button";

  const words = () => {
    const found = LIMITS.filter((limit) => Number(limits.get(limit).value) !== Number(shownLimit(c, limit)))
      .map((limit) => `${limit[0]}.${label}=${limits.get(limit).value}`);
    const rule = writeRule(actions);
    return rule === before ? found : [...found, `action.${label}=${rule}`];
  };
  const quoted = (word) => (/^[\w.:,=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  function changed() {
    const some = words();
    put(problem, "");
    empty.hidden = actions.length > 0;
    add.hidden = actions.length >= MOST_ACTIONS;
    const rest = keep.checked ? "" : " --until-restart";
    const filled = [...form.elements].every((e) => e.validity.valid);
    put(command, some.length && filled ? `soundsdk set ${some.map(quoted).join(" ")}${rest}` : "");
  }
  function drawActions() {
    list.replaceChildren(...actions.map((action, i) => actionRow(action, () => {
      actions.splice(i, 1);
      drawActions();
      add.focus();
    }, changed)));
    changed();
  }
  add.onclick = () => {
    const free = (state.board.gpios || []).map(String);
    const taken = [...state.classes.flatMap((other) => readRule(other.action)), ...actions].map((a) => a.pin);
    // The middle of a header: the first GPIOs are often a serial port.
    const best = [...free.slice(free.length / 2), ...free].find((n) => !taken.includes(n)) ?? free[0] ?? "";
    actions.push({ ...readAction(`pin:${best},high,2s`), width: "200ms", count: "3" });
    drawActions();
    list.lastElementChild.querySelector("select").focus();
  };
  for (const control of [...limits.values(), keep]) control.oninput = changed;
  cancel.onclick = () => close(form);
  form.onsubmit = (e) => {
    e.preventDefault();
    const [begins, ends] = LIMITS.map((limit) => limits.get(limit));
    if (Number(ends.value) > Number(begins.value)) {
      put(problem, `“${LIMITS[1][2]}” must not be above “${LIMITS[0][2]}”.`);
      ends.focus();
      return;
    }
    submit(form, words(), keep.checked, problem);
  };

  const first = element("fieldset", "", "limit"), second = element("fieldset", "");
  first.append(element("legend", "An event"), ...LIMITS.map((limit) => field(limit[2], limits.get(limit))));
  second.append(element("legend", "When it begins"), empty, list, add);
  const kept = field("Keep after a restart", keep, "keep"), ends = element("div", "", "ends");
  ends.append(save, cancel, kept);
  form.append(first, second, ends, command, problem);
  drawActions();
  return form;
}

function close(form) {
  if (!editing || editing.form !== form) return;
  const label = editing.label;
  editing = null;
  showSettings();
  const button = [...document.querySelectorAll("[data-change]")].find((b) => b.dataset.change === label);
  if (button) button.focus();
}

async function submit(form, words, keep, problem) {
  if (!editing || editing.form !== form || editing.busy) return;
  if (!words.length) {
    close(form);
    return;
  }
  const mine = editing;
  mine.busy = true;
  showSettings();
  let answer;
  try {
    const body = JSON.stringify({ board: shown, words, keep });
    const reply = await fetch("set", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    answer = reply.ok ? await reply.json() : { ok: false, error: `the monitor refuses the change (${reply.status}).` };
  } catch {
    answer = { ok: false, error: "the monitor is not reached." };
  }
  mine.busy = false;
  if (answer.ok) {
    put($("spoken"), `The settings of ${mine.label} are changed`);
    close(form);
  } else {
    put(problem, [answer.error, answer.hint].filter(Boolean).join(" "));
  }
  showSettings();
}

$("more").onclick = () => { allClasses = !allClasses; showSettings(); };
