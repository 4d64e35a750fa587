// legmon on a Bangle.js 2: sends what the accelerometer feels over the Nordic UART, by docs/sensors/bangle.md.
// Never run on a watch so far: the protocol was proven with a simulated one.
const VERSION = 1, KEPT = 4096, MOST = 40, HOLES = 32;
const PERIODS = { "12.5": 80, "25": 40, "50": 20, "100": 10 };
// Registers of the KX023. Bit 6 of 0x1B puts the corner of its low-pass filter at half the rate; without it, it is at a ninth,
// 5.6 Hz at 50 Hz, which flattens short movements.
const CONTROL = 0x18, OUTPUT = 0x1b;
const ODR = { 80: 0, 40: 1, 20: 2, 10: 3 }, HALF = 0x40, ON = 0b10000000;
const AT_4_G = 0b01101100, AT_8_G = 0b01110100;
// While it measures nothing that moves lights the screen, and a button that is leant on does not end the app. (After a minute of
// stillness powerSave makes 1.25 samples a second.)
const ASLEEP = {
  wakeOnTwist: false, wakeOnFaceUp: false, wakeOnTouch: false, wakeOnDoubleTap: false, btnLoadTimeout: 0, powerSave: false,
};
const AGAIN_MS = 3000; // within which the button has to be pressed again to end what is measured
const SIDE = (require("Storage").readJSON("legmon.json", 1) || {}).side || 0; // 0 not said, 1 left, 2 right

const ring = new Int16Array(3 * KEPT);
const began = getTime();
let stream = Math.floor(Math.random() * 65535);
let running = false, next = 0, sent = 0, period = 20, range = 4, batch = 25, startMs = 0, batchMs = 0;
let line = "", asked; // asked: samples that are being sent again
let woke = 0, slept = 0, polled = 0, felts = 0; // ms: when JavaScript woke and slept last; the poll felt last, and when it was
let awake = {}, mayEnd = false; // what the options were before; whether the next press of the button ends the app
let holes = [], forgotten = 0; // samples that were never measured; up to where such holes are no longer known

function nowMs() {
  return (getTime() - began) * 1000;
}

// Sends what the body holds after its kind and its length.
function frame(body) {
  Bluetooth.write("LM", body, new Uint8Array(u32(E.CRC32(body))));
}

function answer(op, status, results) {
  const payload = [op.charCodeAt(0), status].concat(results || []);
  frame(new Uint8Array([3, payload.length].concat(payload)));
}

function u16(v) {
  return [v & 255, (v >> 8) & 255];
}

function u32(v) {
  return [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, (v >>> 24) & 255];
}

// Copies bytes: while JavaScript goes through samples one by one, polls are missed.
function samples(kind, first, count, ms) {
  const body = new Uint8Array(12 + 6 * count), at = first % KEPT, whole = Math.min(count, KEPT - at);
  body.set([kind, 10 + 6 * count].concat(u16(stream), u32(first), u32(Math.round(ms))));
  body.set(new Uint8Array(ring.buffer, 6 * at, 6 * whole), 12);
  if (whole < count) body.set(new Uint8Array(ring.buffer, 0, 6 * (count - whole)), 12 + 6 * whole);
  frame(body);
}

function send() {
  if (next > sent && NRF.getSecurityStatus().connected) samples(1, sent, next - sent, batchMs);
  sent = next; // what nobody heard stays in the ring, and is asked for
}

// To be called first of all when JavaScript wakes, and `sleep` last of all.
function wake() {
  const ms = nowMs();
  if (ms - slept > period / 4) woke = ms;
  return ms;
}

function sleep() {
  slept = nowMs();
}

// Says how many samples were missed before this one. The event is a flag: all polls that fall due while JavaScript runs are felt as
// one, with the values of the last. The time between two events alone does not tell: a chip a little slower than its name has
// nothing new at one poll now and then, and then nothing is missing.
function unfelt(ms) {
  "ram";
  let missed = 0;
  const since = Math.floor((ms - felts) / period);
  if (ms === woke) polled = ms; // JavaScript slept: felt as it was polled
  else {
    const polls = Math.floor((ms - polled) / period);
    missed = polls - Math.floor((Math.max(woke, felts) - polled) / period) - 1;
    polled += polls * period;
  }
  felts = ms;
  if (!next || since * period > 10000) return 0; // the chip was set just now; nothing runs so long: the clock was set
  return Math.max(missed, since - 2, 0); // somebody else's JavaScript may have run
}

function skip(missed) {
  send();
  while (holes.length && (holes.length >= HOLES || holes[0].end <= next - KEPT)) forgotten = holes.shift().end;
  holes.push({ first: next, end: next + missed });
  next = sent = next + missed;
}

// Gives the first hole that ends after a sample.
function holeAt(sample) {
  return holes.find((hole) => hole.end > sample);
}

function oldest() {
  return Math.max(0, forgotten, next - KEPT + MOST);
}

function felt(a) {
  "ram";
  const missed = unfelt(wake());
  if (missed) skip(missed);
  const at = 3 * (next % KEPT);
  // In g at ±4 g; at ±8 g the firmware still reads half of it, which is what the scale of 244 µg means.
  ring[at] = Math.max(-32768, Math.min(32767, a.x * 8192));
  ring[at + 1] = Math.max(-32768, Math.min(32767, a.y * 8192));
  ring[at + 2] = Math.max(-32768, Math.min(32767, a.z * 8192));
  if (next === sent) batchMs = polled;
  next++;
  if (next - sent >= batch) send();
  sleep();
}

