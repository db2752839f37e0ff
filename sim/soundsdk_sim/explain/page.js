"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const picture = document.getElementById("picture");
const drawing = picture.querySelector("svg");
const heads = data.spans.map(() => { // a play head has a piece for each panel over the shared time axis
  const piece = document.createElement("i");
  piece.className = "head";
  picture.append(piece);
  return piece;
});
const audio = document.querySelector("audio");
const readout = document.getElementById("readout");
const LEAST = 0.05; // scores below it are left out of the readout, unless the class is in an event
let shown = 0; // seconds at which the play head stands
const WORDS = {
  idle: "", rising: "above on, waiting", too_short: "too short", fired: "fired", running: "event", holding: "held",
  quiet: "sound has gone, held", merged: "gap bridged", ended: "ended", stale: "over, score still up",
};

function secondsAt(event) {
  const box = drawing.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * data.width;
  const at = (x - data.left) / (data.width - data.left - data.right) * data.seconds;
  return Math.min(Math.max(at, 0), data.seconds);
}

function stepAt(seconds) {
  let low = 0, high = data.ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.ends[middle] >= seconds) high = middle; else low = middle + 1;
  }
  return low;
}

function words(kind, i) {
  const state = kind.states[i];
  if (state === "holding" || state === "quiet") return `held, ${Math.round(kind.more[i])} ms left`;
  if (state === "rising") return `up for ${Math.round(kind.more[i])} of ${kind.min_ms} ms`;
  if (state === "idle" && kind.scores[i] >= kind.off) return `too low by ${(kind.on - kind.scores[i]).toFixed(2)}`;
  return WORDS[state];
}

function show(seconds) {
  shown = seconds;
  const scale = drawing.getBoundingClientRect().width / data.width;
  const x = data.left + (data.width - data.left - data.right) * seconds / data.seconds;
  data.spans.forEach(([top, bottom], i) => {
    heads[i].style.left = `${x * scale}px`;
    heads[i].style.top = `${top * scale}px`;
    heads[i].style.height = `${(bottom - top) * scale}px`;
  });
  document.getElementById("time").textContent = `${seconds.toFixed(2)} s`;
  const i = stepAt(seconds);
  const rows = data.classes.filter((kind) => kind.scores[i] >= LEAST || kind.states[i] !== "idle");
  rows.sort((a, b) => b.scores[i] - a.scores[i]);
  readout.replaceChildren(...rows.map((kind) => {
    const item = document.createElement("li");
    const dot = document.createElement("i");
    dot.className = "dot";
    dot.style.setProperty("--tint", kind.colour);
    const more = document.createElement("span");
    more.textContent = words(kind, i);
    item.append(dot, `${kind.label} ${kind.scores[i].toFixed(2)}`, more);
    return item;
  }));
}

function follow() {
  show(audio.currentTime);
  if (!audio.paused) requestAnimationFrame(follow);
}

picture.addEventListener("pointermove", (event) => { if (!audio || audio.paused) show(secondsAt(event)); });
picture.addEventListener("click", (event) => {
  const at = secondsAt(event);
  if (audio) audio.currentTime = at;
  show(at);
});
if (audio) {
  audio.addEventListener("play", follow);
  audio.addEventListener("seeked", () => show(audio.currentTime));
}
addEventListener("resize", () => show(shown));
show(data.at);
