// Composing in turns, so that the page answers all the while.

const SLICE = 16;  // milliseconds of composing before the page gets its turn
const SHOWN = 50;  // milliseconds after which what is new is shown
const GIVEN = 500;  // characters of a text to begin with: it is read at once, and the page waits

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
