// What there is, brought to the page: the tune, the panels, the notes.

const PALE = 0.5;  // how opaque the strongest colour behind a letter is
const REDRAWN = 400;  // milliseconds after which a large picture is drawn anew while it grows

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

/** Why one cannot go on from the chosen place in another way; empty if one can. */
function hindrance() {
  if (running || composer.canVary(at + 1)) return "";
  if (composer.steps[at + 1]?.given) return " What follows it is given.";
  return " Choose one before it to go on from there in another way.";
}

function showChosen() {
  const step = composer?.steps[at];
  if (!step) return;
  const words = { "\n": " (end of a line)", " ": " (space)" }[step.character] ?? "";
  const surprise = Number.isNaN(step.nats) ? "" : ` The network gave it ${percent(Math.exp(-step.nats))}: `
    + `${step.nats.toFixed(2)} nats of surprise.`;
  $("chosen").textContent = `Character ${at + 1}: ${named(step.character)}${words}${step.given ? ", given" : ""}.`
    + surprise + hindrance();
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
