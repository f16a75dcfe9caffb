// The hands that one puts into the network: units that are silent, cells that are held, forget biases that are moved.

const STRONGEST = 4;  // of what is added to a forget gate's bias

function noHands() {
  return model.network.layers.map(() => ({ bias: 0, cells: {}, silent: [] }));
}

/** Whether hands change anything. */
function touches(hands) {
  return hands.some(({ bias, cells, silent }) => bias || silent.length || Object.keys(cells).length);
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
