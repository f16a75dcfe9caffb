// The page: what is chosen goes to a composer, and what it composes to the views and the player.

const $ = (id) => document.getElementById(id);
const SLICE = 16;  // milliseconds of composing before the page gets its turn
const SHOWN = 50;  // milliseconds after which what is new is shown
const LONGEST = 2000;  // characters of a tune
const STRONGEST = 4;  // of what is added to a forget gate's bias
const PLAIN = 500;  // ... of a text that is no tune
const GIVEN = 500;  // ... of a text to begin with: it is read at once, and the page waits

const about = JSON.parse($("model").textContent);
const model = { characters: [...about.characters], abc: about.abc, order: about.order, network: null };
const PALE = 0.5;
const REDRAWN = 400;  // milliseconds after which a large picture is drawn anew while it grows
const SILENCE = { notes: [], bars: [] };
const player = new Player(showPlaying);
const similarity = new Similarity();
let composer = null, other = null;  // the tune in the making, and the same without a hand
let running = false, owed = 0, last = 0, pressed = 0;
let at = 0, selection = [0, 0], anchor = null;  // the character that the views are of, and those selected
let hands = [], listed = [], heard = SILENCE, complaint = "";  // of a field that makes no sense
let earlier = "";  // the tune before

function noHands() {
  return model.network.layers.map(() => ({ bias: 0, cells: {}, silent: [] }));
}

/** Whether hands change anything. */
function touches(hands) {
  return hands.some(({ bias, cells, silent }) => bias || silent.length || Object.keys(cells).length);
}

// -- settings, and the address that holds them

const FIELDS = ["rhythm", "meter", "key", "temperature", "top_p", "seed", "random_seed"];

function chosen() {
  const values = Object.fromEntries(FIELDS.map((id) => [id, $(id).value]));
  const names = { rhythm: "R", meter: "M", key: "K" };
  const lines = model.abc && !values.seed ? Object.keys(names).filter((id) => values[id])
    .map((id) => `${names[id]}:${about.gap}${values[id]}\n`)
    .sort((a, b) => model.order.indexOf(a[0]) - model.order.indexOf(b[0])) : [];
  return {
    temperature: Number(values.temperature), top_p: Number(values.top_p), seed: values.seed, lines,
    random_seed: Number(values.random_seed) >>> 0, length: model.abc ? LONGEST : PLAIN, hands,
  };
}

function writeAddress() {
  const said = new URLSearchParams(Object.entries(composer.fields).filter(([, value]) => value !== ""));
  const varied = composer.variations.map((v) => [v.at, v.random_seed, v.temperature, v.top_p].join(":"));
  if (varied.length) said.set("vary", varied.join(","));
  if (touches(composer.settings.hands)) said.set("hands", JSON.stringify(composer.settings.hands));
  history.replaceState(null, "", `#${said}`);
}

/** What of a hand in an address makes sense. */
function handOf({ bias = 0, cells = {}, silent = [] }) {
  const known = (unit) => Number.isInteger(unit) && unit >= 0 && unit < model.network.H;
  const held = Object.entries(cells).map(([unit, value]) => [Number(unit), Number(value)]);
  return {
    bias: Math.max(-STRONGEST, Math.min(STRONGEST, Number(bias) || 0)),
    cells: Object.fromEntries(held.filter(([unit, value]) => known(unit) && Number.isFinite(value))),
    silent: [...new Set(silent)].filter(known),
  };
}

function readAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const id of FIELDS) {
    $(id).value = said.get(id) ?? $(id).defaultValue ?? "";
    if ($(id).selectedIndex === -1) $(id).value = "";  // a rhythm, meter or key that is not in the list
  }
  try {
    hands = JSON.parse(said.get("hands") || "[]");
    hands = noHands().map((_, layer) => handOf(hands[layer] ?? {}));
  } catch {  // an address that somebody typed
    hands = noHands();
  }
  return (said.get("vary") || "").split(",").map((part) => part.split(":").map(Number))
    .map(([place, random_seed, temperature, top_p]) => ({ at: place, random_seed, temperature, top_p }))
    .filter((v) => v.at > 0 && v.random_seed >= 0 && v.temperature >= 0 && v.top_p >= 0);
}

function openAddress() {
  const variations = readAddress();
  showHands();
  compose(variations);
}

// -- composing

