// What is chosen, and the address that holds it.

const LONGEST = 2000;  // characters of a tune
const PLAIN = 500;  // ... of a text that is no tune
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
