// A tune in ABC notation as the notes that sound, repeats and endings played out. Times are in quarter notes.
// ABC leaves open how much sounds; here it does as abc2midi does, its oddities included, because that is what the rest
// of this project plays. An accidental counts in all octaves to the end of the bar. A grace note is a quarter of its
// written length and takes its time from the note that it adorns. Of a hornpipe, two notes that share a beat are played
// long and short, 2 : 1. A tie over a bar takes the next note, whatever its pitch; a tuplet goes on behind a bar.

const LETTERS = "CDEFGAB", SEMITONES = [0, 2, 4, 5, 7, 9, 11];
const SHARPS = "FCGDAEB";  // the order in which sharps come into a key; flats come in the reverse
const MODES = { maj: 0, ion: 0, lyd: 1, mix: -1, dor: -2, min: -3, aeo: -3, phr: -4, loc: -5 };  // sharps more than major
const RAISED = { "^^": 2, "^": 1, "=": 0, _: -1, __: -2 };
const SHORTEST = 1 / 8;  // of the notes of a trill
const MOST = 20_000;  // notes and bars that are played of a tune

const FRACTION = String.raw`\d*\/*\d*`;
const PITCH = String.raw`(?:\^\^|\^|__|_|=)?[A-Ga-g][,']*`;
const TOKEN = new RegExp([
  String.raw`%.*`,
  String.raw`"[^"\n]*"|![^!\n]*!`,
  String.raw`\[(?<field>[A-Za-z]):(?<value>[^\]\n]*)\]`,
  String.raw`(?<bar>(?:\[?\||:+\|?)[|:\]]*|\[(?=\d))(?<endings>(?:\d[\d,\-]*)?)`,
  String.raw`\((?<p>\d)(?::(?<q>\d?))?(?::(?<r>\d?))?`,
  String.raw`\{(?<graces>[^}\n]*)\}`,
  String.raw`\[(?<chord>(?:${PITCH}${FRACTION}-?)+)\](?<chordLength>${FRACTION})`,
  String.raw`(?<note>${PITCH}|[xzZ])(?<length>${FRACTION})`,
  String.raw`(?<broken>>+|<+)`,
  String.raw`(?<tie>-)`,
  String.raw`(?<mark>[~HTR.])`,
].join("|"), "g");
const INNER = new RegExp(`(?<note>${PITCH})(?<length>${FRACTION})(?<tie>-?)`, "g");

const near = (a, b) => Math.abs(a - b) < 1e-9;

/** A fraction as ABC writes it: "3/2", "3", "/2", "/", "//", "". */
function fraction(text) {
  const [, top, slashes, bottom] = /^(\d*)(\/*)(\d*)/.exec(text);
  const value = (top ? Number(top) : 1) / (bottom ? Number(bottom) : 2 ** slashes.length);
  return value > 0 && value < 1000 ? value : 1;  // nothing sounds for ever
}

/** The endings that "1,3" and "1-3" name, as a list of numbers. */
function numbers(text) {
  return text.split(",").filter(Boolean).flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: Math.min(last - first + 1, 20) }, (_, n) => first + n);
  });
}

