// legmon on a Bangle.js 2: sends what the accelerometer feels over the Nordic UART, by docs/sensors/bangle.md.
// Never run on a watch so far: the protocol was proven with a simulated one.
const VERSION = 1, KEPT = 4096, MOST = 40, MOST_HOLES = 100;
const PERIODS = { "12.5": 80, "25": 40, "50": 20, "100": 10 };
// Registers of the KX023. Bit 6 of 0x1B puts the corner of its low-pass filter at half the rate; without it, it is at a ninth,
// 5.6 Hz at 50 Hz, which flattens short movements.
const CONTROL = 0x18, OUTPUT = 0x1b;
const ODR = { 80: 0, 40: 1, 20: 2, 10: 3 }, HALF = 0x40, ON = 0b10000000;
const AT_4_G = 0b01101100, AT_8_G = 0b01110100;
const SIDE = (require("Storage").readJSON("legmon.json", 1) || {}).side || 0; // 0 not said, 1 left, 2 right

const ring = new Int16Array(3 * KEPT);
const began = getTime();
let stream = Math.floor(Math.random() * 65535);
let running = false, next = 0, sent = 0, period = 20, range = 4, batch = 25, startMs = 0, batchMs = 0;
let base = 0; // when sample 0 was due, ms: polls come evenly, and none is handled before it is due
let holes = [], oldest = 0; // what was never felt, of what is kept; and before which nothing is kept for want of room for more
let line = "", asked; // asked: samples that are being sent again

function nowMs() {
  return Math.round((getTime() - began) * 1000);
}

function frame(kind, payload) {
  const body = new Uint8Array(2 + payload.length);
  body[0] = kind;
  body[1] = payload.length;
  body.set(payload, 2);
  const crc = E.CRC32(body);
  Bluetooth.write("LM", body, new Uint8Array([crc & 255, (crc >> 8) & 255, (crc >> 16) & 255, (crc >>> 24) & 255]));
}

function answer(op, status, results) {
  frame(3, new Uint8Array([op.charCodeAt(0), status].concat(results || [])));
}

function u16(v) {
  return [v & 255, (v >> 8) & 255];
}

function u32(v) {
  return [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, (v >>> 24) & 255];
}

function samples(kind, first, count, ms) {
  const payload = new Uint8Array(10 + 6 * count);
  payload.set(u16(stream).concat(u32(first), u32(ms)));
  const at = first % KEPT, upTo = Math.min(count, KEPT - at); // whole pieces: a loop over samples takes longer than a poll
  payload.set(new Uint8Array(ring.buffer, 6 * at, 6 * upTo), 10);
  if (upTo < count) payload.set(new Uint8Array(ring.buffer, 0, 6 * (count - upTo)), 10 + 6 * upTo);
  frame(kind, payload);
}

function flush() {
  if (next > sent && NRF.getSecurityStatus().connected) samples(1, sent, next - sent, batchMs);
  sent = next; // what nobody heard stays in the ring, and is asked for
}

// Polls that fall due while something else runs become one event. How many those were, the clock tells.
function missed() {
  const now = getTime() * 1000;
  if (!next) base = now;
  base += period / 1000; // they may be a little slower than they should
  base = Math.min(base, now - next * period);
  const late = Math.floor((now - base) / period + 0.05) - next;
  if (late <= 0) return;
  flush();
  holes.push({ first: next, end: next + late });
  next = sent = next + late;
  holes = holes.filter((h) => h.end > next - KEPT);
  if (holes.length > MOST_HOLES) oldest = holes.shift().end;
}

function held() {
  return Math.max(oldest, next - KEPT + MOST, 0);
}

function felt(a) {
  "ram";
  missed();
  const at = 3 * (next % KEPT);
  // In g at ±4 g; at ±8 g the firmware still reads half of it, which is what the scale of 244 µg means.
  ring[at] = Math.max(-32768, Math.min(32767, a.x * 8192));
  ring[at + 1] = Math.max(-32768, Math.min(32767, a.y * 8192));
  ring[at + 2] = Math.max(-32768, Math.min(32767, a.z * 8192));
  if (next === sent) batchMs = nowMs();
  next++;
  if (next - sent >= batch) flush();
}

function chip(control, output) {
  Bangle.accelWr(CONTROL, control); // off, as registers may only change then
  Bangle.accelWr(OUTPUT, output);
  Bangle.accelWr(CONTROL, control | ON);
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
    next = sent = oldest = 0;
    holes = [];
    startMs = nowMs();
    // Without this the watch falls to 1.25 samples a second after a minute of stillness.
    Bangle.setOptions({ powerSave: false });
    chip(range === 8 ? AT_8_G : AT_4_G, ODR[period] | HALF);
    Bangle.setPollInterval(period);
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
  Bangle.setOptions({ powerSave: true });
}

function stop() {
  if (!running) return answer("X", 3);
  end();
  answer("X", 0);
  draw();
}

function again() {
  if (!asked) return;
  const within = holes.find((h) => h.first <= asked.at && asked.at < h.end);
  if (within) asked.at = Math.min(within.end, asked.end);
  const before = holes.find((h) => h.first > asked.at);
  const count = Math.min(MOST, asked.end - asked.at, before ? before.first - asked.at : MOST);
  // Times are even between the start and now: the watch's clock is steadier than its timers.
  const ms = Math.round(startMs + (asked.at * (nowMs() - startMs)) / Math.max(1, next));
  if (count > 0) samples(2, asked.at, count, ms);
  asked.at += count;
  asked.sent += count;
  if (asked.at < asked.end) return setTimeout(again, 20);
  answer("F", 0, u32(asked.sent));
  asked = undefined;
}

function fetch(first, count) {
  if (!running) return answer("F", 3);
  if (!(first >= 0 && count > 0)) return answer("F", 2);
  if (first < held() || first >= next) return answer("F", 4);
  asked = { at: first, sent: 0, end: Math.min(first + count, next) };
  again();
}

function obey(text) {
  const words = text.trim().split(",");
  if (words[0] === "S") start(words[1], words[2]);
  else if (words[0] === "X") stop();
  else if (words[0] === "B") answer("B", 0, [E.getBattery()]);
  else if (words[0] === "H") {
    if (running) answer("H", 0, u16(stream).concat(u32(held()), u32(next)));
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
}

E.setConsole(null, { force: true }); // the UART is ours: nobody types into it
Bluetooth.on("data", (data) => {
  line += data;
  const lines = line.split("\n");
  line = lines.pop().substr(-64);
  lines.forEach((text) => text && obey(text));
});
setWatch(() => {
  end();
  load();
}, BTN1); // the button ends it
draw();