/** What the fields say, as numbers that make sense. */
function settle() {
  $("random_seed").value = Number($("random_seed").value) >>> 0;
  say();
}

/** What is wrong with a text to begin with, and the remedy; empty if nothing is. */
function complaintOf(seed) {
  if (seed.length > GIVEN) return `"Begins with" has ${seed.length} characters: leave at most ${GIVEN}.`;
  const unknown = [...seed].find((character) => !model.characters.includes(character));
  if (unknown === undefined) return "";
  const code = unknown.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `The network does not know the character "${unknown}" (U+${code}): take it out of "Begins with".`;
}

function compose(variations = []) {
  settle();
  const settings = { ...chosen(), hands: structuredClone(hands) };
  complaint = complaintOf(settings.seed);
  if (complaint) {
    setRunning(false);
    $("status").textContent = complaint;
    return;
  }
  earlier = composer?.text ?? "";
  composer = new Composer(model, settings, variations);
  composer.fields = Object.fromEntries(FIELDS.map((id) => [id, $(id).value]));
  other = touches(hands) ? new Composer(model, { ...settings, hands: [] }, variations) : null;
  begin();
}

function begin() {
  player.stop(0);
  writeAddress();
  similarity.clear();
  $("text").replaceChildren();
  $("responding").replaceChildren();
  $("question").value = "";
  [at, selection, listed, owed, last, pressed] = [0, [0, 0], [], 0, performance.now(), 0];
  showNotes();
  setRunning($("pace").value !== "step");
  wake();  // to show what is given, if nothing more comes by itself
}

/** Whether there is nothing left to compose. */
function over() {
  return !composer || Boolean(composer.ended && (!other || other.ended));
}

function setRunning(value) {
  running = value;
  $("pause").disabled = over();
  $("pause").textContent = running || over() ? "Pause" : "Go on";
  $("step").disabled = !composer || Boolean(composer.ended);
  for (const id of ["copy", "link", "save-abc"]) $(id).disabled = !composer;
  for (const id of ["status", "chosen"]) $(id).ariaLive = running ? "off" : "polite";  // else it is said all the time
  if (running) wake();
}

const channel = new MessageChannel();  // a turn at once: a timer would wait
let woken = false, shownAt = 0, similarityAt = 0;
channel.port1.onmessage = turn;

function wake() {
  if (!woken) channel.port2.postMessage(0);
  woken = true;
}

function turn() {
  woken = false;
  if (!composer) return;
  const began = performance.now(), pace = $("pace").value;
  const single = pressed > 0 || pace === "step", paced = owed + (began - last) / 1000 * Number(pace);
  owed = single ? pressed : pace === "0" ? Infinity : Math.min(60, paced);
  last = began;
  while (running && !composer.ended && owed >= 1 && performance.now() - began < SLICE) {
    composer.step();
    owed--;
    if (pressed) pressed--;
  }
  while (running && composer.ended && other && !other.ended && performance.now() - began < SLICE) other.step();
  if (running && (over() || (single && !pressed && !composer.ended))) setRunning(false);
  if (began - shownAt > SHOWN || !running) requestAnimationFrame(show);
  if (running) {
    if (pace === "0" || (composer.ended && other)) wake();
    else setTimeout(wake, 1000 / Math.max(30, Number(pace)));
  }
}

// -- showing

/** Bring the page up to what there is. */
function show() {
  shownAt = performance.now();
  if (!composer) return;
  const { steps } = composer, text = $("text");
  const follows = at >= text.childElementCount - 1;
  while (text.childElementCount > steps.length) text.lastChild.remove();
  for (let n = text.childElementCount; n < steps.length; n++) {
    const span = document.createElement("span");
    span.textContent = steps[n].character;
    if (composer.variations.some((variation) => variation.at === n)) span.className = "drawn-from-here";
    text.append(span);
    paint(n);
  }
  if (follows) moveTo(steps.length - 1, false);
  else showChosen();
  if (composer.ended || "|\n".includes(steps.at(-1)?.character)) showNotes();
  $("status").textContent = complaint || (over() ? ending() : running
    ? `${steps.length} characters` : `${steps.length} characters. Paused: "One character" or "Go on".`);
  showSimilarity();
  for (const id of ["other", "other-title", "which", "parts"]) $(id).hidden = !other;
  for (const id of ["hear-touched", "hear-untouched"]) $(id).hidden = !other || !model.abc;
  if (other) showOther();
}

