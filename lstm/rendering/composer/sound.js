// Notes as sound, by Web Audio, and as a MIDI file. Times of notes are in quarter notes, those of the clock in seconds.

const AHEAD = 0.25;  // seconds for which notes are handed to the sound card, because a page may be late
const TICKS = 480;  // of a MIDI file, in a quarter note

/** Plays notes and says where it is. changed(): is called when it begins, ends, or is stopped. */
class Player {
  constructor(changed) {
    Object.assign(this, { changed, notes: [], tempo: 120, loop: false, timer: null, paused: 0 });
  }

  get playing() {
    return this.timer !== null;
  }

  /** The place in quarter notes that one hears now. */
  get beat() {
    return this.playing ? Math.max(0, (this.context.currentTime - this.began) * this.tempo / 60) : this.paused;
  }

  get length() {
    return this.notes.reduce((latest, note) => Math.max(latest, note.end), 0);
  }

  play(notes, from = 0) {
    this.stop();
    this.context ??= new AudioContext();
    this.context.resume();
    this.out = this.context.createGain();
    this.out.gain.value = 0.25;
    this.out.connect(this.context.destination);
    this.notes = [...notes].sort((a, b) => a.start - b.start);
    this.next = this.notes.filter((note) => note.start < from).length;
    this.began = this.context.currentTime + 0.05 - from * 60 / this.tempo;
    this.timer = setInterval(() => this.schedule(), 50);
    this.schedule();
    this.changed();
  }

  /** A new tempo, in quarter notes a minute, from where it is. */
  setTempo(tempo) {
    const beat = this.beat, notes = this.notes, was = this.playing;
    this.tempo = tempo;
    if (was) this.play(notes, beat);
  }

  /** Stop, with the playhead where it is or elsewhere. */
  stop(at = this.beat) {
    if (this.playing) {
      const { out, context } = this;
      clearInterval(this.timer);
      out.gain.setTargetAtTime(0, context.currentTime, 0.01);  // a note that is cut at once clicks
      setTimeout(() => out.disconnect(), 100);
    }
    Object.assign(this, { timer: null, paused: at });
    this.changed();
  }

  schedule() {
    const second = (beat) => this.began + beat * 60 / this.tempo;
    for (; this.next < this.notes.length; this.next++) {
      const note = this.notes[this.next];
      if (second(note.start) > this.context.currentTime + AHEAD) return;
      this.pluck(note.pitch, second(note.start), second(note.end));
    }
    if (this.context.currentTime < second(this.length)) return;
    if (this.loop) this.play(this.notes);
    else this.stop(0);
  }

  /** A note: a triangle wave that dies away, as that of a plucked string does. */
  pluck(pitch, start, end) {
    const wave = this.context.createOscillator(), gain = this.context.createGain();
    wave.type = "triangle";
    wave.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(1, start + 0.008);
    gain.gain.exponentialRampToValueAtTime(0.25, Math.max(end, start + 0.05));
    gain.gain.linearRampToValueAtTime(0, Math.max(end, start + 0.05) + 0.06);
    wave.connect(gain).connect(this.out);
    wave.start(start);
    wave.stop(Math.max(end, start + 0.05) + 0.07);
  }
}

/** Notes as the bytes of a standard MIDI file (format 0). tempo: quarter notes a minute. */
function midi(notes, tempo) {
  const number = (value, bytes) => Array.from({ length: bytes }, (_, n) => (value >> (8 * (bytes - 1 - n))) & 255);
  const delta = (ticks) => {  // seven bits in each byte; all but the last have the eighth set
    const bytes = [ticks & 127];
    for (let rest = ticks >> 7; rest; rest >>= 7) bytes.unshift((rest & 127) | 128);
    return bytes;
  };
  const events = notes.flatMap(({ pitch, start, end }) => [
    { tick: Math.round(start * TICKS), bytes: [0x90, pitch, 90] },
    { tick: Math.round(end * TICKS), bytes: [0x80, pitch, 0] },
  ]).sort((a, b) => a.tick - b.tick || a.bytes[0] - b.bytes[0]);  // what ends goes before what begins
  const track = [0, 0xFF, 0x51, 3, ...number(Math.round(60e6 / tempo), 3)];
  let now = 0;
  for (const { tick, bytes } of events) {
    track.push(...delta(tick - now), ...bytes);
    now = tick;
  }
  track.push(0, 0xFF, 0x2F, 0);
  const letters = (text) => [...text].map((letter) => letter.charCodeAt(0));
  return Uint8Array.from([
    ...letters("MThd"), ...number(6, 4), ...number(0, 2), ...number(1, 2), ...number(TICKS, 2),
    ...letters("MTrk"), ...number(track.length, 4), ...track,
  ]);
}