/** How far a key such as "Edor" raises the letters that it changes, in semitones: {F: 1, C: 1}. */
function signature(key) {
  const [, tonic, accidental, mode] = /^([A-G])([#b]?)\s*([A-Za-z]*)/.exec(key) ?? [, "C", "", ""];
  const more = MODES[mode.slice(0, 3).toLowerCase()] ?? (/^m/i.test(mode) ? MODES.min : 0);
  const sharps = SHARPS.indexOf(tonic) - 1 + 7 * ({ "#": 1, b: -1 }[accidental] ?? 0) + more;
  const letters = sharps > 0 ? SHARPS.slice(0, sharps) : [...SHARPS].reverse().slice(0, -sharps);
  return Object.fromEntries([...letters].map((letter) => [letter, Math.sign(sharps)]));
}

/**
 * What a tune's text says, in `found`: notes {pitches, length, at, ...} and bars, in the order written. A bar is
 * {bar: its text, closes, begins: whether a repeat ends or begins there, parts: whether a part ends, endings: [number]}.
 */
class Reader {
  constructor(tune) {
    Object.assign(this, { found: [], key: {}, unit: 1 / 2, meter: "4/4", hornpipe: false, broken: "" });
    this.tuplet = { left: 0, factor: 1 };  // it may go on in the next bar
    this.nextBar();
    this.adorn();
    let at = 0, inHeader = true;
    for (const line of tune.split("\n")) {
      if (/^[A-Za-z]:(?![|:])/.test(line)) {
        this.field(line[0], line.slice(2));
        if (line[0] === "K") inHeader = false;
      } else if (!inHeader) {
        for (const match of line.matchAll(TOKEN)) this.token(match.groups, at + match.index);
      }
      at += line.length + 1;
    }
  }

  field(name, value) {
    value = value.trim();
    if (name === "K") this.key = signature(value);
    if (name === "L") this.unit = 4 * fraction(value);
    if (name === "M") this.meter = value === "C" ? "4/4" : value === "C|" ? "2/2" : value;
    if (name === "R") this.hornpipe = /^hornpipe/i.test(value);
  }

  token({ field, value, bar, endings, p, q, r, graces, chord, chordLength, note, length, broken, tie, mark }, at) {
    const last = this.found.at(-1);
    if (field) this.field(field, value);
    else if (bar !== undefined) {
      const closes = bar.startsWith(":"), begins = bar.endsWith(":") && bar !== ":|:";
      const parts = !bar.startsWith("::") && (closes || begins || /\|[|\]]|\[\|/.test(bar));
      this.found.push({ bar, closes, begins, parts, endings: numbers(endings) });
      this.nextBar();
      this.adorn();
    } else if (p) {
      const usual = { 2: 3, 3: 2, 4: 3, 6: 2, 8: 3 }[p] ?? (/^(3|6|9|12)\/8/.test(this.meter) ? 3 : 2);
      this.tuplet = { left: Number(r || p), factor: (q || usual) / p };
    } else if (graces !== undefined) {
      const unit = (this.unit / 4) * (this.tuplet.left ? this.tuplet.factor : 1);
      this.graces = [...graces.matchAll(INNER)].map(({ groups }) => (
        { ...this.pitched(groups.note), length: fraction(groups.length) * unit }));
    } else if (chord) {
      const inner = [...chord.matchAll(INNER)].map(({ groups }) => ({ ...this.pitched(groups.note), ...groups }));
      const length = fraction(inner[0].length) * this.unit;
      this.note(inner, length * fraction(chordLength), at);
      this.time += length * (1 - fraction(chordLength));  // the swing of a hornpipe counts the inner length alone
      this.found.at(-1).ties = inner.filter((n) => n.tie).map((n) => n.pitch);
    } else if (note === "Z") this.note([], fraction(length) * 4 * fraction(this.meter), at);
    else if (note) {
      this.note(/[xz]/.test(note) ? [] : [this.pitched(note)], fraction(length) * this.unit, at, !length);
    } else if (broken) this.broken = broken;
    else if (tie && last?.pitches) last.ties = last.pitches;
    else if (mark) this.marks += mark;
  }

  nextBar() {
    Object.assign(this, { accidentals: {}, time: 0 });
  }

  /** What stands before a note and is for it: none as yet. */
  adorn() {
    Object.assign(this, { graces: [], marks: "" });
  }

  /** A letter with accidentals and octaves as MIDI's number, and those of the notes below and above in the key. */
  pitched(text) {
    const [, accidental, letter, octaves] = /^([\^_=]*)(.)(.*)$/.exec(text);
    const name = letter.toUpperCase();
    if (accidental) this.accidentals[name] = RAISED[accidental];
    const octave = (letter === name ? 5 : 6) + [...octaves].reduce((sum, mark) => sum + (mark === "'" ? 1 : -1), 0);
    const white = LETTERS.indexOf(name) + 7 * octave;
    const number = (n, raised = this.key[LETTERS[n % 7]] ?? 0) => 12 * Math.floor(n / 7) + SEMITONES[n % 7] + raised;
    return { pitch: number(white, this.accidentals[name]), below: number(white - 1), above: number(white + 1) };
  }

  /** Add a note of one pitch, of several (a chord), or of none (a rest). plain: no length is written at it. */
  note(pitched, length, at, plain = false) {
    const { graces, marks, unit, hornpipe } = this;
    const [first] = pitched, last = this.found.findLast((found) => found.pitches);
    const note = { pitches: pitched.map((n) => n.pitch), ...first, length, at, graces, marks, unit, ties: [], share: 1 };
    if (marks.includes("H")) note.length *= 2;
    if (this.tuplet.left) {
      this.tuplet.left--;
      note.length *= this.tuplet.factor;
    } else if (hornpipe && plain && pitched.length === 1 && ["4/4 0.5", "2/4 0.25"].includes(`${this.meter} ${unit}`)) {
      note.swings = true;
    }
    const barred = last !== this.found.at(-1);
    note.swallowed = barred && last?.ties.length === 1 && pitched.length === 1 && !graces.length
      && last.ties[0] !== first.pitch;
    const written = note.length;
    let shares = null;
    if (this.swinging && note.swings && !barred) shares = [4 / 3, 2 / 3];
    else if (this.broken && last && near(last.length, note.length)) {
      const short = hornpipe && this.broken.length === 1 ? 2 / 3 : 0.5 ** this.broken.length;
      shares = this.broken[0] === ">" ? [2 - short, short] : [short, 2 - short];
    }
    this.swinging = !shares && note.swings && near(Math.round(this.time / (2 * unit)), this.time / (2 * unit));
    if (shares) {
      last.length *= marks.includes("~") ? shares[0] * shares[1] : shares[0];
      note.length *= shares[1];
      note.share = shares[1];
    }
    this.broken = "";
    this.time += written;
    this.found.push(note);
    this.adorn();
  }
}

/** Let repeats begin where none is written: a `:|` without a `|:` goes back to the last `||` or `:|`. */
function mend(found) {
  let open = true, last = null;  // the tune's start is a `|:`
  for (const bar of found.filter((one) => one.bar !== undefined)) {
    if (bar.closes && !open) last.begins = true;
    if (bar.begins || bar.closes) open = bar.begins;
    if (bar.parts) last = bar;
    if (bar.endings.length) return;  // abc2midi has no such rule for tunes with endings
  }
}

/**
 * Notes and bars in the order they are played: a part twice, and once more than the ending that was played last, if it
 * is closed by `:|` too. An ending of another pass is skipped up to the end of its part or to the next ending.
 */
function playedOut(found) {
  const played = [];
  let start = 0, pass = 1, passes = 2, skips = false;
  mend(found);
  for (let n = 0; n < found.length && played.length < MOST; n++) {
    const { bar, closes, begins, parts, endings } = found[n];
    if (!skips) played.push(found[n]);
    if (bar === undefined) continue;
    if (skips && !parts) {
      skips = !endings.length;
      continue;
    }
    const again = pass === 1 || (pass < passes && !bar.startsWith("::"));  // in a second pass `::` only begins
    if (closes && again && !skips) {
      [n, pass] = [start - 1, pass + 1];
      continue;
    }
    if (begins && (closes || !skips)) [start, pass, passes] = [n + 1, 1, 2];
    skips = endings.length > 0 && !endings.includes(pass);
    if (endings.length && !skips && passes < 4) passes = pass + 1;  // abc2midi stops there
  }
  return played;
}

/** A trill of such length: how many notes it has. */
function trills(length) {
  let parts = 1;
  while (parts < 96 && !near(Math.round(length * parts) / 1000, length * parts / 1000)) parts++;
  let count = Math.round(length * parts);
  while (length / count / 2 >= SHORTEST - 1e-9) count *= 2;
  return count;
}

/** How a note sounds: {before: [{pitch, length}], pitches}, those that come first, and those that sound for the rest. */
function ornamented({ pitches, pitch, below, above, length, graces, marks, unit, share }) {
  const taken = graces.reduce((sum, grace) => sum + grace.length, 0);
  const before = taken < length - 1e-9 ? [...graces] : [];  // else abc2midi leaves them out
  const left = before.length ? length - taken : length, grace = unit / 4;
  const add = (...steps) => steps.forEach(([pitch, length]) => before.push({ pitch, length }));
  if (pitches.length !== 1) return { before, pitches };
  if (marks.includes("T")) {
    const count = trills(left);
    add(...Array.from({ length: count - 1 }, (_, n) => [n % 2 ? pitch : above, left / count]));
    return { before, pitches: [count % 2 ? above : pitch] };
  }
  if (marks.includes("R")) add(...[pitch, above, pitch, below].map((n) => [n, left / 5]));
  else if (marks.includes("~") && near(left, 3 * unit)) {
    add([pitch, 4 * grace], [above, grace], [pitch, 3 * grace], [below, grace]);
  } else if (marks.includes("~")) add([above, grace * share]);
  return { before, pitches };
}

/** What sounds: {notes: [{pitch, start, end, at}], bars: [time]}, in quarter notes; at: its place in the tune's text. */
function performed(tune) {
  const found = [], bars = [0];
  let time = 0, tied = [];
  for (const note of playedOut(new Reader(tune).found)) {
    if (note.bar !== undefined) {
      if (/\|/.test(note.bar) || note.bar.startsWith("::")) bars.push(time);
      continue;
    }
    const { at, ties } = note, end = time + note.length;
    if (note.swallowed) {
      for (const sound of tied) sound.end = end;
      if (!ties.length) tied = [];
    } else if (note.pitches.length) {
      const { before, pitches } = ornamented(note);
      for (const { pitch, length } of before) found.push({ pitch, start: time, end: time += length, at });
      const until = note.marks.includes(".") ? (time + end) / 2 : end;
      tied = pitches.flatMap((pitch) => {
        let sound = before.length ? undefined : tied.find((other) => other.pitch === pitch);
        if (sound) sound.end = until;
        else found.push(sound = { pitch, start: time, end: until, at });
        return ties.includes(pitch) ? [sound] : [];
      });
    }
    time = end;
  }
  return { notes: found, bars: [...new Set(bars)] };
}