/** What is said of a tune that is complete. */
function ending() {
  if (composer.text === earlier) return "Done: it is the same tune as before. Press Another tune for a new one.";
  const silent = model.abc && !heard.notes.length ? " There are no notes in it, so that there is nothing to play." : "";
  return `Done: ${composer.ended}.${silent}`;
}

/** The untouched tune, from where the two part in bold. */
function showOther() {
  let same = 0;
  while (same < other.text.length && other.text[same] === composer.text[same]) same++;
  const rest = document.createElement("b");
  rest.textContent = other.text.slice(same);
  $("other").replaceChildren(other.text.slice(0, same), rest);
  const alike = same === Math.max(other.text.length, composer.text.length);
  $("parts").textContent = !over() ? "" : alike ? "The tune is the same as without your hand."
    : `The tune is another from character ${same + 1} on.`;
}

function paint(n) {
  const step = composer.steps[n], span = $("text").children[n], how = $("colour").value;
  let shade = "";  // pale enough for the letter on it to be read
  if (how === "surprise") shade = Number.isNaN(step.nats) ? "" : colour(step.nats, 4, PALE);
  if (how === "cell") shade = colour(Math.tanh(step.state[layer()].c[unit()]), 1, PALE);
  if (how === "change" && n) {
    const before = composer.steps[n - 1].state[layer()].c, now = step.state[layer()].c;
    shade = colour(Math.sqrt(now.reduce((sum, c, j) => sum + (c - before[j]) ** 2, 0) / now.length), 0.6, PALE);
  }
  span.style.backgroundColor = shade;
}

function paintAll() {
  for (let n = 0; n < $("text").childElementCount; n++) paint(n);
}

const layer = () => Number($("layer").value);
const unit = () => Math.max(0, Math.min(model.network.H - 1, Number($("unit").value) || 0));

function moveTo(place, seen = true) {
  const text = $("text");
  text.children[at]?.classList.remove("at");
  at = Math.max(0, Math.min(place, text.childElementCount - 1));
  text.children[at]?.classList.add("at");
  if (seen) text.children[at]?.scrollIntoView({ block: "nearest" });
  else text.scrollTop = text.scrollHeight;
  $("vary").disabled = !composer || !composer.canVary(at + 1);
  if (seen && similarity.rows.length && $("similarity-panel").open) similarity.draw($("similarity"), at);
  showChosen();
}

/** Where a key leads from the present place; null if nowhere. */
function placeOf(key) {
  const { text } = composer, begins = text.lastIndexOf("\n", at - 1) + 1, ends = text.indexOf("\n", at);
  const end = ends < 0 ? text.length : ends;
  const above = text.lastIndexOf("\n", begins - 2) + 1, column = at - begins;
  return {
    ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: text.length - 1,
    ArrowUp: begins ? Math.min(above + column, begins - 1) : at,
    ArrowDown: end + 1 < text.length ? Math.min(end + 1 + column, text.length - 1) : at,
  }[key] ?? null;
}

/** Select from where Shift was pressed first to the present place. */
function select(from) {
  anchor ??= from;
  const ends = [anchor, at].sort((a, b) => a - b), text = $("text");
  getSelection().setBaseAndExtent(text.children[ends[0]].firstChild, 0, text.children[ends[1]].firstChild, 1);
}

function percent(p) {
  return p < 0.01 ? "less than 1 %" : `${Math.round(100 * p)} %`;
}

function named(character) {
  return { "\n": "↵", " ": "␣" }[character] ?? character;
}

function showChosen() {
  const step = composer?.steps[at];
  if (!step) return;
  const words = { "\n": " (end of a line)", " ": " (space)" }[step.character] ?? "";
  const surprise = Number.isNaN(step.nats) ? "" : ` The network gave it ${percent(Math.exp(-step.nats))}: `
    + `${step.nats.toFixed(2)} nats of surprise.`;
  $("chosen").textContent = `Character ${at + 1}: ${named(step.character)}${words}${step.given ? ", given" : ""}.`
    + surprise + (running || composer.canVary(at + 1) ? "" : composer.steps[at + 1]?.given ? " What follows it is given."
      : " Choose one before it to go on from there in another way.");
  if ($("next-panel").open) showNext(step);
  if ($("unit-panel").open) {
    drawStrips($("strips"), composer.steps, layer(), unit(), at);
    const { i, f, g, o, c, h } = step.state[layer()];
    const said = Object.entries({ i, f, g, o, c, h }).map(([name, array]) => `${name} ${array[unit()].toFixed(2)}`);
    $("strips").ariaLabel = `Unit ${unit()} of layer ${layer() + 1} after ${named(step.character)}: ${said.join(", ")}`;
  }
}

