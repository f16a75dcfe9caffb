// What each control does, and the page's beginning.

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