function chip(control, output) {
  Bangle.accelWr(CONTROL, control); // off, as registers may only change then
  Bangle.accelWr(OUTPUT, output);
  Bangle.accelWr(CONTROL, control | ON);
}

// Firmware that does not know one of the options would set none of them.
function fallAsleep() {
  const now = Bangle.getOptions(), asleep = {};
  awake = {};
  Object.keys(ASLEEP).forEach((name) => {
    if (now[name] === undefined) return;
    awake[name] = now[name];
    asleep[name] = ASLEEP[name];
  });
  Bangle.setOptions(asleep);
}

function start(hz, g) {
  if (!PERIODS[hz] || (g !== "4" && g !== "8")) return answer("S", 2);
  if (running && (PERIODS[hz] !== period || +g !== range)) return answer("S", 3);
  if (!running) {
    running = true;
    stream = (stream + 1) & 0xffff;
    period = PERIODS[hz];
    range = +g;
    batch = Math.max(1, Math.min(MOST, Math.round(500 / period)));
    next = sent = forgotten = 0;
    holes = [];
    fallAsleep();
    chip(range === 8 ? AT_8_G : AT_4_G, ODR[period] | HALF);
    Bangle.setPollInterval(period);
    startMs = polled = felts = nowMs();
    Bangle.on("accel", felt);
  }
  const results = [VERSION].concat(u16(stream), u16(period), u16(range === 8 ? 244 : 122), [range], u32(next), [SIDE]);
  answer("S", 0, results);
  draw();
}

function end() {
  if (!running) return;
  running = false;
  asked = undefined;
  Bangle.removeListener("accel", felt);
  Bangle.setPollInterval(80);
  chip(AT_4_G, 0); // as Espruino sets it: 12.5 Hz, filtered at a ninth
  Bangle.setOptions(awake); // last: a poll interval that is set switches powerSave off
}

function stop() {
  if (!running) return answer("X", 3);
  end();
  answer("X", 0);
  draw();
}

function again() {
  if (!asked) return;
  let hole = holeAt(asked.at);
  if (hole && hole.first <= asked.at) {
    asked.at = hole.end; // nothing was measured there
    hole = holeAt(asked.at);
  }
  if (asked.at < next - KEPT) asked.end = asked.at; // overwritten: the radio was too slow
  const end = Math.min(asked.at + MOST, asked.end, hole ? hole.first : next);
  if (end > asked.at) {
    // Times are even between the start and now: the watch's clock is steadier than its timers.
    const ms = startMs + (asked.at * (nowMs() - startMs)) / Math.max(1, next);
    samples(2, asked.at, end - asked.at, ms);
    asked.at = end;
  }
  if (asked.at < asked.end) {
    setTimeout(() => {
      wake();
      again();
      sleep();
    }, 20);
    return;
  }
  answer("F", 0, u32(asked.end - asked.first));
  asked = undefined;
}

function fetch(first, count) {
  if (!running) return answer("F", 3);
  if (!(first >= 0 && count > 0)) return answer("F", 2);
  if (first < oldest() || first >= next) return answer("F", 4);
  const hole = holeAt(first);
  if (hole && hole.first <= first) return answer("F", 5, u32(hole.end - first));
  asked = { first: first, at: first, end: Math.min(first + count, next) };
  again();
}

function obey(text) {
  const words = text.trim().split(",");
  if (words[0] === "S") start(words[1], words[2]);
  else if (words[0] === "X") stop();
  else if (words[0] === "B") answer("B", 0, [E.getBattery()]);
  else if (words[0] === "H") {
    if (running) answer("H", 0, u16(stream).concat(u32(oldest()), u32(next)));
    else answer("H", 3);
  } else if (words[0] === "F") fetch(+words[1], +words[2]);
  else answer(words[0].substr(0, 1) || "?", 1);
}

function draw() {
  g.clear(1).setFont("Vector", 28).setFontAlign(0, 0);
  g.drawString("legmon", g.getWidth() / 2, g.getHeight() / 2 - 24);
  g.setFont("Vector", 18);
  g.drawString(running ? "measuring" : "waiting", g.getWidth() / 2, g.getHeight() / 2 + 10);
  g.drawString(E.getBattery() + " %", g.getWidth() / 2, g.getHeight() / 2 + 36);
  if (mayEnd) g.drawString("press again to end", g.getWidth() / 2, g.getHeight() / 2 + 66);
}

// Of a watch whose screen is locked Espruino keeps the first press for itself: it unlocks.
function press() {
  wake();
  if (running && !mayEnd) {
    mayEnd = true;
    draw();
    setTimeout(() => {
      wake();
      mayEnd = false;
      draw();
      sleep();
    }, AGAIN_MS);
  } else {
    end();
    load();
  }
  sleep();
}

E.setConsole(null, { force: true }); // the UART is ours: nobody types into it
Bluetooth.on("data", (data) => {
  wake();
  line += data;
  const lines = line.split("\n");
  line = lines.pop().substr(-64);
  lines.forEach((text) => text && obey(text));
  sleep();
});
E.on("kill", end); // whatever ends the app
setWatch(press, BTN1, { repeat: true, edge: "rising", debounce: 50 });
draw();