function showNext(step) {
  const before = softmax(step.logits), after = distribution(step.logits, (composer.steps[at + 1] ?? composer).how);
  const order = [...before.keys()].sort((a, b) => before[b] - before[a]).slice(0, 10);
  const follows = composer.steps[at + 1]?.character;
  $("next").tBodies[0].replaceChildren(...order.map((id) => {
    const row = document.createElement("tr"), character = model.characters[id];
    const cells = [named(character), before[id].toFixed(3), after[id].toFixed(3)];
    for (const said of cells) row.insertCell().textContent = said;
    const bar = document.createElement("canvas");
    bar.className = "bar";
    [bar.width, bar.height] = [300, 16];
    bar.ariaHidden = "true";
    const context = bar.getContext("2d");
    context.fillStyle = "rgb(128 128 128 / 0.55)";
    context.fillRect(0, 0, 300 * before[id], 7);
    context.fillStyle = "rgb(0 114 178)";
    context.fillRect(0, 8, 300 * after[id], 8);
    row.insertCell().append(bar);
    if (character === follows) row.style.fontWeight = "700";
    return row;
  }));
}

function showResponding() {
  if (!composer || !$("question").value) return;
  listed = responding(composer.steps, QUESTIONS[$("question").value](composer.text, selection));
  $("responding").replaceChildren(...(listed.length ? listed.map((found) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${found.layer + 1}/${found.unit}  r ${found.r.toFixed(2)}`;
    button.addEventListener("click", () => {
      [$("layer").value, $("unit").value] = [found.layer, found.unit];
      paintAll();
      showChosen();
    });
    return button;
  }) : ["There is none in this text."]));
}

function showSimilarity() {
  if (!composer || !$("similarity-panel").open) return;
  const [of, name] = $("similar").value.split(" "), now = performance.now();
  const all = similarity.add(composer.steps, Number(of), name);
  if ((all && !running) || now - similarityAt > REDRAWN) {
    similarity.draw($("similarity"), at);
    similarityAt = now;
  }
  $("similarity").ariaLabel = `Similarity of the state at ${similarity.rows.length} characters`;
  if (!all) requestAnimationFrame(showSimilarity);
}

// -- music

function soundOf(text) {
  return /\nK:.*\n/.test(text) ? performed(text) : SILENCE;
}

function shownTune() {
  return other && $("untouched").checked ? other : composer;
}

function showNotes() {
  if (!model.abc || !composer) return;
  heard = soundOf(shownTune().text);
  drawRoll($("roll"), heard, player.beat);
  $("play").disabled = $("save-midi").disabled = !heard.notes.length;
  $("roll").ariaLabel = `${heard.notes.length} notes in ${heard.bars.length - 1} bars, repeats played out`;
}

function showPlaying() {
  $("play").textContent = player.playing ? "Stop" : "Play";
  const one = player.playing && (shownTune() === other ? "hear-untouched" : "hear-touched");
  for (const [id, name] of [["hear-touched", "Hear yours"], ["hear-untouched", "Hear the untouched"]]) {
    $(id).textContent = id === one ? "Stop" : name;
  }
  for (const span of document.querySelectorAll("#text .sounds")) span.classList.remove("sounds");
  if (!player.playing) return;
  const beat = player.beat;
  drawRoll($("roll"), heard, beat);
  if (shownTune() === composer) {
    for (const note of player.notes) {
      if (note.start <= beat && beat < note.end) $("text").children[note.at]?.classList.add("sounds");
    }
  }
  requestAnimationFrame(showPlaying);
}

function save(name, data, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// -- the hand

/** The units of a text such as "3, 17, 40-59"; null if it makes no sense. */
function unitsOf(text) {
  const { H } = model.network, found = [];
  for (const part of text.split(",")) {
    const [, first, end = first] = /^\s*(\d+)\s*(?:-\s*(\d+))?\s*$/.exec(part) || [];
    if (!(Number(first) <= Number(end) && Number(end) < H)) return null;
    for (let unit = Number(first); unit <= Number(end); unit++) found.push(unit);
  }
  return found;
}

/** The first of some numbers, in words. */
function few(numbers) {
  return numbers.slice(0, 12).join(", ") + (numbers.length > 12 ? ", …" : "");
}

function showHands() {
  const said = hands.flatMap(({ bias, cells, silent }, of) => [
    ...(silent.length ? [`layer ${of + 1}: ${silent.length} silent (${few(silent)})`] : []),
    ...Object.entries(cells).map(([n, value]) => `layer ${of + 1}: the cell of ${n} is held at ${value}`),
    ...(bias ? [`layer ${of + 1}: forget bias ${bias > 0 ? "+" : ""}${bias}`] : []),
  ]);
  $("hands").textContent = said.length ? `Your hand: ${said.join("; ")}.` : "No hand is in.";
  hands.forEach(({ bias }, of) => {
    $(`bias-${of}`).value = bias;
    sayBias(of, bias);
  });
}

function sayBias(of, bias) {
  $(`bias-${of}-said`).textContent = `${bias > 0 ? "+" : ""}${bias}`;
}

function touch(change) {
  change();
  showHands();
  compose(composer ? composer.variations : []);
}

// -- what the controls do

function fill(select, values, first) {
  select.replaceChildren(...(first ? [new Option(first, "")] : []), ...values.map((value) => new Option(value, value)));
}

function set() {
  hands = noHands();
  $("about").textContent = about.about;
  for (const element of document.querySelectorAll(".tune-only")) element.hidden = !model.abc;
  fill($("rhythm"), about.rhythms, "any");
  fill($("meter"), about.meters, "any");
  fill($("key"), about.keys, "any");
  fill($("question"), Object.keys(QUESTIONS), "choose");
  for (const id of ["layer", "touch-layer"]) {
    $(id).replaceChildren(...model.network.layers.map((_, n) => new Option(`${n + 1}`, n)));
  }
  $("similar").replaceChildren(...model.network.layers.flatMap((_, n) => (
    ["h", "c"].map((name) => new Option(`${name} of layer ${n + 1}`, `${n} ${name}`)))));
  $("unit").max = model.network.H - 1;
  $("biases").replaceChildren(...model.network.layers.map((_, n) => {
    const label = document.createElement("label");
    label.htmlFor = `bias-${n}`;
    label.append(`Forget bias of layer ${n + 1}: `);
    const said = document.createElement("output"), input = document.createElement("input");
    Object.assign(said, { id: `bias-${n}-said` });
    Object.assign(input, { type: "range", min: -STRONGEST, max: STRONGEST, step: 0.5, value: 0, id: `bias-${n}` });
    input.addEventListener("input", () => sayBias(n, Number(input.value)));
    input.addEventListener("change", () => touch(() => { hands[n].bias = Number(input.value); }));
    label.append(said, input);
    return label;
  }));
}

const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % 1e6;

function say() {
  for (const id of ["temperature", "top_p", "tempo"]) $(`${id}-said`).textContent = $(id).value;
  for (const id of ["rhythm", "meter", "key"]) $(id).disabled = $("seed").value !== "";  // which says how it begins
}

/** What one does next when a setting has changed. */
function ask() {
  complaint = "";
  if (!running) $("status").textContent = "Press Compose for a tune with these settings.";
}

function play() {
  showNotes();
  if (heard.notes.length) player.play(heard.notes);
}

/** Play one of two tunes, that of a radio button; or stop it. */
function hear(which) {
  const stop = player.playing && $(which).checked;
  $(which).checked = true;
  if (stop) player.stop();
  else play();
}

/** Copy a text, and say so. */
async function copy(text, said) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // an old browser, or one that allows it on a server's pages only
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    done = document.execCommand("copy");
    field.remove();
  }
  $("status").textContent = done ? said : "This browser does not let the page copy.";
}

function listen() {
  const on = (id, event, act) => $(id).addEventListener(event, act);
  on("settings", "submit", (event) => { event.preventDefault(); compose(); });
  on("another", "click", () => { $("random_seed").value = newSeed(); compose(); });
  on("pause", "click", () => {
    if (!running && $("pace").value === "step") pressed++;
    last = performance.now();
    setRunning(!running);
  });
  on("step", "click", () => { pressed++; setRunning(true); });
  on("pace", "change", () => { last = performance.now(); if (running) wake(); });
  on("tempo", "input", say);
  for (const id of FIELDS) on(id, "input", () => { say(); ask(); });
  on("text", "click", (event) => {
    const place = [...$("text").children].indexOf(event.target);
    if (place >= 0) moveTo(place);
  });
  on("text", "keydown", (event) => {
    const place = placeOf(event.key);
    if (place === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const from = at;
    moveTo(place);
    if (event.shiftKey) select(from);
    else anchor = null;
  });
  document.addEventListener("selectionchange", () => {
    const chosen = getSelection(), children = [...$("text").children];
    if (chosen.isCollapsed || !$("text").contains(chosen.anchorNode)) return;
    const places = [chosen.anchorNode, chosen.focusNode].map((node) => children.indexOf(node.parentElement));
    const ends = places.sort((a, b) => a - b);
    if (ends[0] < 0) return;
    selection = [ends[0], ends[1] + 1];
    if ($("question").value === "what is selected") showResponding();
  });
  on("colour", "change", paintAll);
  for (const id of ["layer", "unit"]) on(id, "input", () => { paintAll(); showChosen(); });
  on("question", "change", showResponding);
  on("similar", "change", showSimilarity);
  for (const id of ["next-panel", "unit-panel", "similarity-panel"]) on(id, "toggle", show);
  on("vary", "click", () => {
    settle();
    const { temperature, top_p } = chosen();
    composer.vary({ at: at + 1, random_seed: newSeed(), temperature, top_p });
    [other, earlier] = [null, ""];
    begin();
    $("text").focus();  // the button is off now
  });
  on("copy", "click", () => copy(shownTune().text, "Copied."));
  on("link", "click", () => copy(location.href, location.protocol === "file:"
    ? "Copied: the link works where this file is, so send the file too." : "Copied."));
  on("save-abc", "click", () => save("tune.abc", shownTune().text, "text/vnd.abc"));
  on("save-midi", "click", () => save("tune.mid", midi(soundOf(shownTune().text).notes, player.tempo), "audio/midi"));
  on("play", "click", () => {
    if (player.playing) player.stop();
    else play();
  });
  on("hear-touched", "click", () => hear("touched"));
  on("hear-untouched", "click", () => hear("untouched"));
  on("tempo", "change", () => player.setTempo(Number($("tempo").value)));
  on("loop", "change", () => { player.loop = $("loop").checked; });
  for (const id of ["touched", "untouched"]) on(id, "change", () => { player.stop(); showNotes(); });
  on("touch-what", "change", () => { $("touch-value").disabled = $("touch-what").value === "silent"; });
  on("touch-add", "click", () => {
    const units = unitsOf($("touch-units").value), hand = hands[$("touch-layer").value];
    if (!units) {
      $("hands").textContent = `Units are numbers from 0 to ${model.network.H - 1}, such as 3, 17, 40-59.`;
      return;
    }
    touch(() => {
      if ($("touch-what").value === "silent") hand.silent = [...new Set([...hand.silent, ...units])];
      else for (const n of units) hand.cells[n] = Number($("touch-value").value);
    });
  });
  on("touch-listed", "click", () => {
    if (!listed.length) $("hands").textContent = "None is listed: choose first, at One unit, what they go with.";
    else touch(() => {
      for (const found of listed) hands[found.layer].silent = [...new Set([...hands[found.layer].silent, found.unit])];
    });
  });
  on("touch-clear", "click", () => touch(() => { hands = noHands(); }));
  window.addEventListener("hashchange", openAddress);
  window.addEventListener("resize", () => { showChosen(); showNotes(); });
}

/** Let the page have its turn. */
const rest = () => new Promise((resolve) => { setTimeout(resolve); });

/** The weights as bytes. */
async function weights() {
  const text = $("weights").textContent, slice = 4 << 17;  // characters of which each four are three bytes
  const bytes = new Uint8Array(text.length * 3 / 4 - (/=*$/.exec(text)[0].length));
  for (let at = 0; at < text.length; at += slice) {
    const part = atob(text.slice(at, at + slice));
    for (let n = 0; n < part.length; n++) bytes[at * 3 / 4 + n] = part.charCodeAt(n);
    await rest();
  }
  return bytes;
}

async function start() {
  const { bytes, multiply } = fastest(await weights(), Math.max(about.V, about.E, 4 * about.H));
  model.network = new Network(unpacked(bytes, about.shapes), about, multiply);
  set();
  listen();
  openAddress();
  document.documentElement.dataset.ready = "yes";
}

start();
