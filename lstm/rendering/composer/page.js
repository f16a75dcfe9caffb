// The page: what is shown now. What is chosen (settings.js, hands.js) goes to a composer (composing.js), and what it
// composes to the views and the player (showing.js); controls.js says what each control does, and starts it all.

const $ = (id) => document.getElementById(id);

const about = JSON.parse($("model").textContent);
const model = { characters: [...about.characters], abc: about.abc, order: about.order, network: null };
const SILENCE = { notes: [], bars: [] };
const player = new Player(showPlaying);
const similarity = new Similarity();
let composer = null, other = null;  // the tune in the making, and the same without a hand
let running = false, owed = 0, last = 0, pressed = 0;  // characters owed to the pace, when it was last seen, presses
let at = 0, selection = [0, 0], anchor = null;  // the character that the views are of, and those selected
let hands = [], listed = [], heard = SILENCE, complaint = "";  // of a field that makes no sense
let earlier = "";  // the tune before
